// The API docs: Swagger UI, and the bar above it. They use the session of Bookly's page.

const { createSession } = await import(document.documentElement.dataset.client);
const $ = (id) => document.getElementById(id);

const AUTH = "/api/v1/auth";
const session = createSession({ baseUrl: AUTH, mode: "cookie" });

/** A placeholder for the access token, also in the commands that Swagger UI shows. */
const TOKEN = "$ACCESS_TOKEN";
/** Paths that the cookie authenticates, with a header that pages of other sites cannot send. */
const BY_COOKIE = new Set([`${AUTH}/refresh_token`, `${AUTH}/logout`]);

/** Paths that change the session, or end it. */
const CHANGING = new Set([`${AUTH}/reauthenticate`, `${AUTH}/logout`, `${AUTH}/logout/all`]);

/** Has Swagger UI read the OpenAPI document? Until then, it has no security schemes. */
let isReady = false;
let isAuthorized = false;
const SCHEMES = ["AccessTokenBearer", "RefreshTokenBearer"];

const ui = window.SwaggerUIBundle({
  url: "/api/v1/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  showMutatedRequest: false,
  validatorUrl: null,
  onComplete: () => {
    isReady = true;
    $("sign-up").hidden = !ui.specSelectors.specJson().hasIn(["paths", `${AUTH}/signup`]);
    show();
  },
  requestInterceptor: bySession,
  responseInterceptor: followSession,
  plugins: [loggedInByTheBar],
  // Deprecated operations come last.
  operationsSorter: (one, other) => isDeprecated(one) - isDeprecated(other),
});

function isDeprecated(operation) {
  return operation.getIn(["operation", "deprecated"], false);
}

/** Replace Swagger UI's own log-in, which expects a pasted token, by the bar. */
function loggedInByTheBar({ React }) {
  const badge = () => ({ isAuthorized }) => {
    const label = isAuthorized ? "uses your session" : "log in first";
    const props = { className: "wants-token", type: "button", onClick: focusOnTheBar };
    return React.createElement("button", props, label);
  };
  const nothing = () => () => null;
  return { wrapComponents: { authorizeBtn: nothing, authorizeOperationBtn: badge } };
}

function focusOnTheBar(event) {
  event.stopPropagation(); // Otherwise, the click would open the operation.
  (session.user ? $("log-out") : $("email")).focus();
}

/** Send a request of Swagger UI through the session, which adds the token, and renews when needed. */
function bySession(request) {
  const { headers } = request;
  if (headers?.Authorization !== `Bearer ${TOKEN}`) return request;
  delete headers.Authorization;
  if (BY_COOKIE.has(new URL(request.url, location.href).pathname)) headers["X-Tokenpair"] ||= "docs";
  else request.userFetch = (url, init) => session.fetch(url, init);
  return request;
}

/** Renew after requests of Swagger UI that change the session. */
function followSession(response) {
  const path = new URL(response.url || "/", location.href).pathname;
  if (response.ok && CHANGING.has(path) && session.user) session.renew().catch(() => {});
  return response;
}

function show() {
  const { user, status } = session;
  $("credentials").hidden = status !== "out";
  $("account").hidden = !user;
  $("who").textContent = user?.email ?? "";
  if (!isReady || isAuthorized === Boolean(user)) return;
  isAuthorized = Boolean(user);
  if (user) for (const scheme of SCHEMES) ui.preauthorizeApiKey(scheme, TOKEN);
  else ui.authActions.logout(SCHEMES);
}

session.onChange(({ status, cause }) => {
  if (status === "out" && cause === "ended") $("problem").textContent = "Your session has ended. Log in again.";
  if (status === "out") $("status").textContent = "";
  show();
});

/** Run one action at a time. Buttons stay enabled, because a disabled one loses the focus. */
async function doing(what, work) {
  const bar = $("bar");
  if (bar.ariaBusy === "true") return;
  bar.ariaBusy = "true";
  $("problem").textContent = "";
  $("status").textContent = what;
  try {
    $("status").textContent = await work();
  } catch (error) {
    $("status").textContent = "";
    $("problem").textContent = error.message;
  } finally {
    bar.ariaBusy = "false";
  }
}

async function logIn() {
  await session.login({ email: $("email").value, password: $("password").value });
  $("password").value = "";
  $("log-out").focus();
  return "You are logged in: the endpoints below use your session.";
}

async function signUp() {
  const body = JSON.stringify({ email: $("email").value, password: $("password").value });
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(`${AUTH}/signup`, { method: "POST", headers, body }).catch(() => null);
  const content = await answer?.json().catch(() => null);
  if (!answer?.ok) throw new Error(reasonOf(content));
  return logIn();
}

function reasonOf(problem) {
  const fields = (problem?.errors ?? []).map(({ field, reason }) => `The ${field} ${reason}.`);
  return [problem?.detail ?? "The server cannot be reached. Try again.", ...fields].join(" ");
}

async function logOut() {
  await session.logout();
  $("email").focus();
  return "You are logged out.";
}

$("credentials").addEventListener("submit", (event) => {
  event.preventDefault();
  doing("Logging in …", logIn);
});
$("sign-up").addEventListener("click", () => {
  if ($("credentials").reportValidity()) doing("Signing up …", signUp);
});
$("log-out").addEventListener("click", () => doing("Logging out …", logOut));

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
session.ready.then(show);
