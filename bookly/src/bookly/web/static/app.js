// Bookly's page: one session for all views, the header, and the router.

import { Router } from "./router.js";
import { Header } from "./ui/header.js";
import { watchConnection } from "./ui/notices.js";
import { say } from "./ui/say.js";

const { createSession } = await import(document.documentElement.dataset.client);

const session = createSession({ baseUrl: "/api/v1/auth", mode: "cookie" });
const router = new Router(session, say);

new Header(session, router, say);
watchConnection(session, say);
if ("hasDemo" in document.documentElement.dataset) {
  import("./panel/drawer.js").then(({ addDrawer }) => addDrawer(createSession));
}
router.show();
