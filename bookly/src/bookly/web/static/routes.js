// The paths of the pages. `bookly/web/pages.py` has the same paths.

/**
 * @typedef {object} Route
 * @property {string} title  The title of the page.
 * @property {string} view  The name of the module in `views/`.
 * @property {"user" | "guest"} [needs]  Is the view for logged-in users only, or for others only?
 * @property {string} [guestView]  The view that is shown instead if the visitor is logged out.
 * @property {boolean} [hasMailToken]  Do links in mails lead here, with `#token=`?
 */

/** @type {Record<string, Route>} */
export const ROUTES = {
  "/": { title: "Shelf", view: "shelf", needs: "user", guestView: "welcome" },
  "/login": { title: "Log in", view: "login", needs: "guest" },
  "/signup": { title: "Sign up", view: "signup", needs: "guest" },
  "/forgot": { title: "Forgotten password", view: "forgot" },
  "/verify": { title: "Verify your address", view: "verify", hasMailToken: true },
  "/reset": { title: "Choose a new password", view: "reset", hasMailToken: true },
  "/email/change": { title: "Change your address", view: "email_change", hasMailToken: true },
  "/invitation": { title: "Accept an invitation", view: "invitation", hasMailToken: true },
  "/account": { title: "Your account", view: "account", needs: "user" },
  "/sessions": { title: "Your sessions", view: "sessions", needs: "user" },
};

/**
 * Return where to go after a log-in: a path of a page for users, or "/". A link from elsewhere
 * could name another host.
 * @param {string | null} next
 */
export function safeNext(next) {
  if (!next || !URL.canParse(next, location.origin)) return "/";
  const url = new URL(next, location.origin);
  const isOwn = url.origin === location.origin && ROUTES[url.pathname]?.needs === "user";
  return isOwn ? url.pathname + url.search : "/";
}
