// The header: search, the account menu and the theme switch.

import { h, icon } from "./dom.js";
import { remember } from "./memory.js";
import { SIGN_UP_IS_OPEN } from "./sheet.js";

const SEARCH_MS = 250;
const THEMES = ["system", "light", "dark"];

export class Header {
  #session;
  #router;
  #say;
  #end = document.getElementById("bar-end");
  #search = document.getElementById("search");
  #shown = null;

  constructor(session, router, say) {
    this.#session = session;
    this.#router = router;
    this.#say = say;
    this.#end.append(themeSwitch(), h("div", { class: "account", id: "account" }));
    this.#watchSearch();
    document.addEventListener("click", (event) => this.#closeMenu(event));
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.#closeMenu(event));
    session.onChange(() => this.#show());
    session.ready.then(() => this.#show());
  }

  #show() {
    const { user, status } = this.#session;
    this.#search.hidden = !user;
    // The next page keeps a place for the search field before it is known who is logged in.
    document.documentElement.toggleAttribute("data-was-in", Boolean(user));
    remember("bookly-was-in", user ? "yes" : "no");
    const shown = JSON.stringify([user, status === "out"]);
    if (shown === this.#shown) return; // A menu that is open stays open.
    this.#shown = shown;
    const account = document.getElementById("account");
    account.replaceChildren();
    if (user) account.append(this.#menu(user));
    else if (status === "out") account.append(...guestLinks());
  }

  #menu(user) {
    return h(
      "details",
      { class: "menu" },
      h("summary", { "aria-label": `Account menu of ${nameOf(user)}` }, icon("user"), h("span", { class: "name" }, nameOf(user)), icon("chevron")),
      h(
        "ul",
        {},
        h("li", { class: "menu-who" }, user.email ?? ""),
        h("li", {}, h("a", { href: "/account" }, "Your account")),
        h("li", {}, h("a", { href: "/sessions" }, "Your sessions")),
        h("li", {}, h("a", { href: "/api/v1/docs" }, "API docs")),
        h("li", {}, h("button", { type: "button", onclick: () => this.#logOut() }, "Log out")),
      ),
    );
  }

  async #logOut() {
    await this.#session.logout().catch(() => this.#say("Bookly cannot be reached, so you are still logged in. Try again."));
  }

  #closeMenu(event) {
    const menu = document.querySelector(".menu[open]");
    const isInside = event.type === "click" && event.target.closest(".menu summary");
    if (!menu || isInside) return;
    menu.open = false;
    if (event.type === "keydown") menu.querySelector("summary").focus();
  }

  #watchSearch() {
    const input = this.#search.elements.q;
    let timer;
    const search = () => {
      clearTimeout(timer);
      const q = input.value.trim();
      const isShelf = location.pathname === "/";
      this.#router.search(q ? `/?q=${encodeURIComponent(q)}` : "/", { replace: isShelf });
    };
    input.value = new URLSearchParams(location.search).get("q") ?? "";
    input.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(search, SEARCH_MS);
    });
    this.#search.addEventListener("submit", (event) => {
      event.preventDefault();
      search();
    });
    this.#router.onShow((params) => {
      if (document.activeElement !== input) input.value = params.q ?? "";
    });
  }
}

/** Return the links for a visitor who is logged out. */
function guestLinks() {
  const logIn = h("a", { href: "/login" }, "Log in");
  return SIGN_UP_IS_OPEN ? [logIn, h("a", { href: "/signup", class: "button" }, "Sign up")] : [logIn];
}

/** Return the name that the page shows for the user. */
export function nameOf(user) {
  return user.first_name || user.username || user.email?.split("@")[0] || "you";
}

/** Return a button that goes through the themes. */
function themeSwitch() {
  const button = h("button", { type: "button", class: "icon-button", id: "theme" });
  const show = () => {
    const chosen = document.documentElement.dataset.theme ?? "system";
    const next = THEMES[(THEMES.indexOf(chosen) + 1) % THEMES.length];
    button.title = `Theme: ${chosen}. Change to ${next}.`;
    button.ariaLabel = button.title;
    const isDark = chosen === "dark" || (chosen === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
    button.replaceChildren(icon(isDark ? "moon" : "sun"));
    return next;
  };
  button.addEventListener("click", () => {
    choose(show());
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  show();
  return button;
}

function choose(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  remember("bookly-theme", theme);
}
