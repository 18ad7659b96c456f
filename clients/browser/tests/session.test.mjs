import { readFile } from "node:fs/promises";
import { afterEach, expect, test } from "vitest";

import { createSession } from "../tokenpair.js";
import { Browser, closeAll } from "./browser.mjs";
import { ACCESS_SECONDS, html, MINUTE, problem } from "./server.mjs";

const ADA = { email: "ada@example.com", password: "correct horse" };
const BOB = { email: "bob@example.com", password: "battery staple" };
const RENEW = "/auth/refresh_token";
const LIFE = ACCESS_SECONDS * 1_000;

afterEach(async () => {
  const left = await closeAll();

  expect(left, "timers of closed tabs").toEqual(left.map(() => 0));
});

/** Open tabs in a browser in which Ada has logged in. */
async function tabsOfAda(count, options) {
  const browser = new Browser(options);
  const first = await browser.open();
  await browser.clock.until(first.session.login(ADA));
  const tabs = [first];
  while (tabs.length < count) tabs.push(await browser.open());
  browser.server.requests.length = 0;
  for (const tab of tabs) tab.changes.length = tab.events.length = 0;
  return [browser, ...tabs];
}

const get = (browser, { session }, path = "/things", init) =>
  browser.clock.until(session.fetch(`https://api.test${path}`, init));

/** Send a request in all tabs at once; return the statuses. */
async function statuses(browser, tabs) {
  const answers = tabs.map(({ session }) => session.fetch("https://api.test/things"));
  return (await browser.clock.until(Promise.all(answers))).map(({ status }) => status);
}

const types = (tab) => tab.events.map(({ type }) => type);

test("a log-in returns the user, and requests have the access token", async () => {
  const browser = new Browser();
  const tab = await browser.open();

  const user = await browser.clock.until(tab.session.login(ADA));
  const answer = await get(browser, tab);

  expect(user).toEqual({ id: "ada", email: ADA.email, roles: [] });
  expect(await answer.json()).toMatchObject({ user: "ada" });
  expect([tab.session.status, tab.session.user]).toEqual(["in", user]);
  expect(tab.session.expiresAt).toBe(browser.clock.wall + LIFE);
  expect(tab.changes).toEqual([["out", null, "start"], ["in", ADA.email, "log_in"]]);
});

test("a first visit asks the server for nothing", async () => {
  const browser = new Browser();

  const tab = await browser.open();

  expect(tab.session.status).toBe("out");
  expect(browser.server.requests).toEqual([]);
});

test("a wrong password is an error with the server's code, and nothing changes", async () => {
  const [browser, tab] = await tabsOfAda(1);

  const refused = browser.clock.until(tab.session.login({ email: "eve@example.com", password: "x" }));

  await expect(refused).rejects.toMatchObject({ code: "invalid_credentials", status: 401 });
  expect(tab.session.user.id).toBe("ada");
});

test("a reload finds the session by its cookie", async () => {
  const [browser, tab] = await tabsOfAda(1);
  tab.session.close();

  const reloaded = await browser.open();

  expect(reloaded.changes).toEqual([["in", ADA.email, "start"]]);
  expect(browser.server.count(RENEW)).toBe(1);
});

test("it renews by itself in the last fifth of the access token's life", async () => {
  const [browser, tab] = await tabsOfAda(1);

  await browser.clock.advance(LIFE * 0.8);
  expect(browser.server.count(RENEW)).toBe(0);
  await browser.clock.advance(LIFE * 0.18);

  expect(browser.server.count(RENEW)).toBe(1);
  expect(types(tab)).toEqual(["renewing", "renewed"]);
  expect(tab.changes).toEqual([]);
});

test("ten tabs renew once, and share the new access token", async () => {
  const [browser, ...tabs] = await tabsOfAda(10);

  await browser.clock.advance(LIFE * 0.98);
  const answers = await Promise.all(tabs.map((tab) => get(browser, tab)));

  expect(browser.server.count(RENEW)).toBe(1);
  expect(new Set(browser.server.requests.slice(1).map(({ presented }) => presented)).size).toBe(1);
  expect(answers.map(({ status }) => status)).toEqual(tabs.map(() => 200));
  expect(tabs.flatMap(types).filter((type) => type === "adopted")).toHaveLength(9);
});

test.each([
  [[], 1],
  [["locks"], 2],
])("ten tabs without %s that are refused at once renew %d times at most", async (without, most) => {
  const [browser, ...tabs] = await tabsOfAda(10, { without });
  browser.clock.sleep(LIFE);
  const began = browser.clock.mono;

  expect(await statuses(browser, tabs.toReversed())).toEqual(tabs.map(() => 200));

  expect(browser.server.count(RENEW)).toBeLessThanOrEqual(most);
  expect(browser.clock.mono - began).toBeLessThan(1_000); // Not all wait for each other.
});

