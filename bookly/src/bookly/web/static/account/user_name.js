// The user name of a form that has only passwords.

import { h } from "../ui/dom.js";

/** Return a hidden field: it tells password managers to which account the password belongs. */
export function userNameOf(user) {
  return h("input", { type: "text", autocomplete: "username", value: user.email, readonly: true, hidden: true });
}
