// The user name of a form that has only passwords.

import { h } from "../ui/dom.js";

/** Return a hidden field that tells password managers which account the password belongs to. */
export function userNameOf(user) {
  return h("input", { type: "text", autocomplete: "username", value: user.email, readonly: true, hidden: true });
}
