// The link of an administrator's invitation leads here.

import { call } from "../ui/api.js";
import { h } from "../ui/dom.js";
import { showMailLink } from "../ui/mail_link.js";
import { NEW_PASSWORD, buttonLink, lead, replaceSheet } from "../ui/sheet.js";
import { NAME } from "./signup.js";

const WORDS = {
  title: "Welcome to Bookly",
  text: "You are invited. Choose a password to create your account. Your address is verified already.",
  submit: "Accept the invitation",
};
const DEAD = {
  title: "This invitation does not work",
  text: "If you have an account already, log in. If not, ask for a new invitation.",
  action: buttonLink("/login", "Log in"),
};

/** Show the form. */
export async function render(root, { session, params }) {
  const send = async ({ password, first_name }) => {
    const profile = first_name ? { first_name } : {};
    const json = { token: params.token, password, ...profile };
    const { email } = await call(window, "/auth/invitations/accept", { method: "POST", json });
    await session.login({ email, password });
    const onward = h("div", { class: "buttons" }, buttonLink("/", "Go to your shelf"));
    replaceSheet(root, "Your account is ready", [lead(`You are logged in as ${email}.`), onward]);
  };
  showMailLink(root, WORDS, params.token, DEAD, { fields: [NAME, NEW_PASSWORD], send });
}
