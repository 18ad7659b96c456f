// The e-mail address: whether it is verified, a new link, and another address.

import { call } from "../ui/api.js";
import { h, icon } from "../ui/dom.js";
import { makeForm } from "../ui/form.js";
import { EMAIL, MAIL_PLACE, PASSWORD } from "../ui/sheet.js";
import { duration, wordsOf } from "../ui/words.js";

const LOOK_MS = 5_000; // Interval between two checks whether the address is verified.
const PAUSE_SECONDS = 60; // Pause between two mails that the user requests here.

/** Return the address with its state, and the form for another one. */
export function address(user, context) {
  const shown = h("div", {});
  const show = ({ email, email_verified }) => {
    const state = email_verified ? [tag("own", icon("check"), "Verified")] : [tag("warning", "Not verified yet")];
    shown.replaceChildren(
      h("p", { class: "address" }, h("b", {}, email), " ", ...state),
      ...(email_verified ? [] : [again(email, context)]),
    );
  };
  show(user);
  if (!user.email_verified) watch(context, show);
  return [shown, change(context)];
}

/** Check at intervals whether the user has opened the link, in another tab or on another device. */
function watch({ session, signal }, show) {
  const look = async () => {
    const user = await call(session, "/auth/me", { signal }).catch(() => null);
    if (!user?.email_verified || signal.aborted) return;
    clearInterval(timer);
    show(user);
  };
  const timer = setInterval(() => document.visibilityState === "visible" && look(), LOOK_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
}

function tag(kind, ...content) {
  return h("span", { class: `tag ${kind}` }, ...content);
}

/** A button that asks for a new link, and shows how long until the next one. */
function again(email, { session, signal }) {
  const note = h("p", { class: "muted", role: "status" }, `We sent a link to this address. ${MAIL_PLACE}`);
  const button = h("button", { type: "button", class: "quiet", "data-write": true }, "Send a new link");
  const wait = (seconds) => countDown(button, seconds, signal);
  button.addEventListener("click", async () => {
    if (button.ariaDisabled === "true") return;
    button.ariaDisabled = "true";
    try {
      await call(session, "/auth/email/verify/request", { method: "POST" });
      note.textContent = `We sent a new link to ${email}. The earlier link no longer works. ${MAIL_PLACE}`;
      wait(PAUSE_SECONDS);
    } catch (error) {
      note.textContent = wordsOf(error);
      wait(error.retryAfter ?? 1);
    }
  });
  return h("div", {}, note, button);
}

function countDown(button, seconds, signal) {
  const until = Date.now() + seconds * 1_000;
  const tick = () => {
    const left = (until - Date.now()) / 1_000;
    button.textContent = left > 0 ? `Send a new link in ${duration(left)}` : "Send a new link";
    if (left > 0) return;
    clearInterval(timer);
    button.ariaDisabled = null;
  };
  const timer = setInterval(tick, 1_000);
  signal.addEventListener("abort", () => clearInterval(timer));
  tick();
}

function change({ session }) {
  const done = h("p", { class: "muted", role: "status" });
  const form = makeForm({
    fields: [{ ...EMAIL, name: "new_email", label: "New e-mail address", ask: "Enter the new address.", attributes: { ...EMAIL.attributes, autocomplete: "email" } }, PASSWORD],
    submit: "Send the link",
    places: { wrong_password: "password", email_taken: "new_email" },
    send: async (values) => {
      await call(session, "/auth/email/change", { method: "POST", json: values });
      form.reset();
      done.textContent = `We sent a link to ${values.new_email}. Open it to use the new address. ${MAIL_PLACE}`;
    },
  });
  return h("details", { class: "more-form" }, h("summary", {}, "Use another address"), form, done);
}
