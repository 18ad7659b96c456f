// A server for the tests with the answers of tokenpair in cookie and bearer mode.

const MINUTE = 60_000;
export const ACCESS_SECONDS = 300;

const encode = (claims) => Buffer.from(JSON.stringify(claims)).toString("base64url");
const decode = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());

export const problem = (status, code, headers = {}) =>
  Response.json({ code, status, detail: `It is ${code}.` }, { status, headers });

export const html = (status = 200) =>
  new Response("<h1>Please log in to the network</h1>", { status, headers: { "Content-Type": "text/html" } });

export const USERS = {
  "ada@example.com": { id: "ada", email: "ada@example.com", roles: [] },
  "bob@example.com": { id: "bob", email: "bob@example.com", roles: [] },
};

export class Server {
  requests = [];
  /** Faults of the next requests to a path: functions of the answer that return another, or throw. */
  faults = [];
  #clock;
  #sessions = new Map();
  #last = 0;

  constructor(clock) {
    this.#clock = clock;
    this.isStale = new Set();
  }

  /** Return a `fetch` for a browser with this cookie jar. */
  fetchFor(jar, isOffline = () => false) {
    return async (input, init) => {
      const request = new Request(input instanceof Request ? input : new URL(input, "https://api.test"), init);
      if (isOffline()) throw new TypeError("Failed to fetch");
      const { pathname } = new URL(request.url);
      const presented = request.headers.get("Authorization")?.slice(7) ?? jar.cookie;
      const seen = { path: pathname, method: request.method, presented, headers: request.headers, url: request.url };
      seen.signal = request.signal;
      seen.body = await request.text();
      this.requests.push(seen);
      const at = this.faults.findIndex(([path]) => path === pathname);
      const [, fault] = at < 0 ? [] : this.faults.splice(at, 1)[0];
      if (fault?.before) return fault.before(seen);
      const { answer, cookie } = this.#answer(seen, jar);
      if (fault) return fault(answer);
      if (cookie !== undefined) jar.cookie = cookie;
      return answer;
    };
  }

  /** Count the requests to a path. */
  count(path) {
    return this.requests.filter((each) => each.path === path).length;
  }

  /** Let the next request to a path be answered in another way. */
  next(path, fault) {
    this.faults.push([path, fault]);
  }

  /** The next answer of a path is made, and does not arrive. */
  lose(path = "/auth/refresh_token") {
    this.next(path, () => {
      throw new TypeError("Failed to fetch");
    });
  }

  endAll() {
    for (const session of this.#sessions.values()) session.isOver = true;
  }

  /** Open all sessions again. */
  revive() {
    for (const session of this.#sessions.values()) session.isOver = false;
  }

  #answer(seen, jar) {
    if (seen.path === "/auth/login") return this.#logIn(seen, jar);
    if (seen.path === "/auth/refresh_token") return this.#renew(seen);
    if (seen.path === "/auth/logout") return this.#logOut(seen);
    return { answer: this.#api(seen) };
  }

  #logIn(seen, jar) {
    const user = USERS[JSON.parse(seen.body).email];
    if (!user) return { answer: problem(401, "invalid_credentials") };
    if (seen.headers.has("X-Tokenpair") && jar.cookie) this.#sessionOf(jar.cookie).isOver = true;
    const session = { id: ++this.#last, user, generation: 1 };
    this.#sessions.set(session.id, session);
    return this.#pair(seen, session);
  }

  #renew(seen) {
    if (!seen.presented) return { answer: problem(401, "not_authenticated") };
    const isBoth = seen.headers.has("X-Tokenpair") && seen.headers.has("Authorization");
    if (isBoth) return { answer: problem(400, "invalid_request") };
    const session = this.#sessionOf(seen.presented);
    if (!session || session.isOver) return { answer: problem(401, "session_ended") };
    session.generation++;
    return this.#pair(seen, session);
  }

  #logOut(seen) {
    if (!seen.presented) return { answer: problem(401, "not_authenticated") };
    this.#sessionOf(seen.presented).isOver = true;
    return { answer: new Response(null, { status: 204 }), cookie: null };
  }

  #api(seen) {
    const token = seen.headers.get("Authorization")?.slice(7);
    if (!token) return problem(401, "not_authenticated");
    const { sid, exp } = decode(token);
    if (this.#sessionOf(token).isOver) return problem(401, "session_ended");
    if (exp <= this.#clock.wall) return problem(401, "token_expired");
    if (this.isStale.has(token)) return problem(401, "token_stale");
    if (seen.path === "/auth/logout/all") this.endAll();
    const { user } = this.#sessions.get(sid);
    if (seen.path === "/books") return Response.json({ items: [{ id: 1, title: `A book for ${user.id}` }] });
    return Response.json(seen.path === "/auth/me" ? user : { user: user.id, body: seen.body });
  }

  #pair(seen, session) {
    const { id: sid, user, generation } = session;
    const exp = this.#clock.wall + ACCESS_SECONDS * 1_000;
    const access = `h.${encode({ sub: user.id, sid, exp, generation })}.s`;
    const refresh = `h.${encode({ sid, generation })}.r`;
    const isCookie = seen.headers.get("X-Tokenpair") === "cookie";
    const body = { access_token: access, token_type: "Bearer", expires_in: ACCESS_SECONDS };
    const answer = Response.json(isCookie ? body : { ...body, refresh_token: refresh });
    return { answer, cookie: isCookie ? refresh : undefined };
  }

  #sessionOf(token) {
    return this.#sessions.get(decode(token).sid);
  }
}

export { MINUTE };
