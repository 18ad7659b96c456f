// The export: a file with what is stored about the user.

import { call } from "../ui/api.js";
import { h } from "../ui/dom.js";
import { makeForm } from "../ui/form.js";
import { PASSWORD } from "../ui/sheet.js";
import { wordsOf } from "../ui/words.js";

/** Return the button. Some minutes after a log-in, it asks for the password first. */
export function download({ session, say }) {
  const place = h("div", {});
  const fetchCopy = async () => {
    save(await call(session, "/auth/me/export"));
    place.replaceChildren(button);
    say("Downloaded.");
  };
  const askPassword = () => {
    const form = makeForm({
      fields: [PASSWORD],
      submit: "Download",
      places: { wrong_password: "password" },
      send: async ({ password }) => {
        await call(session, "/auth/reauthenticate", { method: "POST", json: { password } });
        await session.renew(); // The next access token contains the time of this check.
        await fetchCopy();
      },
    });
    place.replaceChildren(h("p", {}, "Your log-in was a while ago. Enter your password again."), form);
    form.querySelector("input").focus();
  };
  const start = () =>
    fetchCopy().catch((error) => (error.code === "reauthentication_required" ? askPassword() : say(wordsOf(error))));
  const button = h("button", { type: "button", class: "quiet", onclick: start }, "Download a copy");
  place.append(button);
  return [h("p", { class: "muted" }, "What Bookly stores about you, without secrets, as a JSON file."), place];
}

function save(content) {
  const file = new Blob([JSON.stringify(content, null, 2)], { type: "application/json" });
  const link = h("a", { href: URL.createObjectURL(file), download: "bookly.json" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
