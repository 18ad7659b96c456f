// The form that deletes the account.

import { call } from "../ui/api.js";
import { ask } from "../ui/ask.js";
import { h } from "../ui/dom.js";
import { makeForm } from "../ui/form.js";
import { PASSWORD } from "../ui/sheet.js";
import { userNameOf } from "./user_name.js";

/** Return the form. It asks once more before it deletes. */
export function deletion(user, { session, say, navigate }) {
  const text = "Your account, your sessions and your profile are deleted at once. The books that you added stay on the shelf.";
  const form = makeForm({
    fields: [PASSWORD],
    submit: "Delete the account",
    places: { wrong_password: "password" },
    send: async ({ password }) => {
      if (!(await ask(`Delete the account ${user.email}?`, { text: "This cannot be undone.", agree: "Delete the account" }))) return;
      await call(session, "/auth/me", { method: "DELETE", json: { password } });
      await session.logout().catch(() => {}); // The session is gone; this removes its cookie.
      await navigate("/", { replace: true });
      say("Your account is deleted.");
    },
  });
  form.prepend(userNameOf(user));
  form.querySelector("[type=submit]").classList.add("danger");
  return [h("p", { class: "muted" }, text), form];
}
