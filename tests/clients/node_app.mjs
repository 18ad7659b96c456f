// A program that uses the client in Node: node node_app.mjs <client> <base URL> <origin>.

const [client, baseUrl, origin] = process.argv.slice(2);
const { createSession } = await import(client);

const ada = { email: "ada@example.com", password: process.env.PASSWORD };
const seen = {};
let isLost = false;

/** The answer of one renewal is made, and does not arrive. */
async function losing(...request) {
  const answer = await fetch(...request);
  if (!isLost || !String(request[0]).endsWith("/refresh_token")) return answer;
  isLost = false;
  await answer.arrayBuffer();
  throw new TypeError("terminated");
}

let token = null;
const store = { get: () => token, set: (next) => void (token = next) };
const session = createSession({ baseUrl, mode: "bearer", store, fetch: losing });
const types = [];
session.onEvent(({ type }) => types.push(type));
await session.ready;
seen.before = [session.status, (await session.fetch(`${origin}/api/v1/books`)).status];

const headers = { "Content-Type": "application/json" };
await session.fetch(`${baseUrl}/signup`, { method: "POST", headers, body: JSON.stringify(ada) });
await session.login({ ...ada, password: "wrong" }).catch(({ code, status }) => (seen.refused = [code, status]));
seen.user = (await session.login(ada)).email;
const about = { published_date: "1815-12-23", page_count: 474, language: "English" };
const book = { title: "Emma", author: "Jane Austen", publisher: "John Murray", ...about };
const add = () => session.fetch(`${origin}/api/v1/books`, { method: "POST", headers, body: JSON.stringify(book) });
seen.added = (await add()).status;

isLost = true;
seen.renewed = [await session.renew(), ...types];

const restarted = createSession({ baseUrl, mode: "bearer", store });
await restarted.ready;
seen.restarted = restarted.user.email;
seen.seconds = Math.round((restarted.expiresAt - Date.now()) / 1_000);

await restarted.logout({ everywhere: true });
seen.after = [restarted.status, token, await session.renew(), session.status];
await session.login(ada);
console.log(JSON.stringify(seen)); // It ends here, though a session is open.
