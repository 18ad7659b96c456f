// The token panel: what is happening to the demo session, in words and one picture.

import { h } from "../ui/dom.js";
import { Demo } from "./demo.js";
import { hints } from "./hints.js";
import { drawLine } from "./line.js";
import { adviceOf, agoOf, clockOf, reasonOf, senderOf, sentenceOf } from "./words.js";

const TICK_MS = 500;
const LOGGED = 12; // Entries of the log that are shown.
const LAST_TENTH = 0.11; // The middle of the time in which a client renews.
const AWAY = "Bookly cannot be reached. The session goes on when it is back.";
const EXPLANATION = "https://github.com/tokenpair/tokenpair/blob/main/docs/explanation/renewal.md";

/** Fill the drawer. `onClose` is called by the panel's own button. */
export function openPanel(drawer, createSession, onClose) {
  const demo = new Demo(createSession);
  const parts = makeParts(demo);
  const heading = h("div", { class: "panel-head" }, h("h2", {}, "Token panel"), closeButton(onClose));
  drawer.replaceChildren(
    heading,
    h("p", { class: "muted" }, "This panel uses a session of its own with shorter times. Yours is untouched."),
    ...[hints()].filter(Boolean),
    ...Object.values(parts).map(({ element }) => element),
  );
  const show = () => {
    for (const part of Object.values(parts)) part.show();
  };
  demo.onChange(show);
  const timer = setInterval(() => [parts.token, parts.facts, parts.buttons].forEach((part) => part.show()), TICK_MS);
  demo.open().catch(() => parts.failure.say("The demo cannot be reached. Is Bookly running?"));
  return {
    close() {
      clearInterval(timer);
      demo.close();
      drawer.replaceChildren();
    },
  };
}

function closeButton(onClose) {
  return h("button", { type: "button", class: "plain", onclick: onClose }, "Close");
}

function makeParts(demo) {
  const failure = makeFailure();
  return {
    failure,
    ended: makeEnded(demo, failure),
    token: makeToken(demo),
    facts: makeFacts(demo),
    line: makeLine(demo),
    buttons: makeButtons(demo, failure),
    log: makeLog(demo),
  };
}

/** The access token's remaining life, as a draining bar. */
function makeToken(demo) {
  const fill = h("div", { class: "drain-fill" });
  const bar = h("div", { class: "drain", role: "progressbar", "aria-label": "Life of the access token", "aria-valuemin": 0 }, fill);
  const left = h("b", { class: "left" });
  const next = h("p", { class: "muted" });
  const element = h("section", {}, h("div", { class: "split" }, h("h3", {}, "Access token"), left), bar, next);
  const show = () => {
    const life = demo.state?.times.access ?? 30;
    const seconds = demo.isIn && demo.expiresAt ? Math.max(0, (demo.expiresAt - Date.now()) / 1_000) : 0;
    fill.style.transform = `scaleX(${Math.min(1, seconds / life)})`;
    bar.ariaValueMax = life;
    bar.ariaValueNow = Math.ceil(seconds);
    left.textContent = leftOf(seconds, demo);
    next.textContent = nextOf(seconds - life * LAST_TENTH, seconds, demo);
  };
  return { element, show };
}

/** Return how long the access token is valid. */
function leftOf(seconds, { state }) {
  if (seconds) return `${Math.ceil(seconds)} s left`;
  return state ? "none" : "…";
}

/** Return when the next renewal comes; `due` is a number of seconds. */
function nextOf(due, seconds, { isOffline }) {
  if (isOffline) return AWAY;
  if (!seconds) return "";
  const whole = Math.round(due);
  return whole > 0 ? `renews by itself in about ${whole} s` : "renews at any moment";
}

/** Generation, age and tabs, in one line. */
function makeFacts(demo) {
  const facts = h("p", { class: "session-facts" });
  const element = h("section", {}, h("div", { class: "split" }, h("h3", {}, "Session"), facts));
  const show = () => {
    const session = demo.state?.session;
    const tabs = `${demo.tabs} tab${demo.tabs === 1 ? "" : "s"}`;
    const text = session ? `generation ${session.generation} · began ${agoOf(session.began)} · ${tabs}` : "…";
    if (facts.textContent !== text) facts.textContent = text;
  };
  return { element, show };
}