test("ten tabs that are opened together ask the server once", async () => {
  const [browser, tab] = await tabsOfAda(1);
  tab.session.close();

  const tabs = Array.from({ length: 10 }, () => browser.start());
  await browser.clock.until(Promise.all(tabs.map(({ session }) => session.ready)));

  expect(tabs.map(({ session }) => session.user?.id)).toEqual(tabs.map(() => "ada"));
  expect(browser.server.count(RENEW)).toBe(1);
});

test.each([[["locks"]], [["channels"]], [["storage"]], [["locks", "channels", "storage"]]])(
  "without %s ten tabs stay logged in",
  async (without) => {
    const [browser, ...tabs] = await tabsOfAda(10, { without });

    await browser.clock.advance(LIFE * 3);

    expect(await statuses(browser, tabs)).toEqual(tabs.map(() => 200));
    expect(browser.server.count(RENEW)).toBeLessThanOrEqual(without.includes("channels") ? 30 : 3);
  },
);

test("a lost answer presents the same token again", async () => {
  const [browser, tab] = await tabsOfAda(1);
  browser.server.lose();

  const isIn = await browser.clock.until(tab.session.renew());

  const [first, second] = browser.server.requests.filter(({ path }) => path === RENEW);
  expect([isIn, second.presented]).toEqual([true, first.presented]);
  expect(types(tab)).toEqual(["renewing", "lost", "renewed"]);
});

test.each([
  ["502", () => html(502)],
  ["HTML of a proxy", () => html(200)],
  ["401 of a proxy", () => html(401)],
  ["503 with Retry-After", () => problem(503, "unavailable", { "Retry-After": "2" })],
  ["429 for an hour", () => problem(429, "too_many_requests", { "Retry-After": "3600" })],
  ["another JSON", () => Response.json({ hello: "world" })],
])("%s in place of a pair ends nothing", async (_, fault) => {
  const [browser, tab] = await tabsOfAda(1);
  browser.server.next(RENEW, fault);
  const began = browser.clock.mono;

  const isIn = await browser.clock.until(tab.session.renew());

  expect([isIn, tab.session.status]).toEqual([true, "in"]);
  expect(browser.server.count(RENEW)).toBe(2);
  expect(browser.clock.mono - began).toBeLessThanOrEqual(12_000);
});

test("after 409 it waits for Retry-After and tries again", async () => {
  const [browser, tab] = await tabsOfAda(1);
  browser.server.next(RENEW, () => problem(409, "token_superseded", { "Retry-After": "3" }));
  const began = browser.clock.mono;

  await browser.clock.until(tab.session.renew());

  expect(types(tab)).toEqual(["renewing", "superseded", "renewed"]);
  expect(browser.clock.mono - began).toBeGreaterThanOrEqual(3_000);
});

test.each(["token_expired", "token_stale", "session_ended"])(
  "after a 401 %s it renews and tries again",
  async (code) => {
    const [browser, tab] = await tabsOfAda(1);
    browser.server.next("/things", () => problem(401, code));

    const answer = await get(browser, tab, "/things", { method: "POST", body: "a book" });

    expect(await answer.json()).toEqual({ user: "ada", body: "a book" });
    expect(browser.server.count(RENEW)).toBe(1);
  },
);

test("a newer token that the server refuses, too, is replaced, but not without end", async () => {
  const [browser, tab] = await tabsOfAda(1);
  const stale = () => problem(401, "token_stale");
  for (let times = 0; times < 2; times++) browser.server.next("/things", stale);

  const answer = await get(browser, tab);

  expect(answer.status).toBe(200);
  expect(browser.server.count(RENEW)).toBe(2);
  for (let times = 0; times < 3; times++) browser.server.next("/things", stale);
  expect((await get(browser, tab)).status).toBe(401);
});

test("other 401s are the caller's", async () => {
  const [browser, tab] = await tabsOfAda(1);
  browser.server.next("/things", () => problem(401, "reauthentication_required"));

  const answer = await get(browser, tab);

  expect((await answer.json()).code).toBe("reauthentication_required");
  expect(browser.server.count(RENEW)).toBe(0);
});

test("new roles are seen after a stale token", async () => {
  const [browser, tab] = await tabsOfAda(1);
  browser.server.next("/things", () => problem(401, "token_stale"));
  browser.server.next("/auth/me", () => Response.json({ ...tab.session.user, roles: ["admin"] }));

  await get(browser, tab);

  expect(tab.session.user.roles).toEqual(["admin"]);
  expect(tab.changes).toEqual([["in", ADA.email, "user"]]);
});

