// The shelf: the books of all users, newest first. Own books can be changed in place.

import { bookForm, card } from "../shelf/card.js";
import { call } from "../ui/api.js";
import { ask } from "../ui/ask.js";
import { h, icon } from "../ui/dom.js";
import { empty } from "../ui/states.js";
import { count, wordsOf } from "../ui/words.js";

const PAGE = 24; // Books per request: a full row of two, three or four cards.
const MOST = 96; // The most books per request.
const NEW = "new";

/** The shelf of the user who was here last. A search or another view keeps its open forms. */
let shelf = null;

/** Show the shelf, or the books that contain `params.q`. */
export async function render(root, context) {
  const { id } = context.session.user;
  if (shelf?.userId !== id) shelf = newShelf(id, context.session);
  await shelf.enter(root, context);
}

/** Return a shelf that is forgotten when its user logs out, but not when the session ends by itself. */
function newShelf(userId, session) {
  const stop = session.onChange(({ cause }) => {
    if (cause !== "log_out") return;
    stop();
    shelf = null;
  });
  return new Shelf(userId);
}

class Shelf {
  #root;
  #context;
  #q = null;
  #page;
  #list = h("ul", { class: "grid-cards" });
  #forms = new Map(); // The open forms, by the book's id, or `NEW`.

  constructor(userId) {
    this.userId = userId;
  }

  /** Read the books, then show them in a new root. */
  async enter(root, context) {
    const q = context.params.q ?? "";
    const page = await this.#readOrKeep(q, context);
    if (context.signal.aborted) return;
    this.#root = root;
    this.#context = context;
    this.#q = q;
    this.#page = page;
    this.#show();
  }

  /** While the server is unreachable, keep the books that were shown last. */
  async #readOrKeep(q, context) {
    try {
      return await read(q, context);
    } catch (error) {
      const isAway = error.code === "unreachable" || error.code === "unavailable";
      if (!isAway || this.#q !== q) throw error;
      return this.#page;
    }
  }

  #show() {
    const title = this.#q ? `Books with “${this.#q}”` : "Shelf";
    const add = h("button", { type: "button", id: "add", "data-write": true, onclick: () => this.#add() }, icon("add"), "Add a book");
    const forNew = this.#forms.get(NEW);
    this.#list.replaceChildren(...(forNew ? [forNew] : []), ...this.#page.items.map((book) => this.#item(book)));
    this.#root.replaceChildren(
      h("div", { class: "view-head" }, h("h1", { tabindex: "-1" }, title), add),
      this.#samplesNote(),
      this.#list,
      h("div", { class: "more" }),
    );
    this.#showEnd();
  }

