// The browser client of tokenpair: a session that renews itself, once for all tabs.
// The access token is in memory only. In cookie mode, no script can read the refresh token.

const LAST_FIFTH = [0.8, 0.98]; // Renew between these parts of the access token's life.
const ROUNDS = 2; // Newer tokens that one request tries: one from another tab, one from the server.
const TRIES = 4; // How often one renewal presents the refresh token.
const ANSWER_MS = 15_000; // Longest wait for an answer of the server.
const LOCK_MS = 20_000; // Longest wait for another tab's renewal.
const HELLO_MS = 30; // Longest wait of a new tab for tabs that it does not know.
const PEERS_MS = 250; // Longest wait for the tabs that this one knows.
const BUSY_MS = 3_000; // Longest wait for a token of a tab that is renewing.
const LATE_MS = 1_000; // Longest wait for a token of a tab that has renewed.
const RETRY_MS = [2_000, 60_000]; // First and longest pause while the server is unreachable.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** 401s of the API after which a renewal may help. */
const RENEWABLE = new Set(["token_expired", "token_stale", "token_invalid", "session_ended"]);
/** 401s of a renewal that end the session. A 401 of a proxy has none of these codes. */
const OVER = new Set([
  ...["session_ended", "token_expired", "token_invalid"],
  ...["not_authenticated", "refresh_token_required"],
]);

/** A refusal: `code` and `errors` as in the server's problem+json, `status` 0 without an answer. */
export class SessionError extends Error {
  constructor(code, status = 0, { detail, errors = [] } = {}, retryAfter = null) {
    super(detail ?? "The server cannot be reached. Check the connection, and try again.");
    Object.assign(this, { name: "SessionError", code, status, errors, retryAfter });
  }
}

/** Return a session, which looks at once for an open one on the server. Types: tokenpair.d.ts. */
export function createSession(options = {}) {
  return new Session({ baseUrl: "/api/v1/auth", mode: "cookie", name: "tokenpair", ...options });
}

class Session {
  #world;
  #fetch;
  #base;
  #isCookie;
  #store;
  #tabs;
  #token = null;
  #user = null;
  #status = "unknown";
  #epoch = 0; // Rises with every log-in and log-out in this browser.
  #isPartial = false; // Is only the user's id known?
  #queue = Promise.resolve();
  #renewal = null;
  #timer;
  #retries = 0;
  #changes = new Set();
  #events = new Set();

