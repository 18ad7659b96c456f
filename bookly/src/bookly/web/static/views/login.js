import { h } from "../ui/dom.js";

/** Show the view. */
export async function render(root) {
  root.append(h("h1", { tabindex: "-1" }, "login"));
}
