// The API docs: Swagger UI, and the bar above it, which logs in and passes the tokens to Swagger UI.

import { Session } from "./session.js";

const $ = (id) => document.getElementById(id);
const session = new Session("/api/v1/auth", show);

// Every access token of this log-in; Swagger UI may still send an old one.
let issued = new Set();

const ui = window.SwaggerUIBundle({
  url: "/api/v1/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  validatorUrl: null,
  requestInterceptor: withFreshToken,
  responseInterceptor: renewIfOutdated,
  plugins: [loggedInByTheBar],
  // Deprecated operations come last.
  operationsSorter: (one, other) => isDeprecated(one) - isDeprecated(other),
});

function isDeprecated(operation) {
  return operation.getIn(["operation", "deprecated"], false);
}

/** Remove Swagger UI's own log-in, which expects a pasted token: use the bar instead. */
function loggedInByTheBar({ React }) {
  const badge = () => ({ isAuthorized }) => {
    const label = isAuthorized ? "uses your tokens" : "log in first";
    const props = { className: "wants-token", type: "button", onClick: focusOnTheBar };
    return React.createElement("button", props, label);
  };
  const nothing = () => () => null;
  return { wrapComponents: { authorizeBtn: nothing, authorizeOperationBtn: badge } };
}

function focusOnTheBar(event) {
  event.stopPropagation(); // Otherwise, the click would open the operation.
  (session.isOpen ? $("log-out") : $("email")).focus();
}

/** Replace the token that Swagger UI remembers with the newest one. */
async function withFreshToken(request) {
  const [, token] = /^Bearer (.+)$/.exec(request.headers?.Authorization ?? "") ?? [];
  if (issued.has(token)) {
    // After the session's end, the API returns the error.
    const fresh = await session.accessToken().catch(() => null);
    if (fresh) request.headers.Authorization = `Bearer ${fresh}`;
  }
  return request;
}

/** Renew if the access token says what is no longer so. The next request has the new token. */
function renewIfOutdated(response) {
  const isReauthenticated = response.ok && response.url?.endsWith("/auth/reauthenticate");
  if (isReauthenticated || response.body?.code === "token_stale") session.renew().catch(() => {});
  return response;
}

function show(pair, why) {
  $("credentials").hidden = Boolean(pair);
  $("account").hidden = !pair;
  if (pair) {
    issued.add(pair.access_token);
    ui.preauthorizeApiKey("AccessTokenBearer", pair.access_token);
    ui.preauthorizeApiKey("RefreshTokenBearer", pair.refresh_token);
  } else {
    issued = new Set();
    ui.authActions.logout(["AccessTokenBearer", "RefreshTokenBearer"]);
    $("status").textContent = "";
    if (why) $("problem").textContent = why;
  }
}

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
  await session.logIn($("email").value, $("password").value);
  $("who").textContent = $("email").value;
  $("who").textContent = (await session.me()).email;
  $("password").value = "";
  $("log-out").focus();
  return "You are logged in: the endpoints below use your tokens.";
}

async function signUp() {
  await session.signUp($("email").value, $("password").value);
  return logIn();
}

async function logOut() {
  await session.logOut();
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