  constructor({ baseUrl, mode, name, fetch, store, share = mode === "cookie", world = {} }) {
    this.#world = { ...surroundings(), ...world };
    this.#fetch = fetch ?? ((...request) => globalThis.fetch(...request));
    if (!here() && !/^https?:/.test(baseUrl)) {
      throw new TypeError("outside a browser, baseUrl must be a whole URL");
    }
    this.#base = new URL(baseUrl.replace(/\/$/, ""), here()).href;
    this.#isCookie = mode === "cookie";
    this.#store = store ?? memory();
    this.#tabs = new Tabs(this.#world, share && `${name} ${this.#base}`, {
      hear: (message) => this.#hear(message),
      look: (isBack) => this.#look(isBack),
      lose: () => this.#status === "in" && this.#become("offline", this.#user, "offline"),
    });
    /** Resolves, and never rejects, when it is known whether there is a session. */
    this.ready = Promise.resolve().then(() => this.#start()); // After the first listeners are added.
  }

  get user() {
    return this.#user;
  }

  get status() {
    return this.#status;
  }

  get tab() {
    return this.#tabs.id;
  }

  /** When the access token expires, as `Date.now()` will show it on this computer; or null. */
  get expiresAt() {
    return this.#token && this.#world.wall() + this.#token.left;
  }

  onChange(listener) {
    this.#changes.add(listener);
    return () => this.#changes.delete(listener);
  }

  onEvent(listener) {
    this.#events.add(listener);
    return () => this.#events.delete(listener);
  }

  close() {
    this.#world.clearTimeout(this.#timer);
    this.#changes.clear();
    this.#events.clear();
    this.#tabs.close();
  }

  /** Send a request with the access token, if it goes to the server of `baseUrl`. */
  async fetch(input, init = {}) {
    const isRequest = input instanceof Request;
    const headers = new Headers(init.headers ?? (isRequest ? input.headers : undefined));
    const url = new URL(isRequest ? input.url : input, here() ?? this.#base);
    const isOurs = url.origin === new URL(this.#base).origin;
    if (!isOurs || headers.has("Authorization")) return this.#fetch(input, init);

    await this.ready;
    const owner = this.#user?.id ?? this.#token?.subject;
    if (this.#status !== "out" && !(this.#token?.left > 0)) await this.#renewOnce();
    const send = (request) => {
      const token = this.#token;
      if (owner && token?.subject !== owner) throw userChanged(token);
      if (token) headers.set("Authorization", `Bearer ${token.text}`);
      return this.#fetch(request, { ...init, headers });
    };

    const target = isRequest ? input : url.href; // What was checked is what is sent.
    for (let round = 0; ; round++) {
      const token = this.#token;
      const isLast = !token || round === ROUNDS;
      const answer = await send(isRequest && !isLast ? input.clone() : target);
      if (token && answer.status !== 401 && this.#status === "offline") this.#look();
      const code = !isLast && answer.status === 401 && (await codeOf(answer));
      if (!RENEWABLE.has(code)) return answer;
      await this.#renewOnce({ instead: token, isStale: code === "token_stale" });
      if (!this.#token || !isRepeatable(init.body)) return answer;
    }
  }

  /** Log in, and return the user. `credentials` has `email` and `password`. */
  login(credentials) {
    return this.#alone(async () => {
      const pair = await this.#call("/login", { json: credentials });
      this.#epoch = this.#nextEpoch();
      await this.#put(pair.refresh_token);
      await this.#keep(pair, { cause: "log_in" });
      return this.#user;
    });
  }

  /** End the session here, or all sessions of the user. Rejects if the server is unreachable. */
  async logout({ everywhere = false } = {}) {
    if (everywhere) {
      const answer = await this.fetch(`${this.#base}/logout/all`, { method: "POST" });
      if (!answer.ok && answer.status !== 401) throw await errorOf(answer);
    }
    return this.#alone(async () => {
      const bearer = this.#isCookie ? null : ((await this.#held()) ?? this.#token?.text);
      if (this.#isCookie || bearer) {
        await this.#call("/logout", { bearer }).catch((error) => this.#afterRefusedLogOut(error));
      }
      this.#epoch = this.#nextEpoch();
      await this.#end("log_out");
    });
  }

  async #afterRefusedLogOut(error) {
    const isCookieGone = error.code === "not_authenticated" && this.#token;
    if (isCookieGone) await this.#call("/logout", { bearer: this.#token.text });
    else if (!OVER.has(error.code)) throw error;
  }

  /** Renew now. Returns whether there is a session; rejects if the server is unreachable. */
  async renew() {
    await this.ready;
    await this.#renewOnce({ isForced: true });
    return this.#token !== null;
  }

  /** Read the user again, after a change of the account. */
  async reload() {
    await this.#alone(async () => this.#token && this.#settle({ isStale: true }));
    return this.#user;
  }

  // --- What happens by itself ---

  async #start() {
    const note = this.#tabs.note();
    this.#epoch = note?.epoch ?? 0;
    const isOut = this.#isCookie ? note && !note.isIn : !(await this.#held());
    if (isOut) this.#become("out", null, "start");
    else await this.#renewOnce({ isStart: true }).catch(() => {});
  }

  /** Check what has changed while the tab slept, or in other tabs. */
  #look(isBack = false) {
    const note = this.#tabs.note();
    if (note && note.epoch > this.#epoch) {
      this.#epoch = note.epoch;
      this.#token = null;
      if (note.isIn) this.#renewQuietly({});
      else this.#end("log_out", { isTold: true });
    } else if (this.#status === "out") {
      return;
    } else if (!this.#token || this.#token.isDue || (isBack && !note)) {
      this.#renewQuietly({ isForced: isBack && !note });
    } else if (!this.#world.isOffline()) {
      this.#become("in", this.#user, "online");
      this.#schedule();
    }
  }

  #renewQuietly(how) {
    this.#renewOnce(how).catch(() => {}); // The status shows it.
  }

  #schedule() {
    this.#world.clearTimeout(this.#timer);
    if (this.#tabs.isClosed || this.#status === "out") return;
    const [first, longest] = RETRY_MS;
    const pause = Math.min(first * 2 ** this.#retries, longest) * (0.5 + this.#world.random());
    const wait = this.#status === "in" && this.#token ? this.#token.untilDue : pause;
    const timed = Math.min(Math.max(wait, 1_000), LONGEST_TIMER_MS);
    this.#timer = this.#world.setTimeout(() => this.#look(), timed);
    this.#timer?.unref?.(); // In Node: do not keep the process alive.
  }

  // --- Renewal ---

  /** Renew, unless another tab has. Simultaneous callers share it. `instead`: the token to replace. */
  #renewOnce(how = {}) {
    const { instead = this.#token } = how;
    if (this.#token !== instead && this.#token?.left > 0) return Promise.resolve();
    this.#renewal ??= this.#alone((others) => this.#renew({ ...how, instead }, others))
      .catch((error) => this.#fail(error))
      .finally(() => {
        this.#renewal = null;
      });
    return this.#renewal;
  }

  async #renew(how, others) {
    const isDone = () => this.#token !== how.instead && this.#token?.left > 0;
    if (!how.isForced) {
      const isOver = this.#status === "out" && !this.#tabs.note()?.isIn;
      if (isOver || isDone() || ((await this.#ask(how, others)) && isDone())) return;
    }
    await this.#present(how);
  }

  /** Ask the other tabs for a newer token. Returns whether one of them had it. */
  async #ask({ isStart = false }, others = {}) {
    const before = this.#token;
    const limit = waitFor(others, isStart);
    const isNew = () => this.#token !== before;
    await this.#tabs.ask(before?.born ?? 0, { limit, isNew, all: !others.isBusy && !isStart });
    return isNew();
  }

  async #present(how) {
    for (let tries = 1; !this.#tabs.isClosed; tries++) {
      const epoch = this.#epoch;
      const bearer = this.#isCookie ? null : await this.#held();
      if (!this.#isCookie && !bearer) return this.#end(how.isStart ? "start" : "ended");
      if (tries === 1) this.#tell("renewing");
      try {
        const pair = await this.#call("/refresh_token", { bearer });
        if (epoch !== this.#epoch) return; // There was a log-out or another log-in meanwhile.
        if (!this.#isCookie && (await this.#held()) === bearer) await this.#put(pair.refresh_token);
        return await this.#keep(pair, how);
      } catch (error) {
        if (epoch !== this.#epoch) return;
        if (OVER.has(error.code)) {
          if (tries < TRIES && (await this.#isNewer(bearer, how))) continue;
          return this.#token === how.instead || how.isForced ? this.#refused(how) : undefined;
        }
        await this.#again(error, tries);
        if (this.#token !== how.instead && this.#token?.left > 0) return;
      }
    }
  }

  /** After a 401: is there a newer refresh token than the one that was refused? */
  async #isNewer(bearer, how) {
    if (!this.#isCookie) return (await this.#held()) !== bearer;
    if (how.isStart || (await this.#ask(how))) return false;
    const note = this.#tabs.note();
    if (!note?.isIn || note.epoch <= this.#epoch) return false;
    this.#epoch = note.epoch;
    return true;
  }

  #refused(how) {
    return this.#end(how.isStart || this.#status === "out" ? "start" : "ended");
  }

  /** Wait before the next try with the same token. Throws an error that a retry cannot mend. */
  async #again(error, tries) {
    const isLost = !error.status || error.status >= 500 || error.code === "bad_answer";
    const isBusy = error.status === 409 || error.status === 429;
    if (tries === TRIES || !(isLost || isBusy) || this.#world.isOffline()) throw error;
    this.#tell(error.status === 409 ? "superseded" : "lost", { status: error.status, tries });
    const pause = error.retryAfter ? error.retryAfter * 1_000 : 250 * 2 ** tries;
    const limit = Math.min(pause, 10_000) * (1 + 0.2 * this.#world.random());
    const before = this.#token;
    // Another tab may have been quicker.
    const isNew = () => this.#token !== before;
    if (!this.#tabs.isMute) await this.#tabs.ask(before?.born ?? 0, { limit, isNew });
    else await this.#world.pause(limit);
  }

  #fail(error) {
    if (!(error instanceof SessionError)) throw error;
    const isRefused = error.status >= 400 && error.status < 500 && error.code !== "bad_answer";
    if (this.#status === "unknown" && isRefused && error.status !== 429) this.#become("out", null, "start");
    else if (this.#status !== "out") this.#become("offline", this.#user, "offline");
    this.#schedule();
    this.#retries++;
    throw error;
  }

  /** Store a pair from the server, and share it with the other tabs. */
  async #keep(pair, how) {
    const life = pair.expires_in * 1_000;
    const { wall } = this.#world;
    this.#token = new Token(this.#world, { text: pair.access_token, life, left: life, born: wall() });
    this.#retries = 0;
    if (!(await this.#settle(how))) return;
    this.#tabs.write(this.#epoch, true);
    this.#share();
    if (how.cause !== "log_in") this.#tell("renewed", { seconds: pair.expires_in });
  }

  /** Load the token's user. Returns false if the session has ended meanwhile, in another tab. */
  async #settle({ cause, isStart, isStale }) {
    const { subject } = this.#token;
    const was = { user: this.#user, status: this.#status };
    const isOther = subject !== was.user?.id;
    if (isOther && was.user) this.#become("unknown", null, "user_changed");
    let user = this.#user;
    if (isOther || isStale || this.#isPartial) {
      const me = this.#call("/me", { method: "GET", bearer: this.#token.text });
      const seen = await me.catch(() => null);
      if (this.#token?.subject !== subject) return false;
      this.#isPartial = !seen;
      user = seen ?? (isOther ? { id: subject } : user);
    }
    this.#become("in", user, cause ?? (isStart ? "start" : causeOf(was, user)));
    this.#schedule();
    return true;
  }

  /** End the session in this tab and, unless they know it, in all others. */
  async #end(cause, { isTold = false } = {}) {
    const wasIn = this.#token !== null || this.#user !== null;
    this.#token = null;
    if (!this.#isCookie && !isTold) await this.#put(null);
    if (!isTold) {
      this.#tabs.write(this.#epoch, false);
      if (wasIn) this.#tabs.post({ type: "ended", epoch: this.#epoch, cause });
      if (wasIn) this.#tell("ended", { cause });
    }
    this.#become("out", null, cause);
    this.#schedule();
  }

  // --- Other tabs ---

  #hear(message) {
    if (message.type === "event") this.#notify(message.event);
    if (message.type === "token") this.#adopt(message);
    if (message.type === "ask" && !this.#share()) this.#tabs.post({ type: "none", to: message.from });
    if (message.type === "ended" && message.epoch >= this.#epoch) {
      this.#epoch = message.epoch;
      this.#end(message.cause, { isTold: true });
    }
  }

  #share() {
    const token = this.#token;
    if (!token || token.left <= 0 || !this.#user) return false;
    const { text, life, left, born } = token;
    const at = { epoch: this.#epoch, sentAt: this.#world.wall() };
    this.#tabs.post({ type: "token", ...at, text, life, left, born, user: this.#user });
    return true;
  }

  #adopt({ epoch, text, life, left, born, sentAt, user, from }) {
    const mine = this.#token;
    const isSame = mine && mine.subject === user.id && born > mine.born && epoch >= this.#epoch;
    if (!(isSame || epoch > this.#epoch || (!mine && epoch === this.#epoch))) return;
    const late = Math.max(this.#world.wall() - sentAt, 0);
    const token = new Token(this.#world, { text, life, left: left - late, born });
    if (token.left <= 0 || token.subject !== user.id) return;
    const cause = causeOf({ user: this.#user, status: this.#status }, user);
    this.#epoch = epoch;
    this.#token = token;
    this.#isPartial = false;
    this.#become("in", user, cause);
    this.#notify({ type: "adopted", tab: this.tab, at: this.#world.wall(), detail: { from } });
    this.#schedule();
  }

  #nextEpoch() {
    return Math.max(this.#world.wall(), this.#epoch + 1, (this.#tabs.note()?.epoch ?? 0) + 1);
  }

  // --- Listeners ---

  #become(status, user, cause) {
    const before = JSON.stringify([this.#status, this.#user]);
    this.#status = status;
    this.#user = user;
    if (before === JSON.stringify([status, user])) return;
    this.#callAll(this.#changes, { status, user, cause });
  }

  #tell(type, detail = {}) {
    const event = { type, tab: this.tab, at: this.#world.wall(), detail };
    this.#notify(event);
    this.#tabs.post({ type: "event", event });
  }

  #notify(event) {
    this.#callAll(this.#events, event);
  }

  /** A listener that fails must not fail a log-in. */
  #callAll(listeners, value) {
    for (const listener of [...listeners]) {
      try {
        listener(value);
      } catch (error) {
        this.#world.report(error);
      }
    }
  }

  // --- The store, the lock and the server ---

  async #held() {
    try {
      return await this.#store.get();
    } catch {
      return null;
    }
  }

  async #put(token) {
    if (this.#isCookie) return;
    try {
      await this.#store.set(token ?? null);
    } catch {
      this.#store = memory(token); // Full or disabled: the session lasts as long as this page.
    }
  }

  /** Run one renewal, log-in or log-out at a time: in this tab, and in all tabs if they can. */
  #alone(work) {
    const run = () => this.#tabs.alone(work);
    const result = this.#queue.then(run, run);
    this.#queue = result.catch(() => {});
    return result;
  }

  async #call(path, { method = "POST", json, bearer }) {
    const headers = { Accept: "application/json" };
    if (bearer) headers.Authorization = `Bearer ${bearer}`;
    else if (this.#isCookie) headers["X-Tokenpair"] = "cookie";
    if (json) headers["Content-Type"] = "application/json";
    const limit = new AbortController();
    const timer = this.#world.setTimeout(() => limit.abort(), ANSWER_MS);
    const credentials = this.#isCookie ? "include" : "omit";
    const { signal } = limit;
    const body = json && JSON.stringify(json);
    try {
      const request = { method, headers, body, credentials, cache: "no-store", signal };
      const answer = await this.#fetch(this.#base + path, request);
      return await contentOf(answer, path);
    } catch (error) {
      throw error instanceof SessionError ? error : new SessionError("unreachable");
    } finally {
      this.#world.clearTimeout(timer);
    }
  }
}

/** An access token, and its life by the server's `expires_in`. */
class Token {
  #world;
  #start;

  constructor(world, { text, life, left, born }) {
    const [from, to] = LAST_FIFTH;
    Object.assign(this, { text, life, born, subject: subjectOf(text) });
    this.#world = world;
    this.#start = { now: world.now() - (life - left), wall: world.wall() - (life - left) };
    // At a random moment, or a thief could follow the rhythm without detection.
    this.renewAt = life * (from + (to - from) * world.random());
  }

  /** Both clocks: one stands still while the computer sleeps, the other may jump. */
  get age() {
    return Math.max(this.#world.now() - this.#start.now, this.#world.wall() - this.#start.wall);
  }

  get left() {
    return this.life - this.age;
  }

  get untilDue() {
    return this.renewAt - this.age;
  }

  get isDue() {
    return this.untilDue <= 0;
  }
}

/** The tabs of one session: messages between them, and a note that outlives them, without secrets. */
class Tabs {
  #world;
  #key;
  #channel = null;
  #handlers;
  #peers = new Set();
  #onAnswer = () => {}; // The listener of the newest question.
  #claim = null; // "waiting" or "working", where there are no Web Locks.
  #listeners = [];
  isClosed = false;

  constructor(world, key, handlers) {
    this.id = Math.random().toString(36).slice(2, 8);
    this.#world = world;
    this.#key = key || "";
    this.#handlers = handlers;
    this.#open();
    const { page, document } = world;
    this.#on(document, "visibilitychange", () => document.visibilityState === "visible" && handlers.look());
    this.#on(page, "online", () => handlers.look());
    this.#on(page, "offline", () => handlers.lose());
    this.#on(page, "storage", ({ key: changed }) => changed === this.#key && handlers.look());
    this.#on(page, "pagehide", () => this.#leave()); // Open channels keep a page out of the cache.
    this.#on(page, "pageshow", ({ persisted }) => persisted && this.#comeBack());
  }

  close() {
    this.isClosed = true;
    this.#leave();
    for (const [target, type, listener] of this.#listeners) target.removeEventListener(type, listener);
  }

  /** Return what the last log-in or log-out wrote, or null where nothing can be stored. */
  note() {
    if (!this.#key) return null;
    try {
      const found = this.#world.storage().getItem(this.#key);
      if (found === null) this.#write(0, false);
      const [state, epoch] = (found ?? "no 0").split(" ");
      return { isIn: state === "in", epoch: Number(epoch) || 0 };
    } catch {
      return null;
    }
  }

  write(epoch, isIn) {
    try {
      if (this.#key && (this.note()?.epoch ?? 0) <= epoch) this.#write(epoch, isIn);
    } catch {} // Full or disabled: new tabs ask the server.
  }

  #write(epoch, isIn) {
    // Always the same length, so that a full storage still takes it.
    this.#world.storage().setItem(this.#key, `${isIn ? "in" : "no"} ${String(epoch).padStart(14, "0")}`);
  }

  post(message) {
    this.#channel?.postMessage({ ...message, from: this.id });
  }

  get isMute() {
    return !this.#channel;
  }

  /** Ask the other tabs, and wait until `isNew()`, until `all` known ones have answered, or `limit`. */
  async ask(born, { limit, isNew, all }) {
    if (!this.#channel || (limit === PEERS_MS && !this.#peers.size)) return;
    const answers = ["token", "none"];
    await this.#gather({ type: "ask", born }, { answers, limit, isEnough: isNew, all });
  }

  /**
   * Send a message, and wait until an answer `isEnough`, until `all` known tabs have answered, or
   * `limit`. Returns whether an answer was enough. A tab asks one question at a time.
   * A tab that knows no others cannot tell which answer is the last, so it waits for `limit`.
   */
  async #gather(message, { answers, limit, isEnough, all }) {
    const waiting = new Set(this.#peers);
    const canEndEarly = all && waiting.size > 0;
    let timer;
    const isAnswered = await new Promise((resolve) => {
      timer = this.#world.setTimeout(() => resolve(false), limit);
      this.#onAnswer = ({ type, from }) => {
        if (!answers.includes(type)) return;
        waiting.delete(from);
        if (isEnough(type)) resolve(true);
        else if (canEndEarly && !waiting.size) resolve(false);
      };
      this.post(message);
    });
    this.#world.clearTimeout(timer);
    for (const silent of waiting) this.#peers.delete(silent); // Until they are heard again.
    return isAnswered;
  }

  /** Run `work` while no other tab does. Its argument tells whether another tab did, or still does. */
  async alone(work) {
    const { locks } = this.#world;
    if (!this.#key) return work({});
    if (!locks) return this.#claimed(work);
    let isRunning = false;
    const run = (others) => {
      isRunning = true;
      return work(others);
    };
    try {
      const locked = await locks.request(this.#key, { ifAvailable: true }, async (lock) =>
        lock ? { value: await run({}) } : null,
      );
      return locked ? locked.value : await this.#locked(locks, run);
    } catch (error) {
      if (isRunning) throw error;
      return work({}); // Locks are refused here, or a tab with the lock is frozen.
    }
  }

  #locked(locks, run) {
    const limit = new AbortController();
    const timer = this.#world.setTimeout(() => limit.abort(), LOCK_MS);
    return locks.request(this.#key, { signal: limit.signal }, () => {
      this.#world.clearTimeout(timer);
      return run({ wasBusy: true });
    });
  }

  /** Without Web Locks, a tab announces its work, and hears from each other tab whether it works. */
  async #claimed(work) {
    this.#claim = "waiting";
    const how = {
      answers: ["busy", "free"],
      limit: this.#peers.size ? PEERS_MS : HELLO_MS,
      isEnough: (type) => type === "busy",
      all: true,
    };
    const isBusy = this.#channel && (await this.#gather({ type: "claim" }, how));
    this.#claim = "working";
    try {
      return await work({ isBusy });
    } finally {
      this.#claim = null;
    }
  }

  #hear(message) {
    const { type, from, to } = message;
    if (type === "bye") this.#peers.delete(from);
    else this.#peers.add(from);
    const isFirst = this.#claim === "working" || (this.#claim === "waiting" && this.id < from);
    if (type === "claim") this.post({ type: isFirst ? "busy" : "free", to: from });
    this.#handlers.hear(message);
    if (type === "token" || to === this.id) this.#onAnswer(message);
  }

  #open() {
    if (!this.#key || this.#channel) return;
    try {
      this.#channel = new this.#world.BroadcastChannel(this.#key);
      this.#channel.onmessage = ({ data }) => this.#hear(data);
      this.#channel.unref?.();
    } catch {} // Not supported, or not in this frame: each tab renews for itself.
  }

  /** The page is shown again, from the back-forward cache. */
  #comeBack() {
    this.#open();
    this.#handlers.look(true);
  }

  #leave() {
    this.post({ type: "bye" });
    this.#channel?.close();
    this.#channel = null;
  }

  #on(target, type, listener) {
    if (!target?.addEventListener) return;
    target.addEventListener(type, listener);
    this.#listeners.push([target, type, listener]);
  }
}

/** Clocks, timers, storage and events of the browser. Tests pass their own. */
function surroundings() {
  return {
    BroadcastChannel: globalThis.BroadcastChannel,
    clearTimeout: (timer) => clearTimeout(timer),
    document: globalThis.document,
    isOffline: () => globalThis.navigator?.onLine === false,
    locks: globalThis.navigator?.locks,
    now: () => performance.now(),
    page: globalThis,
    pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    random: () => Math.random(),
    report: (error) => console.error(error),
    setTimeout: (call, ms) => setTimeout(call, ms),
    storage: () => globalThis.localStorage,
    wall: () => Date.now(),
  };
}

/** Return the longest wait for another tab's token, in milliseconds. */
function waitFor({ wasBusy, isBusy }, isStart) {
  if (isBusy) return BUSY_MS;
  if (wasBusy) return LATE_MS;
  return isStart ? HELLO_MS : PEERS_MS;
}

/** Return the cause of a change to this user. */
function causeOf(was, user) {
  if (was.user && was.user.id !== user.id) return "user_changed";
  return { offline: "online", unknown: "start", out: "log_in", in: "user" }[was.status];
}

/** Return what relative URLs are relative to, as for `fetch`; undefined in Node. */
function here() {
  return globalThis.document?.baseURI ?? globalThis.location?.href;
}

function memory(token = null) {
  let held = token;
  const set = (next) => {
    held = next;
  };
  return { get: () => held, set };
}

/** Return the user's id in an access token. Only the server verifies tokens. */
function subjectOf(text) {
  try {
    return JSON.parse(atob(text.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).sub;
  } catch {
    return undefined;
  }
}

async function contentOf(answer, path) {
  if (!answer.ok) throw await errorOf(answer);
  if (answer.status === 204) return null;
  const content = await answer.json().catch(() => null);
  const isPair = path === "/login" || path === "/refresh_token";
  const isWhole = content && (!isPair || (content.access_token && content.expires_in > 0));
  if (!isWhole) throw new SessionError("bad_answer", answer.status);
  return content;
}

async function errorOf(answer) {
  const problem = await answer.json().catch(() => null);
  const retryAfter = Number(answer.headers.get("Retry-After")) || null;
  return new SessionError(problem?.code ?? "bad_answer", answer.status, problem ?? {}, retryAfter);
}

async function codeOf(answer) {
  const problem = await answer.clone().json().catch(() => null);
  return problem?.code;
}

/** A stream can be sent only once. */
function isRepeatable(body) {
  return !(body?.getReader || body?.[Symbol.asyncIterator]);
}

function userChanged(token) {
  const detail = token ? "Another user has logged in." : "The session has ended.";
  return new SessionError(token ? "user_changed" : "session_ended", 0, { detail });
}
