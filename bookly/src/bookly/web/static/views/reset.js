// The link of the mail for a forgotten password leads here.

import { call } from "../ui/api.js";
import { h } from "../ui/dom.js";
import { showMailLink } from "../ui/mail_link.js";
import { NEW_PASSWORD, buttonLink, lead, replaceSheet } from "../ui/sheet.js";

const WORDS = {
  title: "Choose a new password",
  text: "This ends all your sessions, on every device. Then log in with the new password.",
  submit: "Set the new password",
};
const DEAD = {
  title: "This link does not work",
  text: "Ask for a new one; it works for 30 minutes.",
  action: buttonLink("/forgot", "Send a new link"),
};
const FIELD = { ...NEW_PASSWORD, name: "new_password", label: "New password" };

/** Show the form. */
export async function render(root, { session, params }) {
  const send = async ({ new_password }) => {
    const json = { token: params.token, new_password };
    await call(window, "/auth/password/reset", { method: "POST", json });
    if (session.user) await session.renew().catch(() => {}); // Finds out whether this one has ended.
    const onward = h("div", { class: "buttons" }, buttonLink("/login", "Log in"));
    const done = [lead("Your new password is set, and every session has ended."), onward];
    replaceSheet(root, "Password changed", done);
  };
  showMailLink(root, WORDS, params.token, DEAD, { fields: [FIELD], send });
}
