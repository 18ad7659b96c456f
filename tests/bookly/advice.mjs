// What the token panel advises: node advice.mjs <words.js>. Each line of the input is one question.

import { createInterface } from "node:readline";

const { adviceOf } = await import(process.argv[2]);

for await (const line of createInterface({ input: process.stdin })) {
  const { session, times, now } = JSON.parse(line);
  console.log(JSON.stringify(adviceOf(session, times, now)));
}
