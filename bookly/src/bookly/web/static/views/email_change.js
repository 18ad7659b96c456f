// The link of the mail to a new address leads here.

import { call } from "../ui/api.js";
import { h } from "../ui/dom.js";
import { showMailLink } from "../ui/mail_link.js";
import { buttonLink, lead, replaceSheet } from "../ui/sheet.js";

const WORDS = {
  title: "Change your address",
  text: "After this, you log in with the address that received this mail.",
  submit: "Use this address",
};
const DEAD = {
  title: "This link does not work",
  text: "Your address has not changed. You can start again in your account.",
  action: buttonLink("/account", "Go to your account"),
};

/** Show the button. */
export async function render(root, { session, params }) {
  const send = async () => {
    await call(window, "/auth/email/change/confirm", { method: "POST", json: { token: params.token } });
    await session.reload().catch(() => {});
    const onward = buttonLink("/account", session.user ? "Go to your account" : "Log in");
    replaceSheet(root, "Address changed", [
      lead("Your new address is set and verified. Log in with it from now on."),
      h("div", { class: "buttons" }, onward),
    ]);
  };
  showMailLink(root, WORDS, params.token, DEAD, { send });
}
