// Views that links in mails open. Only a button sends the token. So a mail scanner does not
// use the token up, even if it opens the link and runs the scripts.

import { h } from "./dom.js";
import { makeForm } from "./form.js";
import { lead, replaceSheet, sheet } from "./sheet.js";

/**
 * Show a form that sends the token of the mail.
 * @param {HTMLElement} root
 * @param {object} words
 * @param {string} words.title
 * @param {string} words.text
 * @param {string} words.submit  The label of the button.
 * @param {string | null} token  From the link; null without one.
 * @param {{title: string, text: string, action: Node}} dead  What to do with a link that is used up.
 * @param {{fields?: object[], send: (values: Record<string, string>) => Promise<void>}} form
 */
export function showMailLink(root, { title, text, submit }, token, dead, { fields = [], send }) {
  if (!token) return root.append(...sheet(dead.title, deadContent(dead, "The link has no token, or was opened before.")));
  const form = makeForm({
    fields,
    submit,
    send: async (values) => {
      await send(values).catch((error) => {
        if (error.code !== "mail_token_invalid") throw error;
        replaceSheet(root, dead.title, deadContent(dead, "It was used, replaced by a newer one, or has expired."));
      });
    },
  });
  root.append(...sheet(title, [lead(text), form]));
}

function deadContent({ text, action }, why) {
  return [lead(why, " ", text), h("div", { class: "buttons" }, action)];
}
