// The status line: what has happened, in one sentence. Errors of a field stand beside the field.

const SHOWN_MS = 8_000;
const line = document.getElementById("status");
let timer;

/** Show a sentence for some seconds; an empty one removes the last. Screen readers read it. */
export function say(text) {
  clearTimeout(timer);
  line.textContent = text;
  if (text) timer = setTimeout(() => say(""), SHOWN_MS);
}
