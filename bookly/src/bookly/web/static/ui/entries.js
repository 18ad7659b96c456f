// What is kept about each entry of the browser's history, so that "back" shows it as it was left.

const KEY = "bookly-entries";
const SHARED = "shared "; // Before the name of an entry that shows the view of another one.
const MOST = 100; // The most entries that are kept: the last ones that were shown.

/**
 * @typedef {object} Entry
 * @property {number} [y]  How far down the page was scrolled.
 * @property {number} [books]  How many books the shelf showed.
 */

export class Entries {
  /** @type {Record<string, Entry>} */
  #all = stored();
  #name = "";
  /** @type {Entry} */
  #current = {};
  #isShown = false;

  constructor() {
    history.scrollRestoration = "manual"; // The browser would scroll before the view has its height.
    addEventListener("pagehide", () => this.#leave());
  }

  /** Leave an entry for the one of the URL, and return what is kept about it. A view may add to it. */
  enter() {
    this.#leave();
    this.#isShown = false;
    this.#name = nameOf(history.state) ?? Math.random().toString(36).slice(2);
    if (history.state === null) history.replaceState(this.#name, ""); // A reload keeps it.
    const { [this.#name]: current = {}, ...others } = this.#all;
    this.#all = Object.fromEntries([...Object.entries(others), [this.#name, current]].slice(-MOST));
    this.#current = current;
    return current;
  }

  /** Has the browser gone to another entry than the one that is shown? It may have the same URL. */
  isElsewhere() {
    return history.state !== null && nameOf(history.state) !== this.#name;
  }

  /** Forget what is kept about the current entry, which is about to be replaced, unless it shares that. */
  clear() {
    if (history.state === this.#name) delete this.#all[this.#name];
  }

  /** Name a new entry that shows the same view, such as that of the skip link, like the last one. */
  share() {
    if (history.state === null) history.replaceState(SHARED + this.#name, "");
  }

  /** Scroll to where the user left the view that is shown now, or to the top if it is new. */
  scroll({ isNew }) {
    scrollTo(0, isNew ? 0 : (this.#current.y ?? 0));
    this.#isShown = true;
  }

  #leave() {
    if (!this.#isShown) return;
    this.#current.y = scrollY;
    store(this.#all);
  }
}

function nameOf(state) {
  return state?.replace(SHARED, "") ?? null;
}

function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
  } catch {
    return {}; // Storage is disabled.
  }
}

function store(entries) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(entries));
  } catch {
    // Storage is disabled or full: the entries are kept until the next page is loaded.
  }
}
