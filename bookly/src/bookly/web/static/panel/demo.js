// The demo session of the panel: a browser client of its own, and the server's data about it.

import { tabName } from "./memory.js";

const CHANNEL = "bookly-panel";

/**
 * What the server tells: the times in seconds, and the session of this browser, or null.
 * @typedef {{times: {access: number, repeat: number, superseded: number}, session: Told | null}} State
 * @typedef {object} Told
 * @property {string} began
 * @property {number} generation
 * @property {number | null} head  The number of the dot that was accepted last.
 * @property {string} rotated  When that dot was accepted; before the first, when the session began.
 * @property {string | null} ended  Why it ended.
 * @property {boolean} losing  Will the next answer be lost?
 * @property {{handle: string, at: string} | null} theft
 * @property {number | null} tab  The number of this tab.
 * @property {import("./line.js").Dot[]} dots
 * @property {import("./words.js").Entry[]} log  The oldest first.
 */

export class Demo {
  /** @type {State | null} */
  state = null;
  #client;
  #tab = tabName();
  #listeners = new Set();
  #channel = null;
  #closing = new AbortController();
  #peers = new Set();
  #asking = null;
  #isDirty = false;
  #isOpen = false;

  constructor(createSession) {
    const fetch = (...request) => this.#send(...request);
    this.#client = createSession({ baseUrl: "/demo/auth", name: "bookly-demo", fetch });
    this.#client.onEvent(() => this.refresh());
    this.#client.onChange(() => this.refresh());
    this.#meet();
  }

  /** Resolves when the session runs, or the panel was closed before. */
  async open() {
    await Promise.all([this.#client.ready, this.refresh()]);
    if (this.#closing.signal.aborted) return; // A session that starts now would end another panel's.
    const isNew = !this.state?.session;
    if (isNew) await this.start();
    else if (!this.state.session.ended && this.#client.status === "out") await this.#client.renew();
    this.#isOpen = true;
  }

  /** Why the session has ended, or null. A server that was restarted knows no session. */
  get ended() {
    if (this.state?.session) return this.state.session.ended;
    return this.#isOpen && this.state ? "forgotten" : null;
  }

  close() {
    this.#listeners.clear();
    this.#client.close();
    this.#closing.abort();
    this.#channel?.postMessage({ bye: this.#client.tab });
    this.#channel?.close();
    this.#channel = null; // An action may still be waiting for its answer.
  }

  /** When the access token expires, as `Date.now()`; null without one. */
  get expiresAt() {
    return this.#client.expiresAt;
  }

  get isIn() {
    return this.#client.status === "in" && !this.ended;
  }

  get isOffline() {
    return this.#client.status === "offline";
  }

  get tabs() {
    return this.#peers.size + 1;
  }

  onChange(listener) {
    this.#listeners.add(listener);
  }

  /** Open a new session; an earlier one ends. */
  async start() {
    await this.#client.login({});
    await this.#changed();
  }

  async lose() {
    await this.#act("/demo/lose");
  }

  /** Renew twice like two tabs without a lock: the second request does not wait for the first. */
  async renewTwice() {
    const headers = { "X-Tokenpair": "cookie" };
    const other = this.#send("/demo/auth/refresh_token", { method: "POST", headers });
    await Promise.allSettled([this.#client.renew(), other]);
    await this.#changed();
  }

  async steal() {
    await this.#act("/demo/theft");
  }

  async renewStolen() {
    const handle = this.state?.session?.theft?.handle;
    if (handle) await this.#act(`/demo/theft/${handle}/renew`);
    // Any request of the owner finds out that the session has ended.
    if (this.state?.session?.ended) await this.#client.fetch("/demo/auth/me").catch(() => null);
  }

  /** Read the server's data. Simultaneous calls share a request, and one more follows it. */
  async refresh() {
    this.#isDirty = true;
    this.#asking ??= this.#read().finally(() => {
      this.#asking = null;
    });
    await this.#asking;
  }

  async #read() {
    while (this.#isDirty && !this.#closing.signal.aborted) {
      this.#isDirty = false;
      const answer = await this.#send("/demo", { cache: "no-store" }).catch(() => null);
      if (answer?.ok) this.state = await answer.json();
      this.#tell();
    }
  }

  async #act(path) {
    const headers = { "X-Tokenpair": "cookie" };
    const answer = await this.#send(path, { method: "POST", headers });
    if (!answer.ok) throw new Error(`the demo answers ${answer.status}`);
    await this.#changed();
  }

  /** Send a request with this tab's name. An answer that is marked as lost does not arrive. */
  async #send(input, init = {}) {
    const headers = new Headers(init.headers);
    headers.set("X-Bookly-Tab", this.#tab);
    const answer = await fetch(input, { ...init, headers });
    if (answer.headers.has("X-Bookly-Lost")) throw new TypeError("the answer was lost");
    return answer;
  }

  async #changed() {
    this.#channel?.postMessage({ changed: true });
    await this.refresh();
  }

  #tell() {
    for (const listener of this.#listeners) listener();
  }

  // --- The panels in other tabs ---

  #meet() {
    try {
      this.#channel = new BroadcastChannel(CHANNEL);
    } catch {
      return; // Not supported here, or not in this frame: each panel counts only its own tab.
    }
    const mine = this.#client.tab;
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    this.#channel.postMessage({ hello: mine });
    const { signal } = this.#closing;
    addEventListener("pagehide", () => this.#channel.postMessage({ bye: mine }), { signal });
    addEventListener("pageshow", ({ persisted }) => persisted && this.#channel.postMessage({ hello: mine }), { signal });
  }

  #hear({ hello, here, bye, changed }) {
    if (hello) this.#channel.postMessage({ here: this.#client.tab });
    if (hello ?? here) this.#peers.add(hello ?? here);
    if (bye) this.#peers.delete(bye);
    if (changed) this.refresh();
    else this.#tell();
  }
}
