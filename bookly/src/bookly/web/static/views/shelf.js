// The shelf: the books of all users, newest first. Own books can be changed in place.

import { bookForm, card } from "../shelf/card.js";
import { call } from "../ui/api.js";
import { ask } from "../ui/ask.js";
import { h, icon } from "../ui/dom.js";
import { empty } from "../ui/states.js";
import { count, wordsOf } from "../ui/words.js";

const PAGE = 24; // Books per request: a full row of two, three or four cards.
const MOST = 96; // The most books per request.

/** The books that were shown last. The page shows them again while the server is unreachable. */
let kept = null;

/** Show the shelf, or the books that contain `params.q`. */
export async function render(root, context) {
  const shelf = new Shelf(root, context);
  await shelf.load();
  shelf.show();
}

class Shelf {
  #root;
  #context;
  #q;
  #page;
  #list = h("ul", { class: "grid-cards" });

  constructor(root, context) {
    this.#root = root;
    this.#context = context;
    this.#q = context.params.q ?? "";
  }

  async load() {
    const key = `${this.#context.session.user.id} ${this.#q}`;
    try {
      this.#page = await this.#read();
      kept = { key, page: this.#page };
    } catch (error) {
      const isAway = error.code === "unreachable" || error.code === "unavailable";
      if (!isAway || kept?.key !== key) throw error;
      this.#page = kept.page;
    }
  }

  /** Read as many books as the user left here, or the first ones. */
  async #read() {
    const wanted = this.#context.entry.books ?? PAGE;
    const page = await this.#call(this.#path({ limit: Math.min(wanted, MOST) }));
    while (page.next && page.items.length < wanted) {
      const { items, next } = await this.#call(this.#path({ cursor: page.next }));
      page.items.push(...items);
      page.next = next;
    }
    return page;
  }

  show() {
    const title = this.#q ? `Books with “${this.#q}”` : "Shelf";
    const add = h("button", { type: "button", id: "add", "data-write": true, onclick: () => this.#add() }, icon("add"), "Add a book");
    this.#list.replaceChildren(...this.#page.items.map((book) => this.#item(book)));
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
    const isEmpty = !items.length && !this.#list.querySelector(".card-edit");
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

  #item(book) {
    const { user } = this.#context.session;
    const isOwn = book.owner_id === user.id;
    const mayChange = isOwn || user.roles?.includes("admin");
    const item = h("li");
    const actions = { edit: () => this.#edit(book, item), remove: () => this.#remove(book, item) };
    item.append(card(book, { isOwn, actions: mayChange ? actions : null }));
    return item;
  }

  // --- What a user does ---

  #add() {
    const open = this.#list.querySelector(".is-new input");
    if (open) return open.focus();
    const item = h("li", { class: "is-edited is-new" });
    const close = () => {
      item.remove();
      this.#showEnd();
      document.getElementById("add")?.focus();
    };
    const save = async (fields) => {
      const book = await this.#call("/books", { method: "POST", json: fields });
      this.#page.items.unshift(book);
      this.#list.prepend(this.#item(book));
      close();
      this.#context.say(`Added “${book.title}”.`);
    };
    item.append(bookForm(null, { save, cancel: close }));
    this.#list.prepend(item);
    this.#showEnd();
    item.querySelector("input").focus();
  }

  #edit(book, item) {
    const edited = h("li", { class: "is-edited" });
    const close = (next) => {
      edited.replaceWith(next);
      next.querySelector("button")?.focus();
    };
    const save = async (fields) => {
      const changed = await this.#call(`/books/${book.id}`, { method: "PATCH", json: fields });
      this.#page.items.splice(this.#page.items.indexOf(book), 1, changed);
      close(this.#item(changed));
      this.#context.say(`Saved “${changed.title}”.`);
    };
    edited.append(bookForm(book, { save, cancel: () => close(item) }));
    item.replaceWith(edited);
    edited.querySelector("input").focus();
  }

  async #remove(book, item) {
    const agreed = await ask(`Delete “${book.title}”?`, { text: `The book by ${book.author} will be deleted from the shelf for all users.`, agree: "Delete the book" });
    if (!agreed || !(await this.#try(() => this.#call(`/books/${book.id}`, { method: "DELETE" })))) return;
    const near = (item.nextElementSibling ?? item.previousElementSibling)?.querySelector("h2");
    this.#page.items.splice(this.#page.items.indexOf(book), 1);
    item.remove();
    this.#showEnd();
    (near ?? document.getElementById("add")).focus();
    this.#context.say(`Deleted “${book.title}”.`);
  }

  async #removeSamples() {
    const agreed = await ask("Remove the sample books?", { text: "Books that you and others have added stay.", agree: "Remove the samples" });
    if (!agreed || !(await this.#try(() => this.#call("/books/samples", { method: "DELETE" })))) return;
    this.#context.say("The samples are removed.");
    await this.#context.navigate("/");
  }

  async #more() {
    const button = this.#root.querySelector(".more button");
    if (button.ariaBusy === "true") return;
    button.ariaBusy = "true";
    const page = await this.#try(() => this.#call(this.#path({ cursor: this.#page.next })));
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
      this.#context.say(wordsOf(error));
      return false;
    }
  }

  #path({ limit = PAGE, cursor }) {
    const query = new URLSearchParams({ limit, ...(this.#q && { q: this.#q }), ...(cursor && { cursor }) });
    return `/books?${query}`;
  }

  #call(path, how = {}) {
    const signal = how.method ? undefined : this.#context.signal; // A write goes on after the user leaves the view.
    return call(this.#context.session, path, { ...how, signal });
  }
}
