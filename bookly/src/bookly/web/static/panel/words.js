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

/** Return what the visitor can do next after a theft. */
export function adviceOf({ dots, head }) {
  const only = (holder) => dots.filter(({ holders }) => holders.length === 1 && holders[0] === holder);
  const stolen = dots.findLast(({ holders }) => holders.length === 2)?.number ?? 0;
  const thiefs = only("thief");
  const own = only("owner").filter(({ number }) => number > stolen);
  const isHead = (list) => list.some(({ number }) => number === head);
  if (!thiefs.length && !own.length) return "The thief holds a copy of your refresh token. Let the thief renew.";
  if (!thiefs.length) return "You have renewed. Let the thief renew, too.";
  if (!own.length) return "The thief has renewed. At your next renewal, the two lines part.";
  if (isHead(thiefs)) return "The thief’s line is in use. Your next renewal shows the server that two parties renew.";
  if (isHead(own)) return "Your line is in use. Let the thief renew now, with a token that is too old.";
  return "The lines have parted. As soon as both have been used, the session ends.";
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
