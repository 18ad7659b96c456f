// Ask for a link to choose a new password. The answer is the same for every address.

import { call } from "../ui/api.js";
import { h } from "../ui/dom.js";
import { makeForm } from "../ui/form.js";
import { EMAIL, MAIL_PLACE, lead, replaceSheet, sheet } from "../ui/sheet.js";

const BACK = () => [h("a", { href: "/login" }, "Back to log in")];

/** Show the form. */
export async function render(root) {
  const form = makeForm({
    fields: [EMAIL],
    submit: "Send the link",
    send: async ({ email }) => {
      await call(window, "/auth/password/forgot", { method: "POST", json: { email } });
      const words = `If there is an account with ${email}, we have sent a link to it. The link works for 30 minutes.`;
      replaceSheet(root, "Look at your mails", [lead(words), lead(MAIL_PLACE)], BACK());
    },
  });
  const words = lead("Enter your address. We send you a link to choose a new password.");
  root.append(...sheet("Forgotten password", [words, form], BACK()));
}
