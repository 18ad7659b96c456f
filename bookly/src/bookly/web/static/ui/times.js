// Times in words, from what the server tells.

const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "always" });
const whole = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "short" });

/** Return how far a time is away: "3 minutes ago", "in 29 days"; within a minute, "just now". */
export function relativeTo(time, now = Date.now()) {
  const seconds = (new Date(time) - now) / 1_000;
  const [unit, length] = UNITS.find(([, each]) => Math.abs(seconds) >= each) ?? [];
  return unit ? relative.format(Math.trunc(seconds / length), unit) : "just now";
}

/** Return a date and a time, such as "28 November 2026 at 17:08". */
export function wholeTime(time) {
  return whole.format(new Date(time));
}
