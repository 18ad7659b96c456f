// The code of the how-to pages for React and Vue, with the real React and Vue in a small DOM.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { Window } from "happy-dom";
import { beforeEach, expect, test, vi } from "vitest";
import { compileScript, parse } from "vue/compiler-sfc";

import { Server } from "./server.mjs";

const HOW_TO = new URL("../../../docs/how-to/", import.meta.url);
const PAGES = new URL(".pages/", import.meta.url);
const ADA = { email: "ada@example.com", password: "correct horse" };
const BOB = { email: "bob@example.com", password: "battery staple" };

let server;
const jar = { cookie: null };

beforeEach(() => {
  const window = new Window({ url: "https://api.test/" });
  server = new Server({ get wall() { return Date.now(); } });
  jar.cookie = null;
  const { document, FormData, localStorage, location, navigator } = window;
  const names = ["Element", "HTMLElement", "HTMLIFrameElement", "Node", "SVGElement", "MathMLElement", "Event"];
  for (const name of names) globalThis[name] = window[name] ?? class {};
  const fetch = server.fetchFor(jar);
  const page = { window, document, FormData, localStorage, location, navigator, fetch };
  for (const [name, value] of Object.entries(page)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  document.body.innerHTML = '<div id="app"></div>';
});

/** Return the blocks of a language on a page. */
async function blocks(page, language) {
  const text = await readFile(new URL(page, HOW_TO), "utf8");
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms"))].map(([, code]) => code);
}

/** Write files into a folder, import the last one, and return its names. */
async function imported(folder, files) {
  const place = new URL(`${folder}/`, PAGES);
  await mkdir(place, { recursive: true });
  for (const [name, code] of Object.entries(files)) await writeFile(new URL(name, place), code);
  return import(/* @vite-ignore */ new URL(Object.keys(files).at(-1), place).pathname);
}

/** Wait until a check passes. Only a test that fails waits for the whole time. */
const eventually = (check) => vi.waitFor(check, { timeout: 100_000 });
const text = () => document.body.textContent;
const shows = (words) => eventually(() => expect(text()).toContain(words));

/** What each page promises, from the log-in of one user to the log-in of another in another tab. */
async function behaves(session) {
  await eventually(() => expect(document.querySelector("form")).not.toBeNull());
  document.querySelector("[name=email]").value = "eve@example.com";
  document.querySelector("form").requestSubmit();
  await shows("It is invalid_credentials.");

  document.querySelector("[name=email]").value = ADA.email;
  document.querySelector("form").requestSubmit();
  await shows("A book for ada");
  expect(text()).toContain(ADA.email);

  const elsewhere = await server.fetchFor(jar)("https://api.test/auth/login", {
    method: "POST",
    headers: { "X-Tokenpair": "cookie" },
    body: JSON.stringify(BOB),
  });
  expect(elsewhere.status).toBe(200);
  await session.renew();
  await shows("A book for bob");
  expect(text()).not.toContain("ada");

  document.querySelector("button").click();
  await eventually(() => expect(document.querySelector("form")).not.toBeNull());
  expect(text()).not.toContain("bob");
  session.close();
}

test("react.md", async () => {
  const [hook] = await blocks("react.md", "js");
  const [app] = await blocks("react.md", "jsx");
  expect(hook.trimEnd().split("\n").length).toBeLessThanOrEqual(25);
  const { App } = await imported("react", { "session.js": hook, "App.jsx": app });
  const { session } = await imported("react", { "session.js": hook });
  const { createRoot } = await import("react-dom/client");
  const { createElement } = await import("react");

  createRoot(document.getElementById("app")).render(createElement(App));

  await behaves(session);
});

test("vue.md", async () => {
  const [composable] = await blocks("vue.md", "js");
  const [component] = await blocks("vue.md", "vue");
  const { descriptor } = parse(component);
  const { content } = compileScript(descriptor, { id: "app", inlineTemplate: true });
  const { default: App } = await imported("vue", { "session.js": composable, "App.js": content });
  const { session } = await imported("vue", { "session.js": composable });
  const { createApp } = await import("vue");

  createApp(App).mount("#app");

  await behaves(session);
});

test("the bearer mode of browser.md", async () => {
  const code = (await blocks("browser.md", "js")).at(-1);
  const { session } = await imported("bearer", { "session.js": `${code}\nexport { session };` });
  await session.ready;

  globalThis.fetch = server.fetchFor({});
  await session.login(ADA);

  expect([session.user.id, await session.renew()]).toEqual(["ada", true]);
  session.close();
});
