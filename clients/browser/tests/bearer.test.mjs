// Bearer mode: the refresh token is in a store of the app, or in memory.

import { afterEach, expect, test } from "vitest";

import { Browser, closeAll } from "./browser.mjs";
import { problem } from "./server.mjs";

const ADA = { email: "ada@example.com", password: "correct horse" };
const RENEW = "/auth/refresh_token";

afterEach(async () => {
  const left = await closeAll();

  expect(left, "timers of closed tabs").toEqual(left.map(() => 0));
});

const storeOf = (token = null) => ({
  token,
  get() {
    return this.token;
  },
  async set(next) {
    this.token = next;
  },
});

async function loggedIn(options) {
  const browser = new Browser();
  const tab = await browser.open({ mode: "bearer", ...options });
  await browser.clock.until(tab.session.login(ADA));
  browser.server.requests.length = 0;
  return [browser, tab];
}

test("the store has the newest refresh token, and no cookie is asked for", async () => {
  const store = storeOf();
  const [browser, tab] = await loggedIn({ store });
  const first = store.token;

  await browser.clock.until(tab.session.renew());

  expect([browser.server.requests[0].presented, store.token]).toEqual([first, expect.stringMatching(/r$/)]);
  expect(store.token).not.toBe(first);
  expect(browser.server.requests.some(({ headers }) => headers.has("X-Tokenpair"))).toBe(false);
});

test("a session goes on from its store", async () => {
  const store = storeOf();
  const [browser, tab] = await loggedIn({ store });
  tab.session.close();

  const restarted = await browser.open({ mode: "bearer", store });

  expect(restarted.session.user.id).toBe("ada");
});

test("a lost answer presents the same token again", async () => {
  const [browser, tab] = await loggedIn({ store: storeOf() });
  browser.server.lose();

  await browser.clock.until(tab.session.renew());

  const [first, second] = browser.server.requests;
  expect(second.presented).toBe(first.presented);
});

test.each([409, 401])("after %s it goes on with the token that is now in the store", async (status) => {
  const store = storeOf();
  const [browser, tab] = await loggedIn({ store });
  const newer = store.token;
  store.token = newer.replace("h.", "older.");
  browser.server.next(RENEW, () => {
    store.token = newer;
    return problem(status, status === 409 ? "token_superseded" : "session_ended");
  });

  const isIn = await browser.clock.until(tab.session.renew());

  expect([isIn, browser.server.requests.at(-1).presented]).toEqual([true, newer]);
});

test("it never overwrites a newer token of the store", async () => {
  const store = storeOf();
  const [browser, tab] = await loggedIn({ store });
  browser.server.next(RENEW, (answer) => {
    store.token = "newer";
    return answer;
  });

  await browser.clock.until(tab.session.renew());

  expect(store.token).toBe("newer");
});

test("a store that fails is replaced by memory", async () => {
  const broken = { get: () => Promise.reject(new Error("disabled")), set: () => Promise.reject(new Error("full")) };
  const [browser, tab] = await loggedIn({ store: broken });

  const isIn = await browser.clock.until(tab.session.renew());

  expect(isIn).toBe(true);
});

test("a log-out empties the store", async () => {
  const store = storeOf();
  const [browser, tab] = await loggedIn({ store });

  await browser.clock.until(tab.session.logout());

  expect([store.token, tab.session.status]).toEqual([null, "out"]);
});

test("a log-out without a refresh token ends the session by the access token", async () => {
  const store = storeOf();
  const [browser, tab] = await loggedIn({ store });
  store.token = null;

  await browser.clock.until(tab.session.logout());

  expect(browser.server.requests.map(({ presented }) => presented)).toEqual([expect.stringMatching(/s$/)]);
});

test("two sessions with one name do not share their tokens, unless they say so", async () => {
  const [browser, tab] = await loggedIn();

  const other = await browser.open({ mode: "bearer" });

  expect([tab.session.status, other.session.status]).toEqual(["in", "out"]);
});

test("tabs that share a store renew once", async () => {
  const store = storeOf();
  const [browser] = await loggedIn({ store, share: true });
  const other = await browser.open({ mode: "bearer", store, share: true });

  await browser.clock.advance(290_000);

  expect(other.events.map(({ type }) => type)).toContain("adopted");
  expect(browser.server.count(RENEW)).toBe(1);
});
