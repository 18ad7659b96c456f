// Write the file that tokenpair serves: `tokenpair.js` without comments and long names.

import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { minify } from "terser";

const SOURCE = new URL("tokenpair.js", import.meta.url);
const TARGET = process.argv[2] ?? new URL("../../src/tokenpair/fastapi/static/tokenpair.js", import.meta.url);

const source = await readFile(SOURCE, "utf8");
const { code } = await minify(source, { module: true, compress: { passes: 2 } });
const hash = createHash("sha256").update(source).digest("hex");
const preamble = `// tokenpair's browser client (MIT), made from clients/browser/tokenpair.js, ${hash}`;
await writeFile(TARGET, `${preamble}\n${code}\n`);
