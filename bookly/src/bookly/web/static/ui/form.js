// Forms: errors beside their fields, what was typed is kept, one submission at a time.

import { h } from "./dom.js";
import { count, wordsOf } from "./words.js";

// A field takes five times its `max`, so that a user can shorten a text in it. The browser cuts off
// the rest: a paste of megabytes would stop it for seconds.
const ROOM = 5;
const USUAL_MAX = 200; // Characters, for a field without a `max`, such as a number.

let forms = 0;

/**
 * @typedef {object} Field
 * @property {string} name  As in the API, so that its errors find their field.
 * @property {string} label
 * @property {string} [hint]  A sentence below the label.
 * @property {string} [ask]  What to say where a required field is empty, such as "Enter the title."
 * @property {boolean} [optional]
 * @property {number} [max]  The most characters. A field takes more, and says by how many to shorten.
 * @property {(value: string) => string | null} [check]  Returns what is wrong with a value.
 * @property {Record<string, unknown>} [attributes]  Of the input, such as `type` and `autocomplete`.
 * @property {string[]} [choices]  Suggestions.
 */

/**
 * Return a form.
 * @param {object} options
 * @param {Field[]} options.fields
 * @param {string} options.submit  The label of the button.
 * @param {(values: Record<string, string>) => Promise<void>} options.send  Its errors are shown.
 * @param {Record<string, string>} [options.places]  The field of an error's code.
 * @param {Node[]} [options.beside]  What stands beside the button, such as a link.
 * @param {Record<string, unknown>} [options.attributes]  Of the form.
 */
export function makeForm({ fields, submit, send, places = {}, beside = [], attributes = {} }) {
  forms += 1;
  const id = `form-${forms}`;
  const rows = fields.map((field) => row(field, `${id}-${field.name}`));
  const failure = h("p", { class: "form-error", role: "alert", tabindex: "-1", hidden: true });
  const button = h("button", { type: "submit", "data-write": true }, submit);
  const form = h(
    "form",
    { novalidate: true, ...attributes },
    failure,
    ...rows.map(({ element }) => element),
    h("div", { class: "buttons" }, button, ...beside),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.ariaDisabled === "true") return;
    clear(rows, failure);
    const values = Object.fromEntries(rows.map(({ field, input }) => [field.name, valueOf(field, input)]));
    const wrong = rows.map(({ field, input }) => complaint(field, input));
    if (wrong.some(Boolean)) return showAll(rows, wrong);
    await sending(button, () => send(values)).catch((error) => showError(error, { rows, failure, places }));
  });
  return form;
}

function row(field, id) {
  const { name, label, hint, attributes = {}, choices } = field;
  const described = [`${id}-error`, hint && `${id}-hint`, field.max && `${id}-length`].filter(Boolean).join(" ");
  const list = choices && h("datalist", { id: `${id}-list` }, ...choices.map((each) => h("option", { value: each })));
  const input = h("input", {
    ...{ id, name, type: "text", required: !field.optional, "aria-describedby": described },
    ...(choices && { list: `${id}-list` }),
    maxlength: (field.max ?? USUAL_MAX) * ROOM,
    ...attributes,
  });
  const error = h("p", { id: `${id}-error`, class: "field-error" });
  const length = field.max && h("p", { id: `${id}-length`, class: "hint" });
  const showLength = () => {
    length.textContent = lengthHint(field, input);
  };
  if (length) input.addEventListener("input", showLength);
  const element = h(
    "div",
    { class: "field" },
    h("label", { for: id }, label, field.optional && h("span", { class: "muted" }, " (optional)")),
    hint && h("p", { id: `${id}-hint`, class: "hint" }, hint),
    length,
    error,
    attributes.type === "password" ? withReveal(input) : input,
    list,
  );
  return { field, element, input, error };
}

/** Add a button that shows what is typed. */
function withReveal(input) {
  const button = h("button", { type: "button", class: "reveal", "aria-label": "Show the password" }, "Show");
  button.addEventListener("click", () => {
    const isShown = input.type === "text";
    input.type = isShown ? "password" : "text";
    button.textContent = isShown ? "Show" : "Hide";
    button.ariaLabel = `${button.textContent} the password`;
  });
  return h("div", { class: "with-reveal" }, input, button);
}

function valueOf(field, input) {
  return field.attributes?.type === "password" ? input.value : input.value.trim();
}

/** Return what is wrong with a field before it is sent, or null. */
function complaint(field, input) {
  const value = valueOf(field, input);
  if (input.validity.badInput) return `${field.label} is not complete.`;
  if (!value) return field.optional ? null : (field.ask ?? `Enter the ${field.label.toLowerCase()}.`);
  if (isTooLong(field, value)) return tooLong(field, value);
  if (field.attributes?.type === "email" && !/^\S+@\S+$/.test(value)) return "Enter an address such as ada@example.com.";
  return field.check?.(value) ?? null;
}

/** Count as the server does: an emoji of two code units is one character. */
function charactersOf(value) {
  return [...value].length;
}

function isTooLong({ max }, value) {
  return max !== undefined && charactersOf(value) > max;
}

function tooLong({ label, max }, value) {
  return `${label} has at most ${count(max, "character")}. This has ${charactersOf(value).toLocaleString("en")}.`;
}

/** Return what to do about a text that is too long, or an empty text. */
function lengthHint(field, input) {
  const value = valueOf(field, input);
  if (!isTooLong(field, value)) return "";
  const isCut = input.value.length >= input.maxLength;
  if (isCut) return `Only the first ${count(charactersOf(value), "character")} fit in here. Shorten this to ${field.max.toLocaleString("en")}.`;
  return `Shorten this by ${count(charactersOf(value) - field.max, "character")}.`;
}

/** Run one submission. The button keeps the focus, which a disabled one would lose. */
async function sending(button, work) {
  button.ariaDisabled = "true";
  button.ariaBusy = "true";
  try {
    await work();
  } finally {
    button.ariaDisabled = null;
    button.ariaBusy = null;
  }
}

function showError(error, { rows, failure, places }) {
  const byField = (name, words) => {
    const at = rows.findIndex(({ field }) => field.name === name);
    return at >= 0 && rows.map((_, index) => (index === at ? words : null));
  };
  const found = (error.errors ?? []).map(({ field, reason }) => [field, reason]);
  const wrong = rows.map(({ field }) => {
    const reasons = found.filter(([name]) => name === field.name).map(([, reason]) => reason);
    return reasons.length ? `${field.label} ${reasons.join(", and ")}.` : null;
  });
  if (wrong.some(Boolean)) return showAll(rows, wrong);
  const placed = byField(places[error.code], wordsOf(error));
  if (placed) return showAll(rows, placed);
  if (error.code === undefined) console.error(error);
  failure.textContent = wordsOf(error);
  failure.hidden = false;
  failure.focus();
}

/** Show each field's error, and move the focus to the first. */
function showAll(rows, wrong) {
  rows.forEach(({ input, error }, index) => {
    error.textContent = wrong[index] ?? "";
    input.ariaInvalid = wrong[index] ? "true" : null;
  });
  rows[wrong.findIndex(Boolean)].input.focus();
}

function clear(rows, failure) {
  failure.hidden = true;
  for (const { input, error } of rows) {
    error.textContent = "";
    input.ariaInvalid = null;
  }
}
