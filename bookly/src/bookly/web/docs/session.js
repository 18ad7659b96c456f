// A log-in that renews itself. Tokens are only kept in memory: a page reload forgets them.

const TRIES = 5;

/** A response that is not a success, with a message for the user. */
export class ProblemError extends Error {
  constructor(status, problem, retryAfter) {
    const fields = (problem.errors ?? []).map(({ field, reason }) => `${field} ${reason}`);
    super([problem.detail ?? "Something went wrong.", ...fields.map(asSentence)].join(" "));
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

export class Session {
  #base;
  #pair = null;
  #renewal = null;
  #timer = null;
  #onChange;

  /** Calls `onChange(pair)` for each new pair, and `onChange(null, reason)` at the end. */
  constructor(base, onChange) {
    this.#base = base;
    this.#onChange = onChange;
  }

  get isOpen() {
    return this.#pair !== null;
  }

  async signUp(email, password) {
    await this.#call("/signup", { body: { email, password } });
  }

  async logIn(email, password) {
    this.#keep(await this.#call("/login", { body: { email, password } }));
  }

  async logOut() {
    const token = this.#pair?.refresh_token;
    if (token) await this.#call("/logout", { token });
    this.#keep(null);
  }

  /** The account, as the API shows it. */
  async me() {
    return this.#call("/me", { method: "GET", token: await this.accessToken() });
  }

  /** Return an access token that has not expired; null after the session's end. */
  async accessToken() {
    // Timers do not run while the computer sleeps.
    if (this.#pair && Date.now() >= this.#pair.renewAt) await this.renew();
    return this.#pair?.access_token ?? null;
  }

  /** Renew, one renewal at a time: simultaneous callers share it. */
  renew() {
    this.#renewal ??= this.#renew().finally(() => (this.#renewal = null));
    return this.#renewal;
  }

  async #renew() {
    for (let tries = 1; this.#pair; tries++) {
      const presented = this.#pair;
      try {
        const next = await this.#call("/refresh_token", { token: presented.refresh_token });
        // Ignore a late answer, after a log-out or another log-in.
        if (this.#pair === presented) this.#keep(next);
        return;
      } catch (error) {
        if (this.#pair !== presented) return;
        if (error.status === 401) {
          this.#keep(null, error.message);
          throw error;
        }
        // The server may have renewed, and the answer was lost: send the same token again.
        if (tries === TRIES) throw error;
        await new Promise((resolve) => setTimeout(resolve, 1000 * (error.retryAfter ?? tries)));
      }
    }
  }

  #keep(pair, why) {
    clearTimeout(this.#timer);
    this.#pair = pair;
    if (pair) {
      // Renew at a random moment in the last fifth of the access token's life: a thief could
      // follow a fixed rhythm without detection. Expiry is in whole seconds, rounded down.
      const delay = (pair.expires_in - 1) * 1000 * (0.8 + 0.18 * Math.random());
      pair.renewAt = Date.now() + delay;
      this.#timer = setTimeout(() => this.renew().catch(() => {}), delay);
    }
    this.#onChange(pair, why);
  }

  async #call(path, { method = "POST", token, body }) {
    const headers = {};
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body) headers["Content-Type"] = "application/json";
    const request = { method, headers, body: body && JSON.stringify(body), cache: "no-store" };
    request.credentials = "omit"; // A cookie beside the token would be refused.
    const response = await fetch(this.#base + path, request).catch(() => {
      throw new ProblemError(0, { detail: "The server does not answer. Please try again." });
    });
    if (response.status === 204) return null;
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer;
    const retryAfter = Number(response.headers.get("Retry-After")) || undefined;
    throw new ProblemError(response.status, answer, retryAfter);
  }
}

function asSentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}
