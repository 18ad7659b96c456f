// Your account: profile, e-mail address, password, export and deletion.

import { deletion } from "../account/delete.js";
import { address } from "../account/email.js";
import { download } from "../account/export.js";
import { password } from "../account/password.js";
import { profile } from "../account/profile.js";
import { call } from "../ui/api.js";
import { h } from "../ui/dom.js";

/** Show the account. While the server is unreachable, show the session's user instead. */
export async function render(root, context) {
  const { session, signal } = context;
  const user = await call(session, "/auth/me", { signal }).catch((error) => {
    if (session.user?.email && error.code === "unreachable") return session.user;
    throw error;
  });
  root.append(
    h("h1", { tabindex: "-1" }, "Your account"),
    block("Profile", profile(user, context)),
    block("E-mail address", address(user, context)),
    block("Password", password(user, context)),
    block("Your data", download(context)),
    block("Delete the account", deletion(user, context), "danger"),
  );
}

function block(title, content, kind = "") {
  return h("section", { class: `block ${kind}`.trim() }, h("h2", {}, title), ...content);
}
