// The states of a view beside the filled one: loading, empty, and failed.

import { h } from "./dom.js";
import { wordsOf } from "./words.js";

/** Return grey shapes where the content will be. */
export function skeleton() {
  const lines = Array.from({ length: 6 }, () => h("div", { class: "skeleton-card" }));
  const shapes = [h("div", { class: "skeleton-title" }), h("div", { class: "grid-cards" }, ...lines)];
  return h("div", { class: "view skeleton", role: "status", "aria-label": "Loading" }, ...shapes);
}

/** Return what failed, and a button that tries again. */
export function failed(error, retry) {
  const isScript = error instanceof TypeError; // A module of an older release is gone.
  if (error.code === undefined && !isScript) console.error(error);
  const words = isScript ? "A part of this page could not be loaded." : wordsOf(error);
  const again = isScript ? () => location.reload() : retry;
  return h(
    "section",
    { class: "state", role: "alert" },
    h("h1", { tabindex: "-1" }, "This did not load"),
    h("p", {}, words),
    h("button", { type: "button", onclick: again }, isScript ? "Reload the page" : "Try again"),
  );
}

/** Return an empty state: what is missing, and the one thing to do next. */
export function empty(title, text, action) {
  return h("section", { class: "state" }, h("h2", {}, title), h("p", {}, text), action);
}
