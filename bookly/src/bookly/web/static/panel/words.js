// What the panel says about renewals, in plain words.

/**
 * One renewal, as the server tells it.
 * @typedef {object} Entry
 * @property {string} at
 * @property {string} verdict
 * @property {"owner" | "thief"} holder
 * @property {number | null} tab
 * @property {number} generation
 * @property {number | null} presented  The number of a dot.
 * @property {number | null} answered
 * @property {boolean} known  Was the answered token issued before?
 * @property {boolean} lost  Did the answer not arrive?
 */

const REASONS = {
  replay: [
    "An old refresh token came back, so two parties hold copies: one of them is a thief.",
    "The server cannot tell which one, so it ended the session for both, in every tab at once.",
  ],
  logout: ["You logged out.", "The session has ended in every tab."],
  forgotten: ["Bookly no longer knows this session.", "It was restarted, or this browser keeps no cookies for this address."],
  expired: ["The demo session was half an hour old, or ten minutes unused.", "A real one lasts for weeks."],
};

/** Return two sentences about why a session ended. */
export function reasonOf(ended) {
  return REASONS[ended] ?? ["The session has ended.", "Start a new one to go on."];
}

/** Return who sent a renewal: "this tab", "tab 2", "the thief". */
export function senderOf({ holder, tab }, mine) {
  if (holder === "thief") return "thief";
  return tab === mine ? "this tab" : `tab ${tab ?? "?"}`;
}

/** Return a sentence about a renewal. `before` is the entry before it. */
export function sentenceOf(entry, before, { superseded }) {
  if (entry.lost) return `The server answered, and the answer was lost on its way. ${lossOf(entry)}`;
  if (before?.lost && before.presented === entry.presented) return foundOf(entry, before);
  switch (entry.verdict) {
    case "advance":
      return entry.holder === "thief"
        ? "The thief got an access token. The server cannot know yet."
        : `A new access token, and the next refresh token: generation ${entry.generation}.`;
    case "hold":
      return `A new access token; the refresh token stays, because it is younger than ${superseded} s.`;
    case "repeat":
      return entry.known
        ? "The same refresh token again, so the same answer again."
        : "The same refresh token again, some time later: a sibling of the last answer.";
    case "superseded":
      return "A newer refresh token exists. The session goes on.";
    case "replay":
      return "An old refresh token came back. The session ends.";
    case "ended":
      return "Refused: the session has ended.";
    default:
      return "Refused for now. Try again in half a minute.";
  }
}

function lossOf({ verdict }) {
  return verdict === "hold" ? "" : "Its refresh token was never used.";
}

function foundOf(entry, before) {
  return entry.answered === before.answered
    ? "The same token again, and the identical answer. Nothing lost."
    : "The same token again, some time later. Nothing lost.";
}

/**
 * Return what happens next, and what the visitor can do now.
 * @param {import("./demo.js").Told} session
 * @param {{repeat: number, superseded: number}} times  The windows, in seconds.
 * @param {number} now  As `Date.now()`.
 */
export function adviceOf(session, times, now = Date.now()) {
  const advice = session.theft ? theftOf(session, times, now) : "";
  if (!session.losing) return advice;
  return `The answer to your next renewal will be lost. ${advice || "Press “Renew twice at once”, or wait until it comes by itself."}`;
}

/** Return what to do after a theft: at any moment, a step that leads to the end of the session. */
function theftOf({ dots, head, rotated }, { repeat, superseded }, now) {
  const age = (now - new Date(rotated)) / 1_000; // Of the head.
  const newestOf = (holder) => dots.findLast(({ holders }) => holders.includes(holder));
  const [own, thiefs] = [newestOf("owner"), newestOf("thief")];
  const isNext = (dot) => dot?.parent === head;
  if (own === thiefs) return sharedOf(dots, age <= superseded, { repeat, superseded });
  if (thiefs?.number === head) return afterOwn(age <= repeat, repeat);
  if (own?.number === head) return afterThief(age <= repeat, repeat);
  const wait = age <= superseded ? `Wait until ${superseded} s after the last “advance”` : "";
  if (isNext(own) && isNext(thiefs)) return partedOf(wait);
  // A head's own parent is refused only after the window; any other old token, at once.
  const isJustReplaced = (dot) => dot?.number === dots.find(({ number }) => number === head)?.parent;
  return isNext(own) ? lateThief(isJustReplaced(thiefs) && wait) : lateOwner(isJustReplaced(own) && wait);
}

/** Both hold the same token: the stolen one, or the one that both got by renewing in haste. */
function sharedOf(dots, isYoung, { repeat, superseded }) {
  const isStolen = dots.filter(({ holders }) => holders.length === 2).length === 1;
  const what = isStolen
    ? "The thief holds a copy of your refresh token."
    : `You both renewed within ${repeat} s, so you and the thief hold the same refresh token again.`;
  return `${what} ${isYoung ? `Wait until it is ${superseded} s old, then let the thief renew.` : "Let the thief renew now."}`;
}

function afterThief(isEarly, repeat) {
  return isEarly
    ? `The thief has renewed. Wait ${repeat} s before you renew, or you get the same refresh token as the thief.`
    : "The thief has renewed. Press “Renew twice at once” now, and the two lines part.";
}

function afterOwn(isEarly, repeat) {
  return isEarly
    ? `You have renewed. Wait ${repeat} s before the thief renews, or the thief gets the same refresh token as you.`
    : "You have renewed. Let the thief renew now, and the two lines part.";
}

function partedOf(wait) {
  return wait
    ? `The lines have parted. When both have been used, the session ends. ${wait}, then renew.`
    : "The lines have parted. Press “Renew twice at once”, then “Thief renews”: when both have been used, the session ends.";
}

function lateThief(wait) {
  const step = wait ? `${wait}, then let the thief renew` : "Let the thief renew now";
  return `Your line is in use. ${step}, with a token that is too old.`;
}

function lateOwner(wait) {
  const step = wait ? `${wait}, then renew` : "Press “Renew twice at once” now";
  return `The thief’s line is in use. ${step}: your token is too old, so the server sees that two parties renew.`;
}

/** Return a time of day, such as "12:01:07". */
export function clockOf(at) {
  return new Date(at).toLocaleTimeString("en-GB");
}

/** Return how long ago something was: "4 min ago". */
export function agoOf(at, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - new Date(at)) / 1_000));
  return seconds < 60 ? "just now" : `${Math.floor(seconds / 60)} min ago`;
}