test("a request is tried again as a Request too, but not as a stream", async () => {
  const [browser, tab] = await tabsOfAda(1);
  const stream = () => new Blob(["a book"]).stream();
  browser.server.next("/things", () => problem(401, "token_stale"));
  const first = await browser.clock.until(
    tab.session.fetch(new Request("https://api.test/things", { method: "POST", body: "a book" })),
  );
  browser.server.next("/things", () => problem(401, "token_stale"));

  const second = await get(browser, tab, "/things", { method: "POST", body: stream(), duplex: "half" });
  const third = await get(browser, tab, "/things", { method: "POST", body: stream(), duplex: "half" });

  expect(await first.json()).toEqual({ user: "ada", body: "a book" });
  expect([second.status, third.status]).toEqual([401, 200]);
});

test("the token never goes to another origin", async () => {
  const [browser, tab] = await tabsOfAda(1);

  const urls = ["https://evil.test/x", "http://api.test/x", "https://api.test:444/x"];
  for (const input of [...urls, new Request("https://evil.test/y")]) {
    await browser.clock.until(tab.session.fetch(input)).catch(() => {});
  }

  const sent = browser.server.requests.map(({ headers }) => headers.get("Authorization"));
  expect(sent).toEqual([null, null, null, null]);
});

test("a path is relative to the page's base element, as for `fetch`", async () => {
  const [browser, tab] = await tabsOfAda(1);
  globalThis.document = { baseURI: "https://evil.test/" };

  await browser.clock.until(tab.session.fetch("/x")).finally(() => delete globalThis.document);

  expect(browser.server.requests[0].headers.get("Authorization")).toBeNull();
});

test("a caller's own Authorization stays", async () => {
  const [browser, tab] = await tabsOfAda(1);
  browser.server.next("/things", { before: () => problem(401, "token_expired") });

  const answer = await get(browser, tab, "/things", { headers: { Authorization: "Bearer mine" } });

  expect([answer.status, browser.server.requests[0].presented, browser.server.count(RENEW)]).toEqual([401, "mine", 0]);
});

test("a session that is over ends in every tab", async () => {
  const [browser, first, second] = await tabsOfAda(2);
  browser.server.endAll();

  const answer = await get(browser, first);
  await browser.clock.advance(0);

  expect(answer.status).toBe(401);
  expect(first.changes).toEqual([["out", null, "ended"]]);
  expect(second.changes).toEqual([["out", null, "ended"]]);
  expect(second.session.user).toBeNull();
  expect(browser.jar.cookie).not.toBeNull();
});

test.each([[[]], [["channels"]], [["locks"]]])("a log-out ends all tabs, without %s", async (without) => {
  const [browser, first, second] = await tabsOfAda(2, { without });

  await browser.clock.until(first.session.logout());
  second.page.dispatchEvent(Object.assign(new Event("storage"), { key: [...browser.storage.items.keys()][0] }));
  await browser.clock.advance(0);

  expect(second.changes).toEqual([["out", null, "log_out"]]);
  expect(browser.jar.cookie).toBeNull();
  expect((await get(browser, second)).status).toBe(401);
});

test("a log-out that does not reach the server is an error, and the session goes on", async () => {
  const [browser, tab] = await tabsOfAda(1);
  browser.isOffline = true;

  await expect(browser.clock.until(tab.session.logout())).rejects.toMatchObject({ code: "unreachable" });

  expect(tab.session.user.id).toBe("ada");
});

test("a log-out everywhere ends all sessions, with a token that has expired too", async () => {
  const [browser, tab] = await tabsOfAda(1);
  browser.clock.sleep(LIFE);

  await browser.clock.until(tab.session.logout({ everywhere: true }));

  expect(browser.server.count("/auth/logout/all")).toBe(1);
  expect(tab.session.status).toBe("out");
});

test.each([[[]], [["locks"]], [["channels"]]])("another user's log-in changes every tab, without %s", async (without) => {
  const [browser, first, second] = await tabsOfAda(2, { without });

  await browser.clock.until(first.session.login(BOB));
  second.page.dispatchEvent(Object.assign(new Event("storage"), { key: [...browser.storage.items.keys()][0] }));
  await browser.clock.advance(1_000);
  const answer = await get(browser, second);

  expect(second.changes.at(-1)).toEqual(["in", BOB.email, "user_changed"]);
  expect(await answer.json()).toMatchObject({ user: "bob" });
});

