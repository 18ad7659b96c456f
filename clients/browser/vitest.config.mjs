export default { test: { include: ["tests/*.test.mjs"], environment: "node" } };
