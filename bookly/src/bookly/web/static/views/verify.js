// The link of the mail that verifies an address leads here.

import { call } from "../ui/api.js";
import { h } from "../ui/dom.js";
import { showMailLink } from "../ui/mail_link.js";
import { buttonLink, lead, replaceSheet } from "../ui/sheet.js";

const WORDS = {
  title: "Verify your address",
  text: "Confirm that this address is yours.",
  submit: "Verify my address",
};

/** Show the button. */
export async function render(root, { session, params }) {
  const dead = {
    title: "This link does not work",
    text: session.user ? "Request a new one in your account." : "Log in, and request a new one in your account.",
    action: buttonLink("/account", "Go to your account"),
  };
  const send = async () => {
    await call(window, "/auth/email/verify", { method: "POST", json: { token: params.token } });
    await session.reload().catch(() => {}); // If the user is logged in here, update the header and the account.
    const onward = buttonLink("/", session.user ? "Go to your shelf" : "Log in");
    if (!session.user) onward.href = "/login";
    const done = [lead("Thank you. Your address is verified."), h("div", { class: "buttons" }, onward)];
    replaceSheet(root, "Verified", done);
  };
  showMailLink(root, WORDS, params.token, dead, { send });
}
