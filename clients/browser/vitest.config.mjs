import { fileURLToPath } from "node:url";

export default {
  esbuild: { jsx: "automatic" },
  resolve: { alias: { "tokenpair-browser": fileURLToPath(new URL("tokenpair.js", import.meta.url)) } },
  test: { include: ["tests/*.test.mjs"], environment: "node" },
};