test("a request of one user is never sent with another user's token", async () => {
  const [browser, first, second] = await tabsOfAda(2, { without: ["channels", "storage"] });
  await browser.clock.until(first.session.login(BOB));
  browser.server.requests.length = 0;

  const sent = get(browser, second, "/things", { method: "POST", body: "ada's" });

  await expect(sent).rejects.toMatchObject({ code: "user_changed" });
  expect(browser.server.requests.filter(({ path }) => path === "/things")).toHaveLength(1);
  expect(second.changes).toEqual([["unknown", null, "user_changed"], ["in", BOB.email, "user_changed"]]);
});

test("two log-ins at once leave both tabs with the user of the cookie", async () => {
  const [browser, first, second] = await tabsOfAda(2);

  await browser.clock.until(Promise.all([first.session.login(ADA), second.session.login(BOB)]));
  await browser.clock.advance(1_000);
  await browser.clock.until(first.session.renew());

  expect([first.session.user.id, second.session.user.id]).toEqual(["bob", "bob"]);
});

test.each([["sleeps for a day", 24 * 60 * MINUTE], ["is set back by a day", -24 * 60 * MINUTE]])(
  "a computer that %s stays logged in",
  async (_, ms) => {
    const [browser, tab] = await tabsOfAda(1);
    browser.clock.sleep(ms);

    await browser.wake(tab);
    await browser.clock.advance(LIFE * 2);
    const answer = await get(browser, tab);

    expect([answer.status, tab.session.status, tab.changes]).toEqual([200, "in", []]);
    expect(browser.server.count(RENEW)).toBeLessThanOrEqual(4);
  },
);

test("a clock that is an hour off changes nothing", async () => {
  const server = new Browser().server; // With a clock of its own.
  const browser = new Browser({ server });
  browser.clock.wall += 60 * MINUTE;
  const tab = await browser.open();
  await browser.clock.until(tab.session.login(ADA));

  await browser.clock.advance(LIFE * 0.7);

  expect(server.count(RENEW)).toBe(0);
  expect(tab.session.expiresAt - browser.clock.wall).toBeCloseTo(LIFE * 0.3);
});

test("offline, the user stays; online again, it goes on", async () => {
  const [browser, tab] = await tabsOfAda(1);
  browser.isOffline = true;
  tab.page.dispatchEvent(new Event("offline"));
  await browser.clock.advance(LIFE);

  await expect(get(browser, tab)).rejects.toMatchObject({ code: "unreachable", status: 0 });
  expect([tab.session.status, tab.session.user.id]).toEqual(["offline", "ada"]);
  browser.isOffline = false;
  tab.page.dispatchEvent(new Event("online"));
  await browser.clock.advance(1_000);

  expect(tab.changes).toEqual([["offline", ADA.email, "offline"], ["in", ADA.email, "online"]]);
});

test("a page that is opened offline finds its session later", async () => {
  const [browser] = await tabsOfAda(1);
  browser.tabs[0].session.close();
  browser.isOffline = true;
  const tab = await browser.open();
  expect([tab.session.status, tab.session.user]).toEqual(["offline", null]);

  browser.isOffline = false;
  await browser.clock.advance(5 * MINUTE);

  expect([tab.session.status, tab.session.user?.id]).toEqual(["in", "ada"]);
});

test("a server that is down for an hour logs no tab out", async () => {
  const [browser, tab] = await tabsOfAda(1);
  const down = setDown(browser.server);
  await browser.clock.advance(60 * MINUTE);
  expect(tab.session.status).toBe("offline");

  down.end();
  await browser.clock.advance(2 * MINUTE);

  expect(tab.session.status).toBe("in");
  expect((await get(browser, tab)).status).toBe(200);
});

function setDown(server) {
  const down = Array.from({ length: 2_000 }, () => [RENEW, () => html(502)]);
  server.faults.push(...down);
  return { end: () => (server.faults.length = 0) };
}

test("a page from the back-forward cache shows the user of now", async () => {
  const [browser, first, second] = await tabsOfAda(2);
  second.page.dispatchEvent(new Event("pagehide"));
  await browser.clock.until(first.session.login(BOB));
  expect(second.session.user.id).toBe("ada");

  await browser.wake(second, { isBack: true });

  expect(second.session.user.id).toBe("bob");
  await browser.clock.until(first.session.logout());
  await browser.clock.advance(0);
  expect(second.session.status).toBe("out");
});

test("a page from the back-forward cache takes the newer token of another tab", async () => {
  const [browser, first, second] = await tabsOfAda(2);
  second.page.dispatchEvent(new Event("pagehide"));
  browser.clock.sleep(LIFE);
  await browser.clock.until(first.session.renew());

  await browser.wake(second, { isBack: true });

  expect([types(second).at(-1), browser.server.count(RENEW)]).toEqual(["adopted", 1]);
});

