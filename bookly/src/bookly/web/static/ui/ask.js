// A question before something is deleted or ended.

import { h } from "./dom.js";

/**
 * Ask in a dialog; resolve to whether the user agrees.
 * @param {string} question  It names the thing: "Delete “Emma”?"
 * @param {{text?: string, agree: string}} words  What follows, and the label of the button.
 */
export function ask(question, { text, agree }) {
  const dialog = h(
    "dialog",
    { class: "ask", "aria-labelledby": "ask-title" },
    h(
      "form",
      { method: "dialog" },
      h("h2", { id: "ask-title" }, question),
      text && h("p", {}, text),
      h(
        "div",
        { class: "buttons" },
        h("button", { value: "", class: "quiet", autofocus: true }, "Cancel"),
        h("button", { value: "yes", class: "danger" }, agree),
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
