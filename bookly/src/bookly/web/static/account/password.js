// The form that changes the password.

import { call } from "../ui/api.js";
import { makeForm } from "../ui/form.js";
import { userNameOf } from "./user_name.js";
import { NEW_PASSWORD, PASSWORD } from "../ui/sheet.js";

/** Return the form. This session goes on; all other sessions end. */
export function password(user, { session, say }) {
  const form = makeForm({
    fields: [
      { ...PASSWORD, name: "current_password", label: "Current password" },
      { ...NEW_PASSWORD, name: "new_password", label: "New password" },
    ],
    submit: "Change the password",
    places: { wrong_password: "current_password" },
    send: async (values) => {
      await call(session, "/auth/password/change", { method: "POST", json: values });
      form.reset();
      say("Changed. You are logged out on all other devices.");
    },
  });
  form.prepend(userNameOf(user));
  return [form];
}
