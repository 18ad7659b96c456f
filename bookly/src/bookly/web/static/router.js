// Shows the view that the URL names, and changes it without loading a page.

import { ROUTES, safeNext } from "./routes.js";
import { h } from "./ui/dom.js";
import { Entries } from "./ui/entries.js";
import { failed, skeleton } from "./ui/states.js";

const UNREACHABLE = { code: "unreachable", status: 0 };
const SKELETON_MS = 150; // A faster answer shows no skeleton.

export class Router {
  #session;
  #say;
  #main = document.getElementById("view");
  #entries = new Entries();
  #leaving = new AbortController();
  #shown = null;
  #place = null;
  #listeners = [];

  constructor(session, say) {
    this.#session = session;
    this.#say = say;
    useUsualPath();
    for (const type of ["popstate", "hashchange"]) {
      addEventListener(type, () => (this.#isElsewhere() ? this.show() : this.#entries.share())); // A new hash causes both.
    }
    document.addEventListener("click", (event) => this.#follow(event));
    session.onChange((change) => this.#adapt(change));
  }

  /** Go to a path of the page. */
  navigate = (path, how) => {
    this.#change(path, how);
    return this.show({ isNew: true });
  };

  /** As `navigate`, but the focus stays in the search field. */
  search(path, how) {
    this.#change(path, how);
    return this.show();
  }

  /** Call a listener with the parameters of each view that is shown. */
  onShow(listener) {
    this.#listeners.push(listener);
  }

  /** Show the view of the URL. `isNew`: move the focus to it, as a loaded page would. */
  async show({ isNew = false } = {}) {
    this.#leaving.abort();
    this.#leaving = new AbortController();
    const { signal } = this.#leaving;
    const route = ROUTES[location.pathname];
    this.#place = placeOf(location);
    const params = takeParams(route);
    const entry = this.#entries.enter();
    for (const listener of this.#listeners) listener(params);
    const timer = setTimeout(() => this.#main.replaceChildren(skeleton()), SKELETON_MS);
    signal.addEventListener("abort", () => clearTimeout(timer));
    await this.#session.ready;
    if (signal.aborted) return;
    const root = await this.#make(route, { params, entry, signal });
    if (signal.aborted) return;
    clearTimeout(timer);
    this.#main.replaceChildren(root);
    this.#entries.scroll({ isNew });
    if (isNew) (root.querySelector("[autofocus]") ?? root.querySelector("h1") ?? this.#main).focus();
  }

  /** Change the URL, in a new entry of the history or in the current one. */
  #change(path, { replace = false } = {}) {
    if (!replace) return history.pushState(null, "", path);
    this.#entries.clear();
    history.replaceState(null, "", path);
  }

  /** Has the user gone to another view, or to another entry with the same URL? The skip link changes only the hash. */
  #isElsewhere() {
    const hasNewToken = ROUTES[location.pathname]?.hasMailToken && mailToken() !== null;
    return hasNewToken || placeOf(location) !== this.#place || this.#entries.isElsewhere();
  }

  /** Return the view, or one that shows the error; null after a redirect. */
  async #make(route, { params, entry, signal }) {
    const { status, user } = this.#session;
    const isOut = status === "out";
    if (route.needs === "user" && isOut && !route.guestView) return this.#askForLogIn();
    if (route.needs === "guest" && user) return this.#goOn();
    if (route.needs === "user" && !user && !isOut) return failed(UNREACHABLE, () => this.#retry());
    const view = isOut && route.guestView ? route.guestView : route.view;
    this.#shown = { view, user: user?.id };
    document.title = `${view === "welcome" ? "A shelf of books" : route.title} · Bookly`;
    const context = { session: this.#session, navigate: this.navigate, say: this.#say, params, entry, signal };
    const root = h("div", { class: `view view-${view}` });
    try {
      const { render } = await import(`./views/${view}.js`);
      await render(root, context);
    } catch (error) {
      root.replaceChildren(failed(error, () => this.show({ isNew: true })));
    }
    return root;
  }

  /** It is not known yet who is logged in: ask the server again. */
  async #retry() {
    await this.#session.renew().catch(() => {});
    return this.show({ isNew: true });
  }

  #askForLogIn() {
    const next = encodeURIComponent(location.pathname + location.search);
    return this.navigate(`/login?next=${next}`, { replace: true });
  }

  #goOn() {
    return this.navigate(safeNext(new URLSearchParams(location.search).get("next")), { replace: true });
  }

  /** After a log-in, a log-out or another user's log-in, here or in another tab. */
  #adapt({ status, user, cause }) {
    if (status === "unknown" || cause === "start") return;
    const route = ROUTES[location.pathname];
    const isOther = this.#shown?.user !== user?.id;
    if (status === "out" && route.needs === "user") {
      this.#say(cause === "ended" ? "Your session has ended. Log in to go on." : "You are logged out.");
      if (cause !== "ended" && location.pathname !== "/") this.navigate("/", { replace: true });
      else this.show({ isNew: true });
    } else if (user && (route.needs === "guest" || (route.needs === "user" && isOther))) {
      if (cause === "user_changed") this.#say(`You are logged in as ${user.email}.`);
      this.show({ isNew: true });
    }
  }

  #follow(event) {
    const link = event.target.closest?.("a[href]");
    const isPlain = event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (!link || link.target || link.origin !== location.origin || event.defaultPrevented || !isPlain) return;
    if (!ROUTES[link.pathname] || link.hash) return;
    event.preventDefault();
    this.#say("");
    this.navigate(link.pathname + link.search);
  }
}

/** The server also answers other spellings of a path, such as one with a slash at the end. */
function useUsualPath() {
  const { path } = document.documentElement.dataset;
  if (path !== location.pathname) history.replaceState(null, "", path + location.search + location.hash);
}

function placeOf({ pathname, search }) {
  return pathname + search;
}

/** Return the token of the mail whose link was opened; null without one. */
function mailToken() {
  return new URLSearchParams(location.hash.slice(1)).get("token");
}

/** Return the parameters of the URL, and take a mail's token out of it at once. */
function takeParams(route) {
  const params = Object.fromEntries(new URLSearchParams(location.search));
  if (route.hasMailToken) {
    params.token = mailToken();
    if (location.hash) history.replaceState(history.state, "", location.pathname + location.search);
  }
  return params;
}
