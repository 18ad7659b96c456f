// The frame of a view with one form: a heading, a sentence, the form, and links below.

import { h } from "./dom.js";

const MAX_PASSWORD = 1024;

export const EMAIL = {
  name: "email",
  label: "E-mail address",
  ask: "Enter your e-mail address.",
  max: 254,
  attributes: { type: "email", autocomplete: "username", inputmode: "email", spellcheck: "false" },
};

export const PASSWORD = {
  name: "password",
  label: "Password",
  ask: "Enter your password.",
  max: MAX_PASSWORD,
  attributes: { type: "password", autocomplete: "current-password" },
};

/** A password to choose; the server also refuses those that are easily guessed. */
export const NEW_PASSWORD = {
  name: "password",
  label: "Password",
  ask: "Choose a password.",
  hint: "15 characters or more. Four or five unrelated words are good.",
  max: MAX_PASSWORD,
  check: (value) => ([...value].length < 15 ? "Use 15 characters or more." : null),
  attributes: { type: "password", autocomplete: "new-password" },
};

/** May visitors make an account by themselves? */
export const SIGN_UP_IS_OPEN = document.documentElement.dataset.signUp === "open";

/** Where the user finds a mail. In development, mails are only written to the log. */
export const MAIL_PLACE =
  "mailsAreLogged" in document.documentElement.dataset
    ? "Bookly has no mail server here, so the mail is in the log, where Bookly was started."
    : "It can take a minute. Look in the spam folder, too.";

/**
 * Return a sheet.
 * @param {string} title
 * @param {(Node | string | null | undefined | false)[]} content
 * @param {(Node | string)[]} [foot]  What stands below the sheet, such as links.
 */
export function sheet(title, content, foot = []) {
  const heading = h("h1", { tabindex: "-1" }, title);
  return [
    h("section", { class: "sheet" }, heading, ...content),
    foot.length > 0 && h("p", { class: "sheet-foot" }, ...foot),
  ].filter(Boolean);
}

/** Return a sentence below the heading. */
export function lead(...text) {
  return h("p", { class: "lead" }, ...text);
}

/** Return a link that looks like the main button. */
export function buttonLink(href, text) {
  return h("a", { href, class: "button" }, text);
}

/** Replace the content of the view by another sheet, and move the focus to its heading. */
export function replaceSheet(root, title, content, foot) {
  root.replaceChildren(...sheet(title, content, foot));
  root.querySelector("h1").focus();
}
