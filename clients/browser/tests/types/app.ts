// A small app, for the type checker: what it uses must type-check, and what is wrong must not.

import { createSession, SessionError, type Change, type SessionEvent, type User } from "tokenpair-browser";

interface Reader extends User {
  username: string | null;
}

const session = createSession<Reader>({ baseUrl: "/auth", mode: "cookie", name: "books" });

const stopChanges: () => void = session.onChange(({ status, user, cause }: Change<Reader>) => {
  if (status === "in" && user) document.title = user.username ?? user.email;
  else if (cause === "ended") document.title = "Please log in again";
});
const stopEvents: () => void = session.onEvent(({ type, tab, at, detail }: SessionEvent) => {
  if (type === "adopted") console.log(new Date(at), tab === session.tab, detail["from"]);
});

export async function logIn(email: string, password: string): Promise<string> {
  try {
    const user = await session.login({ email, password });
    return user.username ?? user.id;
  } catch (error) {
    if (!(error instanceof SessionError)) throw error;
    if (error.code === "too_many_requests") return `Wait for ${error.retryAfter ?? 60} seconds`;
    return error.errors.map(({ field, reason }) => `${field} ${reason}`).join(", ");
  }
}

export async function books(): Promise<unknown> {
  await session.ready;
  const answer: Response = await session.fetch(new URL("/books", location.href), { method: "GET" });
  return answer.json();
}

export async function leave(): Promise<void> {
  const left: number = (session.expiresAt ?? 0) - Date.now();
  if (left < 0 && !(await session.renew())) return;
  await session.logout({ everywhere: true });
  stopChanges();
  stopEvents();
  session.close();
}

export const native = createSession({
  baseUrl: "https://books.example.com/auth",
  mode: "bearer",
  fetch: globalThis.fetch,
  store: { get: () => localStorage.getItem("token"), set: (token) => localStorage.setItem("token", token ?? "") },
});

// @ts-expect-error - There are two modes.
createSession({ mode: "token" });
// @ts-expect-error - The user is read only.
session.user = null;
// @ts-expect-error - The user may be null.
session.user.email;
