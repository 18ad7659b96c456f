// A browser for the tests: one clock, one cookie jar, one storage and one set of locks for its tabs.

import { createSession } from "../tokenpair.js";
import { Server } from "./server.mjs";

const flush = async () => {
  for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve));
};

/** Two clocks and timers. Time passes only when a test says so. */
export class Clock {
  mono = 0;
  wall = Date.UTC(2026, 0, 1);
  #timers = new Map();
  #last = 0;

  setTimeout = (call, ms, { isMessage = false } = {}) => {
    this.#timers.set(++this.#last, { call, at: this.mono + Math.max(ms, 0), isMessage });
    return this.#last;
  };

  clearTimeout = (timer) => this.#timers.delete(timer);

  /** How many timers have neither run nor been cleared, without those of messages. */
  get open() {
    return [...this.#timers.values()].filter(({ isMessage }) => !isMessage).length;
  }

  pause = (ms) => new Promise((resolve) => this.setTimeout(resolve, ms));

  /** Let time pass, with all timers. */
  async advance(ms) {
    const end = this.mono + ms;
    for (await flush(); this.#fire(end); await flush());
    this.#pass(end - this.mono);
    await flush();
  }

  /** Let time pass until a promise is settled; return or throw its result. */
  async until(promise) {
    let isSettled = false;
    const settled = promise.finally(() => (isSettled = true));
    settled.catch(() => {});
    for (await flush(); !isSettled; await flush()) {
      if (!this.#fire(this.mono + 600_000)) throw new Error("no timer is left, and nothing has happened");
    }
    return settled;
  }

  /** The computer sleeps: no timer runs, and only the wall clock goes on. */
  sleep(ms) {
    this.wall += ms;
  }

  #fire(end) {
    const [next] = [...this.#timers].sort(([, one], [, other]) => one.at - other.at);
    if (!next || next[1].at > end) return false;
    this.#timers.delete(next[0]);
    this.#pass(Math.max(next[1].at - this.mono, 0));
    next[1].call();
    return true;
  }

  #pass(ms) {
    this.mono += ms;
    this.wall += ms;
  }
}

/** The lock manager of the Web Locks specification, as far as the client uses it. */
class Locks {
  #queues = new Map();

  async request(name, options, work) {
    const queue = this.#queues.get(name) ?? [];
    this.#queues.set(name, queue);
    if (options.ifAvailable && queue.length) return work(null);
    const entry = {};
    const granted = new Promise((resolve) => (entry.grant = resolve));
    const aborted = new Promise((_, reject) => {
      options.signal?.addEventListener("abort", () => {
        if (queue[0] !== entry) reject(new DOMException("aborted", "AbortError"));
      });
    });
    queue.push(entry);
    if (queue[0] === entry) entry.grant();
    try {
      await Promise.race([granted, aborted]);
      return await work({ name });
    } finally {
      queue.splice(queue.indexOf(entry), 1);
      queue[0]?.grant();
    }
  }
}

/** Broadcast channels that deliver copies, later, to all tabs but the sender's. */
function channels(clock) {
  const open = new Set();
  return class {
    delay = 0; // Of what this tab sends, in milliseconds.

    constructor(name) {
      this.name = name;
      open.add(this);
    }

    postMessage(message) {
      for (const other of open) {
        const isReached = other !== this && other.name === this.name;
        const event = { data: structuredClone(message) };
        const deliver = () => open.has(other) && other.onmessage?.(event);
        if (isReached && this.delay) clock.setTimeout(deliver, this.delay, { isMessage: true });
        else if (isReached) setImmediate(deliver);
      }
    }

    close() {
      open.delete(this);
    }
  };
}

class Storage {
  items = new Map();
  isFull = false;

  getItem(key) {
    return this.items.get(key) ?? null;
  }

  setItem(key, value) {
    const isLonger = value.length > (this.items.get(key)?.length ?? 0);
    if (this.isFull && isLonger) throw new DOMException("full", "QuotaExceededError");
    this.items.set(key, value);
  }
}

const browsers = new Set();

/** Close all tabs of all browsers. Returns how many timers each browser still has. */
export async function closeAll() {
  const opened = [...browsers];
  browsers.clear();
  for (const { tabs } of opened) for (const { session } of tabs) session.close();
  await flush();
  return opened.map(({ clock }) => clock.open);
}

/** A browser with one server. `without`: "locks", "channels", "storage". */
export class Browser {
  clock = new Clock();
  storage = new Storage();
  isOffline = false;
  complaints = [];
  tabs = [];
  #without;
  #locks = new Locks();
  #channel = channels(this.clock);

  constructor({ without = [], server } = {}) {
    this.#without = new Set(without);
    this.server = server ?? new Server(this.clock);
    this.jar = { cookie: null };
    browsers.add(this);
  }

  /** Open a tab, and wait until it knows whether there is a session. */
  async open(options) {
    const tab = this.start(options);
    await this.clock.until(tab.session.ready);
    return tab;
  }

  /** Open a tab. `delay`: how late its messages reach the other tabs, in milliseconds. */
  start({ delay = 0, ...options } = {}) {
    const { clock } = this;
    const Channel = class extends this.#channel {
      delay = delay;
    };
    const page = new EventTarget();
    const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
    const world = {
      ...{ page, document, pause: clock.pause },
      ...{ setTimeout: clock.setTimeout, clearTimeout: clock.clearTimeout },
      now: () => clock.mono,
      wall: () => clock.wall,
      random: () => 0.5,
      report: (error) => this.complaints.push(error),
      isOffline: () => this.isOffline,
      locks: this.#without.has("locks") ? undefined : this.#locks,
      BroadcastChannel: this.#without.has("channels") ? undefined : Channel,
      storage: () => {
        if (this.#without.has("storage")) throw new DOMException("not allowed", "SecurityError");
        return this.storage;
      },
    };
    const fetch = this.server.fetchFor(this.jar, () => this.isOffline);
    const session = createSession({ baseUrl: "https://api.test/auth", fetch, world, ...options });
    const tab = { session, page, document, changes: [], events: [] };
    session.onChange(({ status, user, cause }) => tab.changes.push([status, user?.email ?? null, cause]));
    session.onEvent((event) => tab.events.push(event));
    this.tabs.push(tab);
    return tab;
  }

  /** Send a message to all tabs, as a tab would that was frozen for a while. */
  async post(message) {
    const [name] = this.storage.items.keys();
    new this.#channel(name).postMessage({ from: "frozen", ...message });
    await this.clock.advance(0);
  }

  /** Show a tab again: from the background, or from the back-forward cache. */
  async wake(tab, { isBack = false } = {}) {
    if (isBack) tab.page.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
    else tab.document.dispatchEvent(new Event("visibilitychange"));
    await this.clock.advance(1_000);
  }
}
