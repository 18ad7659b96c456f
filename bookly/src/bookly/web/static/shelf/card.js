// One book: as a card, or as the form that stands in its place.

import { h, icon } from "../ui/dom.js";
import { makeForm } from "../ui/form.js";
import { count } from "../ui/words.js";

const LANGUAGES = ["English", "French", "German", "Italian", "Japanese", "Portuguese", "Spanish"];
const MAX_PAGES = 100_000;
const SEGMENTER = Intl.Segmenter && new Intl.Segmenter("und", { granularity: "grapheme" });
const SHAPE = /^(?!\p{DI})[\p{L}\p{N}\p{S}]/u; // Not a quotation mark, and nothing invisible.

/** @type {import("../ui/form.js").Field[]} */
const FIELDS = [
  { name: "title", label: "Title", max: 200 },
  { name: "author", label: "Author", max: 200 },
  { name: "publisher", label: "Publisher", max: 200 },
  { name: "published_date", label: "Published", ask: "Enter the day of publication.", attributes: { type: "date", max: "9999-12-31" } },
  { name: "page_count", label: "Pages", ask: "Enter the number of pages.", check: pages, attributes: { inputmode: "numeric" } },
  { name: "language", label: "Language", max: 35, choices: LANGUAGES },
];

function pages(value) {
  const isCount = /^\d{1,6}$/.test(value) && Number(value) >= 1 && Number(value) <= MAX_PAGES;
  return isCount ? null : `Enter a whole number from 1 to ${MAX_PAGES.toLocaleString("en")}.`;
}

/**
 * Return the card of a book.
 * @param {object} book  As the API shows it.
 * @param {{isOwn: boolean, actions: {edit: () => void, remove: () => void} | null}} rights  The
 *   actions are null if the user may not change the book.
 */
export function card(book, { isOwn, actions }) {
  const year = Number(book.published_date.slice(0, 4));
  const tag = book.is_sample ? "Sample" : isOwn && "Yours";
  return h(
    "article",
    { class: "card" },
    h("div", { class: "cover", "aria-hidden": "true" }, initial(book.title)),
    h(
      "div",
      { class: "card-text" },
      h("h2", { class: "card-title", tabindex: "-1", title: book.title }, book.title),
      h("p", { class: "card-author" }, book.author),
      h("p", { class: "card-facts" }, `${year} · ${count(book.page_count, "page")} · ${book.language}`),
      h("p", { class: "card-facts" }, book.publisher),
    ),
    (tag || actions) && h("div", { class: "card-foot" }, tag && h("span", { class: isOwn ? "tag own" : "tag" }, tag), ...(actions ? buttons(book, actions) : [])),
  );
}

/** Return the letter for the cover: the first of the first word which is no article. */
function initial(title) {
  const letters = graphemes(title.replace(/^(the|an?) (?=\S)/i, ""));
  const first = letters.find((each) => SHAPE.test(each)) ?? letters.find((each) => !/^[\p{DI}\p{M}\s]/u.test(each)) ?? "";
  const upper = first.toUpperCase();
  // "ß" and "ŉ" have capitals of two letters.
  return graphemes(upper).length === 1 ? upper : first;
}

/** Split a text into what a reader sees as characters, such as an emoji of several code points. */
function graphemes(text) {
  return SEGMENTER ? Array.from(SEGMENTER.segment(text), ({ segment }) => segment) : [...text];
}

function buttons(book, { edit, remove }) {
  const one = (name, text, onclick) =>
    h("button", { type: "button", class: "plain", "data-write": true, "aria-label": `${text} “${book.title}”`, onclick }, icon(name), text);
  return [one("edit", "Edit", edit), one("remove", "Delete", remove)];
}

/**
 * Return the form of a new book, or of one that changes.
 * @param {object | null} book
 * @param {{save: (fields: object) => Promise<void>, cancel: () => void}} actions  `save` gets what
 *   differs from the book.
 */
export function bookForm(book, { save, cancel }) {
  const title = h("h2", {}, book ? "Edit the book" : "Add a book");
  const form = makeForm({
    fields: FIELDS.map((field) => withValue(field, book)),
    submit: book ? "Save" : "Add to the shelf",
    beside: [h("button", { type: "button", class: "quiet", onclick: cancel }, "Cancel")],
    attributes: { class: "book-form", "aria-label": title.textContent },
    send: (values) => save(changed({ ...values, page_count: Number(values.page_count) }, book)),
  });
  form.addEventListener("keydown", (event) => event.key === "Escape" && cancel());
  return h("section", { class: "card-edit" }, title, form);
}

function withValue(field, book) {
  return { ...field, attributes: { ...field.attributes, value: book?.[field.name], autocomplete: "off" } };
}

function changed(values, book) {
  return Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== book?.[name]));
}