test("a page from the back-forward cache asks the server where nothing is stored", async () => {
  const [browser, first, second] = await tabsOfAda(2, { without: ["storage"] });
  second.page.dispatchEvent(new Event("pagehide"));
  await browser.clock.until(first.session.login(BOB));

  await browser.wake(second, { isBack: true });

  expect(second.session.user.id).toBe("bob");
});

test("a storage that is full changes nothing", async () => {
  const browser = new Browser();
  await browser.open();
  browser.storage.isFull = true;
  const tab = await browser.open();
  await browser.clock.until(tab.session.login(ADA));

  const reloaded = await browser.open();

  expect(reloaded.session.user.id).toBe("ada");
});

test("a frozen tab with the lock blocks the others for a while only", async () => {
  const [browser, frozen, tab] = await tabsOfAda(2);
  browser.server.next(RENEW, { before: () => new Promise(() => {}) });
  frozen.session.renew();

  const isIn = await browser.clock.until(tab.session.renew());

  expect(isIn).toBe(true);
});

test("a closed session sends nothing more", async () => {
  const [browser, tab] = await tabsOfAda(1);

  tab.session.close();
  await browser.clock.advance(LIFE * 2);
  await browser.wake(tab);

  expect(browser.server.requests).toEqual([]);
});

test("no tab writes a token to a storage", async () => {
  const [browser] = await tabsOfAda(3);

  const stored = [...browser.storage.items].flat().join(" ");

  expect(stored).toMatch(/^tokenpair https:\/\/api\.test\/auth in \d{14}$/);
});

test("every tab hears of the renewals of the others", async () => {
  const [browser, first, second] = await tabsOfAda(2);
  await browser.clock.advance(1_000);

  await browser.clock.until(first.session.renew());
  await browser.clock.advance(0);

  const heard = second.events.filter(({ tab }) => tab === first.session.tab);
  expect(heard.map(({ type }) => type)).toEqual(["renewing", "renewed"]);
  expect(types(second)).toContain("adopted");
});

test("a session that the server has opened by other means is found by a renewal", async () => {
  const [browser, first] = await tabsOfAda(1);
  const { cookie } = browser.jar;
  await browser.clock.until(first.session.logout());
  const second = await browser.open();
  browser.server.revive();
  browser.jar.cookie = cookie;

  await browser.clock.until(second.session.renew());
  await browser.clock.advance(0);

  expect(second.changes.at(-1)).toEqual(["in", ADA.email, "log_in"]);
  expect(first.changes.at(-1)).toEqual(["in", ADA.email, "log_in"]);
});

test("a listener that fails does not fail a log-in", async () => {
  const browser = new Browser();
  const { session } = await browser.open();
  session.onChange(() => {
    throw new Error("a bug in a view");
  });

  const user = await browser.clock.until(session.login(ADA));

  expect([user.id, browser.complaints]).toEqual(["ada", [new Error("a bug in a view")]]);
});

test("a server that refuses cookies from here shows as logged out at the start only", async () => {
  const browser = new Browser({ without: ["storage"] });
  browser.server.next(RENEW, () => problem(403, "cross_site"));

  const tab = await browser.open();
  const atStart = tab.session.status;
  await browser.clock.until(tab.session.login(ADA));
  browser.server.next(RENEW, () => problem(403, "cross_site"));

  await expect(browser.clock.until(tab.session.renew())).rejects.toMatchObject({ code: "cross_site" });
  expect([atStart, tab.session.status]).toEqual(["out", "offline"]);
});

test("outside a browser, a base URL without a host is refused", () => {
  expect(() => createSession({ baseUrl: "/auth" })).toThrow("whole URL");
});

test("outside a browser, paths are those of the server", async () => {
  const urls = [];
  const fetch = async (input) => (urls.push(input), new Response());
  const { session } = await new Browser().open({ fetch });

  await session.fetch("/things");

  expect(urls).toEqual(["https://api.test/things"]);
});

