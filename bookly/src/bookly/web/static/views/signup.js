// Sign up, and log in at once. The mail with the link to verify the address is sent by the server.

import { call } from "../ui/api.js";
import { h } from "../ui/dom.js";
import { makeForm } from "../ui/form.js";
import { EMAIL, NEW_PASSWORD, SIGN_UP_IS_OPEN, buttonLink, lead, sheet } from "../ui/sheet.js";

export const NAME = {
  name: "first_name",
  label: "First name",
  optional: true,
  max: 100,
  attributes: { autocomplete: "given-name" },
};

/** Show the form. */
export async function render(root, { session, say }) {
  if (!SIGN_UP_IS_OPEN) {
    const words = lead("Ask for one; the mail with it has a link that makes your account.");
    return root.append(...sheet("New accounts need an invitation", [words, buttonLink("/login", "Log in")]));
  }
  const form = makeForm({
    fields: [NAME, EMAIL, NEW_PASSWORD],
    submit: "Sign up",
    places: { email_taken: "email" },
    send: async ({ email, password, first_name }) => {
      const profile = first_name ? { first_name } : {};
      await call(window, "/auth/signup", { method: "POST", json: { email, password, ...profile } });
      await session.login({ email, password });
      say(`Welcome! We sent a link to ${email}: open it to verify the address.`);
    },
  });
  const logIn = h("a", { href: `/login${location.search}` }, "Log in");
  root.append(...sheet("Sign up", [form], ["You have an account? ", logIn]));
}
