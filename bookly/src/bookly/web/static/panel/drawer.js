// The drawer of the token panel: its button in the header, and whether it is open.

import { h, icon } from "../ui/dom.js";
import { remember } from "../ui/memory.js";

const KEY = "bookly-panel";

/** Add the panel to the page. `theme.js` has opened the drawer before the first paint. */
export function addDrawer(createSession) {
  const drawer = document.getElementById("panel");
  const button = h(
    "button",
    { type: "button", class: "icon-button", id: "panel-button", "aria-controls": "panel", title: "Token panel" },
    icon("panel"),
    h("span", { class: "hidden" }, "Token panel"),
  );
  document.getElementById("bar-end").prepend(button);
  const root = document.documentElement;
  let panel = null;
  let filling = Promise.resolve();
  const fill = async () => {
    if (root.dataset.panel === "open") {
      const { openPanel } = await import("./panel.js");
      panel ??= openPanel(drawer, createSession, close);
    } else {
      panel?.close();
      panel = null;
    }
  };
  const show = (isOpen) => {
    root.dataset.panel = isOpen ? "open" : "closed";
    button.ariaExpanded = String(isOpen);
    filling = filling.then(fill, fill); // One after the other, after clicks in haste, too.
    return filling;
  };
  const toggle = (isOpen) => {
    remember(KEY, isOpen ? "open" : "closed");
    return show(isOpen);
  };
  const close = () => toggle(false).then(() => button.focus());
  button.addEventListener("click", () => toggle(root.dataset.panel !== "open"));
  show(root.dataset.panel === "open");
}