test("the types name exactly the members that a session has", async () => {
  const types = await readFile(new URL("../tokenpair.d.ts", import.meta.url), "utf8");
  const [body] = types.match(/interface Session<[^{]*{.*?^}/ms);
  const named = [...body.matchAll(/^  (?:readonly )?(\w+)[(:]/gm)].map(([, name]) => name);
  const { session } = new Browser().start();

  const members = Object.getOwnPropertyNames(Object.getPrototypeOf(session));

  expect(named.sort()).toEqual([...members.filter((name) => name !== "constructor"), "ready"].sort());
});

/** Let the next answer of a path arrive when the returned function is called. */
function hold(server, path, answer = (made) => made) {
  let release;
  const held = new Promise((resolve) => (release = resolve));
  server.next(path, async (made) => (await held, answer(made)));
  return release;
}

test("the answer to a renewal that comes after a log-out is forgotten", async () => {
  const [browser, first, second] = await tabsOfAda(2, { without: ["locks"] });
  const release = hold(browser.server, RENEW);
  const renewed = first.session.renew();
  await browser.clock.advance(100);
  await browser.clock.until(second.session.logout());

  release();

  expect(await browser.clock.until(renewed)).toBe(false);
  expect([first.session.status, second.session.status]).toEqual(["out", "out"]);
});

test("a log-out while a tab reads its user leaves it logged out", async () => {
  const [browser, first] = await tabsOfAda(1, { without: ["locks"] });
  first.page.dispatchEvent(new Event("pagehide")); // Frozen: it does not answer the new tab.
  const release = hold(browser.server, "/auth/me");
  const second = browser.start();
  await browser.clock.advance(500);
  await browser.post({ type: "ended", epoch: 2 * browser.clock.wall, cause: "log_out" });

  release();
  await browser.clock.until(second.session.ready);

  expect([second.session.status, second.session.user]).toEqual(["out", null]);
});

test("after 409 it takes the token of the tab that was quicker", async () => {
  const [browser, first, second] = await tabsOfAda(2, { without: ["locks"] });
  await browser.clock.advance(1_000);
  const release = hold(browser.server, RENEW);
  const quicker = first.session.renew();
  await browser.clock.advance(100);
  browser.server.next(RENEW, () => problem(409, "token_superseded", { "Retry-After": "9" }));
  const slower = second.session.renew();
  await browser.clock.advance(100);
  const began = browser.clock.mono;

  release();

  expect(await browser.clock.until(Promise.all([quicker, slower]))).toEqual([true, true]);
  expect(browser.clock.mono - began).toBeLessThan(1_000);
  expect(browser.server.count(RENEW)).toBe(2);
});

test("a new tab waits for the tab that renews, although another tab answers sooner", async () => {
  const [browser] = await tabsOfAda(1, { without: ["locks"] });
  const renewing = await browser.open({ delay: 20 });
  browser.clock.sleep(LIFE);
  const release = hold(browser.server, RENEW);
  const renewed = renewing.session.renew();
  await browser.clock.advance(500);
  const tab = browser.start();
  await browser.clock.advance(2_000);
  const early = browser.server.count(RENEW);

  release();
  await browser.clock.until(Promise.all([renewed, tab.session.ready]));

  expect([early, browser.server.count(RENEW), tab.session.user?.id]).toEqual([1, 1, "ada"]);
});

test("a tab that was closed without a message delays one renewal only", async () => {
  const [browser, tab] = await tabsOfAda(1, { without: ["locks"] });
  await browser.post({ type: "claim" });
  const renew = async () => {
    const began = browser.clock.mono;
    await browser.clock.until(tab.session.renew());
    return browser.clock.mono - began;
  };

  const [first, second] = [await renew(), await renew()];

  expect([first, second]).toEqual([250, 30]);
});

test("a tab that is left alone renews without waiting for others", async () => {
  const [browser, tab, other] = await tabsOfAda(2);
  other.session.close();
  await browser.clock.advance(0);
  browser.clock.sleep(LIFE);
  const began = browser.clock.mono;

  await get(browser, tab);

  expect(browser.clock.mono - began).toBe(0);
});

test("a tab waits for the token of a tab that had the lock, although it does not know it", async () => {
  const [browser, tab] = await tabsOfAda(1);
  browser.clock.sleep(LIFE);
  const slow = browser.start({ delay: 500 });
  await browser.clock.advance(0);

  const answer = await get(browser, tab);
  await browser.clock.until(slow.session.ready);

  expect([answer.status, browser.server.count(RENEW)]).toEqual([200, 1]);
});

test("a tab that sends a token, or answers another tab, may still say that it renews", async () => {
  const [browser, tab] = await tabsOfAda(1, { without: ["locks"] });
  await browser.post({ type: "claim" }); // Now the tab knows another.
  browser.clock.sleep(LIFE);
  const answer = tab.session.fetch("https://api.test/things");
  await browser.clock.advance(100);

  await browser.post({ type: "token", epoch: 1, user: tab.session.user });
  await browser.post({ type: "free", to: "another" });
  await browser.post({ type: "busy", to: tab.session.tab });
  await browser.clock.advance(2_000);

  expect(browser.server.count(RENEW)).toBe(0);
  expect((await browser.clock.until(answer)).status).toBe(200);
});

test("simultaneous renewals of one tab are one", async () => {
  const [browser, { session }] = await tabsOfAda(1);

  await browser.clock.until(Promise.all([session.renew(), session.renew()]));

  expect(browser.server.count(RENEW)).toBe(1);
});

test("a tab that is logged out stays so, offline too and after a late token", async () => {
  const [browser, tab] = await tabsOfAda(1);
  await browser.clock.until(tab.session.logout());
  const times = { life: LIFE, left: LIFE, born: browser.clock.wall, sentAt: browser.clock.wall };
  const late = { type: "token", text: "h.eyJzdWIiOiJldmUifQ.s", user: { id: "eve" }, epoch: 1, ...times };

  await browser.post(late);
  browser.isOffline = true;
  tab.page.dispatchEvent(new Event("offline"));
  const began = browser.clock.mono;
  await expect(browser.clock.until(tab.session.renew())).rejects.toMatchObject({ code: "unreachable" });

  expect(tab.changes).toEqual([["out", null, "log_out"]]);
  expect(browser.clock.mono - began).toBe(0); // Offline, it tries once.
});

test.each([
  ["log-in", (tab) => tab.session.renew(), ({ session }) => session.login(BOB), "bob"],
  ["renewal", (tab) => tab.session.fetch("https://api.test/things"), ({ session }) => session.renew(), "ada"],
])("a refusal that comes after the %s of another tab ends nothing", async (_, ask, overtake, user) => {
  const [browser, first, second] = await tabsOfAda(2, { without: ["locks"] });
  browser.clock.sleep(LIFE);
  const release = hold(browser.server, RENEW, () => problem(401, "session_ended"));
  const asked = ask(second);
  await browser.clock.advance(500);
  await browser.clock.until(overtake(first));
  await browser.clock.advance(0);

  release();
  await browser.clock.until(asked);

  expect([first.session.user?.id, second.session.user?.id]).toEqual([user, user]);
});

test("a tab that reads its user has no token to share yet", async () => {
  const [browser, first] = await tabsOfAda(1, { without: ["locks"] });
  first.session.close();
  const release = hold(browser.server, "/auth/me");
  const second = browser.start();
  await browser.clock.advance(500);
  const third = browser.start();
  await browser.clock.advance(500);

  release();
  await browser.clock.until(Promise.all([second.session.ready, third.session.ready]));

  expect([second.session.user?.id, third.session.user?.id]).toEqual(["ada", "ada"]);
});

test("a start that the server limits is tried again later", async () => {
  const [browser, first] = await tabsOfAda(1);
  first.session.close();
  for (let tries = 0; tries < 4; tries++) browser.server.next(RENEW, () => problem(429, "too_many_requests"));
  const tab = await browser.open();

  await browser.clock.advance(MINUTE);

  expect(tab.changes.map(([status]) => status)).toEqual(["offline", "in"]);
});

test("a log-out everywhere that fails is an error, but not for a session that is over", async () => {
  const [browser, tab] = await tabsOfAda(1);
  browser.server.next("/auth/logout/all", () => problem(503, "unavailable"));
  const failed = browser.clock.until(tab.session.logout({ everywhere: true }));
  await expect(failed).rejects.toMatchObject({ code: "unavailable" });
  expect(tab.session.status).toBe("in");

  browser.server.endAll();
  await browser.clock.until(tab.session.logout({ everywhere: true }));

  expect(tab.session.status).toBe("out");
});

test("a log-in after the wall clock was set back reaches every tab", async () => {
  const [browser, first, second] = await tabsOfAda(2, { without: ["storage"] });
  await browser.clock.until(first.session.login(ADA));
  await browser.clock.advance(0);
  browser.clock.sleep(-60 * MINUTE);

  await browser.clock.until(first.session.login(BOB));
  await browser.clock.advance(0);

  expect(second.session.user.id).toBe("bob");
});

test("late messages about an older session change nothing", async () => {
  const [browser, tab] = await tabsOfAda(1);
  const eve = { id: "eve", email: "eve@example.com" };
  const times = { life: LIFE, left: LIFE, born: browser.clock.wall };
  const token = { type: "token", text: "h.eyJzdWIiOiJldmUifQ.s", user: eve, ...times };
  const ada = tab.session.user;
  const later = { text: "h.eyJzdWIiOiJhZGEifQ.s", user: ada, born: browser.clock.wall + 1 };

  await browser.post({ type: "ended", epoch: 1, cause: "ended" });
  await browser.post({ ...token, epoch: 1, sentAt: browser.clock.wall });
  await browser.post({ ...token, ...later, epoch: 1, sentAt: browser.clock.wall });
  await browser.post({ ...token, user: ada, epoch: 2 * browser.clock.wall, sentAt: browser.clock.wall });
  await browser.post({ ...token, epoch: 2 * browser.clock.wall, sentAt: browser.clock.wall - LIFE });

  expect([tab.changes, types(tab)]).toEqual([[], []]);
});

test("a wall clock that is set back does not delay the renewal", async () => {
  const { server } = new Browser(); // With a clock of its own.
  const browser = new Browser({ server });
  const tab = await browser.open();
  await browser.clock.until(tab.session.login(ADA));

  browser.clock.wall -= 24 * 60 * MINUTE;
  expect(tab.session.expiresAt).toBe(browser.clock.wall + LIFE);
  await browser.clock.advance(LIFE);

  expect(server.count(RENEW)).toBe(1);
});

test("a server that never answers is asked again", async () => {
  const [browser, tab] = await tabsOfAda(1);
  browser.server.next(RENEW, {
    before: ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  });

  expect(await browser.clock.until(tab.session.renew())).toBe(true);

  expect(types(tab)).toEqual(["renewing", "lost", "renewed"]);
});

test("a log-in waits for a renewal of the same tab, or the older cookie would come last", async () => {
  const [browser, tab] = await tabsOfAda(1, { without: ["locks"] });
  const release = hold(browser.server, RENEW);
  const renewed = tab.session.renew();
  await browser.clock.advance(1_000);
  const user = tab.session.login(BOB);
  await browser.clock.advance(1_000);
  const early = browser.server.count("/auth/login");

  release();
  await browser.clock.until(Promise.all([renewed, user]));

  expect([early, tab.session.user.id]).toEqual([0, "bob"]);
});

test("a session that is closed during a renewal sends nothing more", async () => {
  const [browser, tab] = await tabsOfAda(1);
  const release = hold(browser.server, RENEW);
  tab.session.renew();
  await browser.clock.advance(1_000);

  tab.session.close();
  release();
  await browser.clock.advance(LIFE * 2);

  expect(browser.server.count(RENEW)).toBe(1);
});

test("a log-out of a session that is over already is a log-out", async () => {
  const [browser, tab] = await tabsOfAda(1);
  browser.server.next("/auth/logout", () => problem(401, "session_ended"));

  await browser.clock.until(tab.session.logout());

  expect(tab.session.status).toBe("out");
});

test("a log-out without the cookie ends the session by the access token", async () => {
  const [browser, tab] = await tabsOfAda(1);
  browser.jar.cookie = null;

  await browser.clock.until(tab.session.logout());

  const [first, second] = browser.server.requests;
  expect([first.presented, second.presented]).toEqual([null, expect.stringMatching(/s$/)]);
});

test("offline ends with the first request that succeeds, and not when the page is shown", async () => {
  const [browser, tab] = await tabsOfAda(1);
  tab.page.dispatchEvent(new Event("offline"));
  browser.isOffline = true;
  await browser.wake(tab);
  expect(tab.session.status).toBe("offline");

  browser.isOffline = false;
  await get(browser, tab);

  expect(tab.session.status).toBe("in");
});

test("a renewal that another tab's log-in has overtaken goes on with the new session", async () => {
  const [browser, first, second] = await tabsOfAda(2, { without: ["locks", "channels"] });
  const release = hold(browser.server, RENEW, () => problem(401, "session_ended"));
  const renewed = second.session.renew();
  await browser.clock.advance(100);
  await browser.clock.until(first.session.login(BOB));

  release();

  expect(await browser.clock.until(renewed)).toBe(true);
  expect(second.changes.at(-1)).toEqual(["in", BOB.email, "user_changed"]);
});

test("a renewal that waits for a log-out is not sent", async () => {
  const [browser, tab] = await tabsOfAda(1);
  browser.clock.sleep(LIFE);
  const release = hold(browser.server, "/auth/logout");
  const left = tab.session.logout();
  const sent = tab.session.fetch("https://api.test/things");
  await browser.clock.advance(100);

  release();

  await expect(browser.clock.until(sent)).rejects.toMatchObject({ code: "session_ended" });
  await left;
  expect(browser.server.count(RENEW)).toBe(0);
});

test("a user that cannot be read at once is read with the next renewal", async () => {
  const [browser, tab] = await tabsOfAda(1);
  browser.server.next("/auth/me", () => problem(503, "unavailable"));
  const early = await browser.clock.until(tab.session.login(BOB));

  await browser.clock.until(tab.session.renew());

  expect([early, tab.session.user.email]).toEqual([{ id: "bob" }, BOB.email]);
});

test("after a long outage, a short one is noticed soon", async () => {
  const [browser, tab] = await tabsOfAda(1);
  const long = setDown(browser.server);
  await browser.clock.advance(60 * MINUTE);
  long.end();
  await browser.clock.advance(2 * MINUTE);
  const short = setDown(browser.server);
  await expect(browser.clock.until(tab.session.renew())).rejects.toMatchObject({ status: 502 });

  short.end();
  await browser.clock.advance(5_000);

  expect(tab.session.status).toBe("in");
});
