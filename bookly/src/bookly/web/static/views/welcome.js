// What a visitor who is logged out sees at "/".

import { h, icon } from "../ui/dom.js";
import { SIGN_UP_IS_OPEN, buttonLink } from "../ui/sheet.js";

const FACTS = [
  ["check", "Renews by itself", "You stay logged in while you use it: in every tab, after a lost answer and after sleep."],
  ["user", "See every device", "The list of sessions shows where you are logged in. You can end each session at once."],
  ["panel", "Detects theft", "A stolen refresh token ends the session once the thief and you have both renewed."],
];

export async function render(root) {
  root.append(
    h(
      "section",
      { class: "welcome" },
      h("h1", { tabindex: "-1" }, "A shelf for your books, and a log-in that renews itself."),
      h("p", { class: "lead" }, "List the books that you own or want to read."),
      h("div", { class: "buttons" }, ...ways()),
      h("ul", { class: "facts" }, ...FACTS.map(fact)),
    ),
  );
}

function ways() {
  if (!SIGN_UP_IS_OPEN) return [buttonLink("/login", "Log in")];
  return [buttonLink("/signup", "Sign up"), h("a", { href: "/login", class: "button quiet" }, "Log in")];
}

function fact([name, title, text]) {
  return h("li", {}, icon(name), h("div", {}, h("h2", {}, title), h("p", {}, text)));
}
