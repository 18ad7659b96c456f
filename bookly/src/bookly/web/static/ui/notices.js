// Lines below the header, about the connection and about this address.

import { h } from "./dom.js";

const place = document.getElementById("notices");
const OFFLINE = "Bookly cannot be reached. You see the last known data, and cannot change it until Bookly is back.";

/** Show that the server is unreachable, and disable writes meanwhile. */
export function watchConnection(session, say) {
  if (!window.isSecureContext) place.append(noHttps());
  const offline = h("p", { class: "notice", role: "status", hidden: true }, OFFLINE);
  place.append(offline);
  const show = () => {
    offline.hidden = session.status !== "offline";
    document.documentElement.toggleAttribute("data-offline", !offline.hidden);
  };
  session.onChange(show);
  session.ready.then(show);
  const refuse = (event) => {
    const { target } = event;
    const isWrite = event.type === "submit" ? target.querySelector("[data-write]") : target.closest?.("[data-write]");
    if (offline.hidden || !isWrite) return;
    event.preventDefault();
    event.stopPropagation();
    say("You are offline. What you typed is kept; try again when Bookly is back.");
  };
  document.addEventListener("click", refuse, true);
  document.addEventListener("submit", refuse, true);
}

/** Browsers keep a `Secure` cookie only from https and from this machine. */
function noHttps() {
  const port = location.port ? `:${location.port}` : "";
  const own = `http://127.0.0.1${port}/`;
  return h(
    "p",
    { class: "notice warning" },
    "This address has no https, so the browser refuses the cookie of a log-in, and a reload logs you out. Use https; or, on the machine that runs Bookly, ",
    h("a", { href: own }, own),
    ".",
  );
}