function makeLine(demo) {
  const place = h("div", {});
  const legend = h("p", { class: "legend" });
  const element = h("section", {}, h("h3", {}, "Refresh tokens"), place, legend);
  const show = () => {
    const session = demo.state?.session;
    if (!session) return;
    place.replaceChildren(drawLine(session));
    const words = ["● used", "◉ used last", "○ not used yet"];
    if (session.dots.some(({ replayed }) => replayed)) words.push("✕ came too late");
    legend.textContent = words.join("   ");
  };
  return { element, show };
}

function makeButtons(demo, failure) {
  const button = (label, act, attributes = {}) =>
    h("button", { type: "button", class: "quiet", onclick: (event) => once(event.currentTarget, act, failure), ...attributes }, label);
  const lose = button("Lose the next answer", () => demo.lose());
  const twice = button("Renew twice at once", () => demo.renewTwice());
  const tab = h("a", { class: "button quiet", href: "/", target: "_blank" }, "Open a second tab");
  const steal = button("Steal the refresh token", () => demo.steal(), { class: "danger quiet" });
  const thief = button("Thief renews", () => demo.renewStolen(), { class: "danger" });
  const advice = h("p", { class: "advice", role: "status" });
  const element = h("section", { class: "break", "aria-label": "Break it" }, h("div", { class: "buttons" }, lose, twice, tab, steal, thief), advice);
  const show = () => {
    const session = demo.state?.session;
    const isLive = demo.isIn && Boolean(session);
    for (const each of [lose, twice]) each.disabled = !isLive;
    steal.disabled = !isLive || Boolean(session.theft);
    element.hidden = Boolean(demo.ended);
    thief.hidden = !session?.theft;
    lose.ariaPressed = String(Boolean(session?.losing));
    const words = isLive ? adviceOf(session, demo.state.times) : "";
    if (advice.textContent !== words) advice.textContent = words;
  };
  return { element, show };
}

/** Run what a button does, once at a time. */
async function once(button, act, failure) {
  if (button.ariaBusy === "true") return;
  button.ariaBusy = "true";
  failure.say("");
  await act().catch(() => failure.say("That did not work. Is Bookly running?"));
  button.ariaBusy = null;
}

function makeLog(demo) {
  const list = h("ol", { class: "log" });
  const live = h("div", { role: "log", "aria-label": "Renewals, the newest first" }, list);
  const none = h("p", { class: "muted" }, "None yet. The first one comes by itself.");
  const element = h("section", {}, h("h3", {}, "Renewals"), none, live);
  let newest = null;
  const show = () => {
    const session = demo.state?.session;
    const last = session && `${session.began} ${session.log.at(-1)?.at} ${session.log.length}`;
    if (!session || last === newest) return;
    newest = last;
    none.hidden = session.log.length > 0;
    const rows = session.log.map((entry, index) => row(entry, session.log[index - 1], session.tab, demo.state.times));
    list.replaceChildren(...rows.slice(-LOGGED).reverse());
  };
  return { element, show };
}

function row(entry, before, mine, times) {
  return h(
    "li",
    { class: entry.holder },
    h("time", { datetime: entry.at }, clockOf(entry.at)),
    h("b", { class: `verdict ${entry.verdict}` }, entry.verdict),
    h("span", { class: "sender" }, senderOf(entry, mine)),
    h("p", {}, sentenceOf(entry, before, times)),
  );
}

/** The end of the session, and why. */
function makeEnded(demo, failure) {
  const words = h("p", {});
  const again = () => demo.start();
  const element = h(
    "section",
    { class: "over", role: "alert", hidden: true },
    h("h3", {}, "The session has ended"),
    words,
    h("p", {}, h("a", { href: EXPLANATION, target: "_blank", rel: "noreferrer" }, "Why this is safe, and what others do")),
    h("button", { type: "button", onclick: (event) => once(event.currentTarget, again, failure) }, "Start a new session"),
  );
  const show = () => {
    const { ended } = demo;
    const isNew = Boolean(ended) && element.hidden;
    element.hidden = !ended;
    if (isNew) element.scrollIntoView({ block: "nearest" });
    if (ended) words.textContent = reasonOf(ended).join(" ");
  };
  return { element, show };
}

function makeFailure() {
  const element = h("p", { class: "form-error", role: "alert", hidden: true });
  const say = (text) => {
    element.textContent = text;
    element.hidden = !text;
  };
  return { element, say, show: () => {} };
}