  /** Show a button for more books below the cards, or that there are no books. */
  #showEnd() {
    const end = this.#root.querySelector(".more");
    const { items, next } = this.#page;
    const more = h("button", { type: "button", class: "quiet", onclick: () => this.#more() }, "Load more");
    const isEmpty = !items.length && (this.#q || !this.#forms.has(NEW));
    end.replaceChildren();
    if (next) end.append(more);
    else if (isEmpty) end.append(this.#empty());
    this.#root.querySelector(".samples").hidden = !items.some((book) => book.is_sample);
  }

  #empty() {
    if (this.#q) {
      const all = h("a", { href: "/", class: "button quiet" }, "Show all books");
      return empty("Nothing found", "No title, author or publisher contains these words.", all);
    }
    const add = h("button", { type: "button", "data-write": true, onclick: () => this.#add() }, icon("add"), "Add the first book");
    return empty("The shelf is empty", "Start with the book that you are reading now.", add);
  }

  #samplesNote() {
    const remove = h("button", { type: "button", class: "plain", "data-write": true, onclick: () => this.#removeSamples() }, "Remove the samples");
    const text = h("span", {}, "The books marked “Sample” came with the first start.");
    return h("div", { class: "samples" }, text, remove);
  }

  /** Return the book's open form, or its card. */
  #item(book) {
    return this.#forms.get(book.id) ?? this.#cardOf(book);
  }

  #cardOf(book) {
    const { user } = this.#context.session;
    const isOwn = book.owner_id === user.id;
    const mayChange = isOwn || user.roles?.includes("admin");
    const item = h("li", { "data-id": book.id });
    const actions = { edit: () => this.#edit(book, item), remove: () => this.#remove(book) };
    item.append(card(book, { isOwn, actions: mayChange ? actions : null }));
    return item;
  }

  // --- What a user does ---

  #add() {
    const open = this.#forms.get(NEW);
    if (open) return open.querySelector("input").focus();
    const item = h("li", { class: "is-edited is-new" });
    const close = () => {
      const hasFocus = item.contains(document.activeElement);
      this.#forget(NEW, item);
      item.remove();
      this.#showEnd();
      if (hasFocus) document.getElementById("add").focus();
    };
    const save = async (fields) => {
      const book = await this.#change("/books", { method: "POST", json: fields });
      await this.#showNew(book);
      close();
      this.#context.say(`Added “${book.title}”.`);
    };
    item.append(bookForm(null, { save, cancel: close }));
    this.#forms.set(NEW, item);
    this.#list.prepend(item);
    this.#showEnd();
    item.querySelector("input").focus();
  }

  /** Show a new book first, unless it is shown already, or a search does not find it. */
  async #showNew(book) {
    const [q, page] = [this.#q, this.#page];
    const hasBook = ({ items }) => items.some(({ id }) => id === book.id);
    const isFound = !q || hasBook(await call(this.#context.session, pathOf(q, {})).catch(() => page));
    // A page that was read meanwhile has the book, if it is one for it.
    if (!isFound || page !== this.#page || hasBook(page)) return;
    page.items.unshift(book);
    this.#list.prepend(this.#item(book));
  }

  #edit(book, item) {
    const edited = h("li", { class: "is-edited" });
    const close = () => {
      const hasFocus = edited.contains(document.activeElement);
      this.#forget(book.id, edited);
      const next = this.#cardOf(this.#page.items.find(({ id }) => id === book.id) ?? book);
      edited.replaceWith(next);
      if (hasFocus) next.querySelector("button")?.focus();
    };
    const save = async (fields) => {
      const changed = await this.#change(`/books/${book.id}`, { method: "PATCH", json: fields });
      this.#page.items = this.#page.items.map((each) => (each.id === book.id ? changed : each));
      close();
      this.#context.say(`Saved “${changed.title}”.`);
    };
    edited.append(bookForm(book, { save, cancel: close }));
    this.#forms.set(book.id, edited);
    item.replaceWith(edited);
    edited.querySelector("input").focus();
  }

  async #remove(book) {
    const agreed = await ask(`Delete “${book.title}”?`, { text: `The book by ${book.author} will be deleted from the shelf for all users.`, agree: "Delete the book" });
    if (!agreed || !(await this.#try(() => this.#change(`/books/${book.id}`, { method: "DELETE" })))) return;
    const item = this.#list.querySelector(`[data-id="${book.id}"]`); // The list may have been shown anew.
    const hasFocus = item?.contains(document.activeElement); // The dialog has returned it to the button.
    const near = (item?.nextElementSibling ?? item?.previousElementSibling)?.querySelector("h2");
    this.#page.items = this.#page.items.filter((each) => each.id !== book.id);
    item?.remove();
    this.#showEnd();
    if (hasFocus) (near ?? document.getElementById("add")).focus();
    this.#context.say(`Deleted “${book.title}”.`);
  }

  async #removeSamples() {
    const agreed = await ask("Remove the sample books?", { text: "Books that you and others have added stay.", agree: "Remove the samples" });
    if (!agreed || !(await this.#try(() => this.#change("/books/samples", { method: "DELETE" })))) return;
    this.#context.say("The samples are removed.");
    const { pathname, search } = location; // The user may have left, or may search by now.
    if (pathname === "/") await this.#context.navigate(pathname + search, { replace: true });
  }

  async #more() {
    const button = this.#root.querySelector(".more button");
    if (button.ariaBusy === "true") return;
    button.ariaBusy = "true";
    const { session, signal } = this.#context;
    const page = await this.#try(() => call(session, pathOf(this.#q, { cursor: this.#page.next }), { signal }));
    button.ariaBusy = null;
    if (!page) return;
    this.#page.items.push(...page.items);
    this.#page.next = page.next;
    this.#context.entry.books = this.#page.items.length;
    const items = page.items.map((book) => this.#item(book));
    this.#list.append(...items);
    this.#showEnd();
    items[0]?.querySelector("h2").focus();
    this.#context.say(`${count(this.#page.items.length, "book")} shown.`);
  }

  /** Run an action. Return its result or true; after an error, show its text and return false. */
  async #try(work) {
    try {
      return (await work()) ?? true;
    } catch (error) {
      if (error.name !== "AbortError") this.#context.say(wordsOf(error));
      return false;
    }
  }

  /** Forget a form that is closed, unless another one was opened in its place. */
  #forget(key, form) {
    if (this.#forms.get(key) === form) this.#forms.delete(key);
  }

  /** Send a change. It goes on after the user leaves the view. */
  #change(path, how) {
    return call(this.#context.session, path, how);
  }
}

/** Return as many books as the user left here, or the first ones. */
async function read(q, { session, entry, signal }) {
  const wanted = entry.books ?? PAGE;
  const page = await call(session, pathOf(q, { limit: Math.min(wanted, MOST) }), { signal });
  while (page.next && page.items.length < wanted) {
    const limit = Math.min(wanted - page.items.length, MOST);
    const { items, next } = await call(session, pathOf(q, { limit, cursor: page.next }), { signal });
    page.items.push(...items);
    page.next = next;
  }
  return page;
}

function pathOf(q, { limit = PAGE, cursor }) {
  const query = new URLSearchParams({ limit, ...(q && { q }), ...(cursor && { cursor }) });
  return `/books?${query}`;
}
