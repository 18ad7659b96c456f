// Three hints for the first visit, which can be dismissed for good.

import { h } from "../ui/dom.js";
import { remember, remembered } from "../ui/memory.js";

const KEY = "bookly-hints";
const HINTS = [
  "Watch the bar drain. Before it is empty, the session renews by itself.",
  "Open a second tab, and put it beside this one. Only one of the two renews.",
  "Steal the refresh token, and let the thief renew. See how long that works.",
];

/** Return the hints, or null if they were dismissed. */
export function hints() {
  if (remembered(KEY) === "done") return null;
  const dismiss = () => {
    remember(KEY, "done");
    box.remove();
  };
  const box = h(
    "section",
    { class: "hints", "aria-label": "Hints" },
    h("ol", {}, ...HINTS.map((hint) => h("li", {}, hint))),
    h("button", { type: "button", class: "quiet", onclick: dismiss }, "Got it, hide these"),
  );
  return box;
}
