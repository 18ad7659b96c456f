// What a visitor who is logged out sees at "/".

import { h, icon } from "../ui/dom.js";
import { SIGN_UP_IS_OPEN, buttonLink } from "../ui/sheet.js";

const FACTS = [
  ["check", "Renews by itself", "Your log-in lasts as long as you use it: in every tab, after a lost answer, after sleep."],
  ["user", "Every device in sight", "See where you are logged in, and end any session at once."],
  ["panel", "Finds the thief", "A stolen token is noticed as soon as the thief and you have both used it."],
];

/** Show the welcome. */
export async function render(root) {
  root.append(
    h(
      "section",
      { class: "welcome" },
      h("h1", { tabindex: "-1" }, "A shelf for your books, and a log-in that renews itself."),
      h("p", { class: "lead" }, "Keep the books that you own or want to read. Your session stays yours."),
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
