// The names of a user.

import { call } from "../ui/api.js";
import { makeForm } from "../ui/form.js";

const FIELDS = [
  ["first_name", "First name", "given-name"],
  ["last_name", "Last name", "family-name"],
  ["username", "User name", "nickname"],
];

/** Return the form. An empty field removes the name. */
export function profile(user, { session, say }) {
  const fields = FIELDS.map(([name, label, autocomplete]) => ({
    ...{ name, label, optional: true, max: 100 },
    attributes: { value: user[name] ?? "", autocomplete, "data-form-type": "other" },
  }));
  const send = async (values) => {
    const json = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value || null]));
    await call(session, "/auth/me", { method: "PATCH", json });
    await session.reload().catch(() => {});
    say("Saved.");
  };
  return [makeForm({ fields, submit: "Save", send })];
}
