// Log in. Then the router shows the view that the visitor asked for.

import { h } from "../ui/dom.js";
import { makeForm } from "../ui/form.js";
import { safeNext } from "../routes.js";
import { EMAIL, PASSWORD, SIGN_UP_IS_OPEN, lead, sheet } from "../ui/sheet.js";

/** Show the form. */
export async function render(root, { session, params, say }) {
  const form = makeForm({
    fields: [{ ...EMAIL, attributes: { ...EMAIL.attributes, autofocus: true } }, PASSWORD],
    submit: "Log in",
    beside: [h("a", { href: "/forgot" }, "Forgotten your password?")],
    send: async (values) => {
      await session.login(values);
      say("");
    },
  });
  const isOnTheWay = params.next && safeNext(params.next) !== "/";
  const why = isOnTheWay && lead("Log in first. Then the page that you asked for opens.");
  const signUp = h("a", { href: `/signup${location.search}` }, "Sign up");
  root.append(...sheet("Log in", [why, form], SIGN_UP_IS_OPEN ? ["No account yet? ", signUp] : []));
}
