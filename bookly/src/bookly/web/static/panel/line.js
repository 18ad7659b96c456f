// The line of refresh tokens, drawn from the server's data: numbers, never a token.

const SHOWN = 7; // Generations side by side.
const STEP = 46;
const LEFT = 16;
const OWN_Y = 34;
const SPARE_Y = 12; // Siblings that were not used.
const THIEF_Y = 78;

/**
 * One refresh token.
 * @typedef {object} Dot
 * @property {number} number
 * @property {number | null} parent  The number of the token that it was issued for.
 * @property {number} generation
 * @property {("owner" | "thief")[]} holders
 * @property {boolean} used
 * @property {boolean} replayed
 */

/**
 * Return the drawing of a session's line.
 * @param {{dots: Dot[], head: number | null}} session
 */
export function drawLine({ dots, head }) {
  const newest = Math.max(...dots.map(({ generation }) => generation), 1);
  const first = Math.max(1, newest - SHOWN + 1);
  const shown = dots.filter(({ generation }) => generation >= first);
  const places = new Map(shown.map((dot) => [dot.number, placeOf(dot, shown, first)]));
  const hasThief = shown.some(({ holders }) => holders.includes("thief"));
  const width = LEFT * 2 + STEP * SHOWN;
  const label = describe({ dots, head });
  const svg = s("svg", { class: "line", viewBox: `0 0 ${width} ${hasThief ? 116 : 60}`, role: "img", "aria-label": label });
  for (const dot of shown) svg.append(...edgeOf(dot, places));
  for (const dot of shown) svg.append(markOf(dot, places.get(dot.number), dot.number === head));
  svg.append(...labels(shown, places, hasThief));
  return svg;
}

function placeOf(dot, shown, first) {
  const x = LEFT + (dot.generation - first) * STEP;
  if (dot.holders.every((holder) => holder === "thief")) return { x, y: THIEF_Y };
  return { x, y: isSpare(dot, shown) ? SPARE_Y : OWN_Y };
}

/** Has the owner another token of this generation that counts: one that was used, or a newer one? */
function isSpare(dot, shown) {
  const rivals = shown.filter(
    (other) => other !== dot && other.generation === dot.generation && other.holders.includes("owner"),
  );
  return rivals.some((other) => (other.used !== dot.used ? other.used : other.number > dot.number));
}

function edgeOf(dot, places) {
  const [from, to] = [places.get(dot.parent), places.get(dot.number)];
  if (!from) return [];
  const middle = (from.x + to.x) / 2;
  const d = `M${from.x} ${from.y} C${middle} ${from.y} ${middle} ${to.y} ${to.x} ${to.y}`;
  return [s("path", { d, class: to.y === THIEF_Y ? "edge thief" : "edge" })];
}

function markOf(dot, { x, y }, isHead) {
  const group = s("g", { class: classOf(dot, isHead), transform: `translate(${x} ${y})` });
  if (isHead) group.append(s("circle", { r: 10, class: "ring" }));
  if (dot.holders.length === 2) group.append(s("circle", { r: 14, class: "stolen" }));
  group.append(s("circle", { r: dot.used ? 6 : 5, class: "dot" }));
  if (dot.replayed) group.append(s("path", { d: "M-9 -9 L9 9 M9 -9 L-9 9", class: "cross" }));
  return group;
}

function classOf({ holders, used, replayed }, isHead) {
  const isThief = holders.every((holder) => holder === "thief");
  return [isThief && "thief", used && "used", isHead && "head", replayed && "replayed"].filter(Boolean).join(" ");
}

/** The generation below each column, and the names of the two lines. */
function labels(shown, places, hasThief) {
  const columns = new Map(shown.map((dot) => [places.get(dot.number).x, dot.generation]));
  const y = hasThief ? 110 : 56;
  const numbers = [...columns].map(([x, generation]) => s("text", { x, y, class: "generation" }, generation));
  return hasThief ? [...numbers, nameOf("you", OWN_Y, places), nameOf("thief", THIEF_Y, places)] : numbers;
}

/** Return the name of a line, to the right of its last dot. */
function nameOf(name, y, places) {
  const ends = [...places.values()].filter((place) => place.y === y).map(({ x }) => x);
  const x = Math.max(...(ends.length ? ends : [...places.values()].map((place) => place.x))) + 20;
  return s("text", { x, y: y + 4, class: `name ${name}` }, name);
}

/** Return the drawing in words. */
function describe({ dots, head }) {
  const current = dots.find(({ number }) => number === head);
  const replayed = dots.find((dot) => dot.replayed);
  const sentences = [current ? `Generation ${current.generation} was used last.` : "No refresh token has been used yet."];
  const thiefs = dots.filter(({ holders }) => holders.includes("thief"));
  if (thiefs.length) sentences.push(`The thief holds a token of generation ${thiefs.at(-1).generation}.`);
  if (replayed) sentences.push(`The token of generation ${replayed.generation} came back too late.`);
  return sentences.join(" ");
}

function s(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== "") element.setAttribute(name, value);
  element.append(...children);
  return element;
}
