/** The user, as `GET /me` answers. With profile fields of your own: `createSession<MyUser>()`. */
export interface User {
  id: string;
  email: string;
  email_verified: boolean;
  roles: string[];
  created_at: string;
}

/**
 * `unknown`: the first look is not done, or another user has just been found. `offline`: the server
 * is unreachable; the user stays, and the session goes on by itself.
 */
export type Status = "unknown" | "in" | "out" | "offline";

/**
 * `start`: the first look is done. `ended`: the server has ended the session. `user_changed`:
 * another user has logged in, in another tab. `user`: the user's data have changed.
 */
export type Cause =
  | "start"
  | "log_in"
  | "log_out"
  | "ended"
  | "user_changed"
  | "user"
  | "offline"
  | "online";

export interface Change<U = User> {
  status: Status;
  user: U | null;
  cause: Cause;
}

/** What happens to the tokens, in this tab (`tab === session.tab`) or in another one. */
export interface SessionEvent {
  type: "renewing" | "renewed" | "adopted" | "lost" | "superseded" | "ended";
  tab: string;
  /** In milliseconds, as `Date.now()`. */
  at: number;
  detail: Record<string, unknown>;
}

/** Where the refresh token is kept in bearer mode. `set(null)` forgets it. */
export interface TokenStore {
  get(): string | null | Promise<string | null>;
  set(token: string | null): unknown;
}

export interface Options {
  /** Where the endpoints are. Default: `/api/v1/auth`. In Node it must be a whole URL. */
  baseUrl?: string;
  /** Where the refresh token is: in an HttpOnly cookie (default), or in `store`. */
  mode?: "cookie" | "bearer";
  /** Tells two sessions of one page apart. Default: `tokenpair`. */
  name?: string;
  /** Sends all requests, in place of the global `fetch`. */
  fetch?: typeof globalThis.fetch;
  /** For bearer mode. Default: in memory. */
  store?: TokenStore;
  /** In bearer mode: do all tabs (or worker threads) with this name use one `store`? Default: no. */
  share?: boolean;
}

export interface Credentials {
  email: string;
  password: string;
}

export interface Session<U = User> {
  /** The user, or null. It never waits. */
  readonly user: U | null;
  readonly status: Status;
  /** When the access token expires, in milliseconds as `Date.now()` will show it here; or null. */
  readonly expiresAt: number | null;
  /** This tab, as events name it. */
  readonly tab: string;
  /** Resolves, and never rejects, when it is known whether there is a session. */
  readonly ready: Promise<void>;
  /**
   * Send a request like the global `fetch`. It has the access token if it goes to the origin of
   * `baseUrl`. Rejects with a `SessionError` `unreachable` if the token must be renewed first and
   * the server is unreachable, and `user_changed` if another user has logged in meanwhile.
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** Log in, and return the user. Rejects with a `SessionError`. */
  login(credentials: Credentials): Promise<U>;
  /** End the session in all tabs. Rejects with `unreachable` if the server did not hear of it. */
  logout(options?: { everywhere?: boolean }): Promise<void>;
  /** Renew now. Returns whether there is a session. */
  renew(): Promise<boolean>;
  /** Read the user again, after a change of the account. */
  reload(): Promise<U | null>;
  /** Call the listener after each log-in, log-out and other change. Returns how to stop it. */
  onChange(listener: (change: Change<U>) => void): () => void;
  /** Call the listener for what happens to the tokens, in any tab. Returns how to stop it. */
  onEvent(listener: (event: SessionEvent) => void): () => void;
  /** Stop. The session itself goes on. */
  close(): void;
}

export interface FieldError {
  field: string;
  reason: string;
}

/**
 * A refusal. `code` is the one of the server's problem+json, or `unreachable` (no answer),
 * `bad_answer` (not the server's: a proxy's), `user_changed` or `session_ended`.
 */
export class SessionError extends Error {
  readonly code: string;
  /** The HTTP status; 0 without an answer. */
  readonly status: number;
  /** The invalid fields, for a 422. */
  readonly errors: FieldError[];
  /** In seconds. */
  readonly retryAfter: number | null;
}

/** Return a session. It starts at once to look for one that is open. */
export function createSession<U = User>(options?: Options): Session<U>;
