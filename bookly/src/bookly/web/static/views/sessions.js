// Your sessions: this device and the others. The user can end one of them, or all.

import { call } from "../ui/api.js";
import { ask } from "../ui/ask.js";
import { deviceName } from "../ui/device.js";
import { h } from "../ui/dom.js";
import { relativeTo, wholeTime } from "../ui/times.js";
import { count, wordsOf } from "../ui/words.js";

const READ_MS = 15_000; // Interval between two requests for the sessions.

/** Show the sessions, and keep what is shown up to date. */
export async function render(root, context) {
  const view = new Sessions(root, context);
  await view.read();
  view.show();
  view.keepReading();
}

class Sessions {
  #root;
  #context;
  #sessions = [];

  constructor(root, context) {
    this.#root = root;
    this.#context = context;
  }

  async read() {
    const { session, signal } = this.#context;
    this.#sessions = await call(session, "/auth/sessions", { signal });
  }

  /** Read again at intervals. Without an answer, the view stays as it is. */
  keepReading() {
    const { signal } = this.#context;
    const again = () => document.visibilityState === "visible" && this.#refresh().catch(() => {});
    const timer = setInterval(again, READ_MS);
    document.addEventListener("visibilitychange", again, { signal });
    signal.addEventListener("abort", () => clearInterval(timer));
  }

  async #refresh() {
    await this.read();
    if (!this.#root.contains(document.activeElement) || !document.activeElement.matches("button")) this.show();
    else this.#showTimes();
  }

  show() {
    const others = this.#sessions.filter(({ current }) => !current);
    const current = this.#sessions.filter(({ current: isCurrent }) => isCurrent);
    this.#root.replaceChildren(
      h("h1", { tabindex: "-1" }, "Your sessions"),
      h("p", { class: "lead" }, "Each log-in is a session. If you do not recognise one, end it, and change your password."),
      h("ul", { class: "rows" }, ...[...current, ...others].map((session) => this.#row(session))),
      others.length ? "" : h("p", { class: "muted" }, "You are logged in on this device only."),
      this.#buttons(others),
    );
  }

  #row(session) {
    const { id, user_agent, ip, current } = session;
    const name = deviceName(user_agent);
    const end = h("button", { type: "button", class: "danger quiet", "data-write": true, "aria-label": `End the session on ${name}`, onclick: () => this.#end(session) }, "End");
    return h(
      "li",
      { class: "row", "data-id": id },
      h(
        "div",
        { class: "row-text" },
        h("h2", { title: user_agent ?? "The client sent no User-Agent." }, name, current && h("span", { class: "tag own" }, "This device")),
        h("p", { class: "muted" }, ip ? `Address ${ip}` : "Address unknown"),
        h("p", { class: "muted times" }, ...timesOf(session)),
      ),
      current ? null : end,
    );
  }

  /** Update only the times, so that the focus stays where it is. */
  #showTimes() {
    for (const session of this.#sessions) {
      this.#root.querySelector(`[data-id="${session.id}"] .times`)?.replaceChildren(...timesOf(session));
    }
  }

  #buttons(others) {
    const elsewhere = h("button", { type: "button", class: "quiet", "data-write": true, onclick: () => this.#endOthers(others) }, "Log out everywhere else");
    const everywhere = h("button", { type: "button", class: "danger quiet", "data-write": true, onclick: () => this.#endAll() }, "Log out everywhere");
    return h("div", { class: "buttons" }, others.length ? elsewhere : null, everywhere);
  }

  async #end(session) {
    const name = deviceName(session.user_agent);
    const question = `End the session on ${name}${session.ip ? `, ${session.ip}` : ""}?`;
    if (!(await ask(question, { text: "That device is logged out at once.", agree: "End the session" }))) return;
    await this.#change(() => this.#delete(session), "Ended. The device was logged out at once.");
  }

  async #endOthers(others) {
    const text = `${count(others.length, "session")} on other devices will end at once.`;
    if (!(await ask("Log out everywhere else?", { text, agree: "Log out everywhere else" }))) return;
    await this.#change(() => call(this.#context.session, "/auth/logout/others", { method: "POST" }), "Ended. All other devices were logged out at once.");
  }

  async #endAll() {
    const text = "Every session ends, including this one. You have to log in again.";
    if (!(await ask("Log out everywhere?", { text, agree: "Log out everywhere" }))) return;
    await this.#context.session.logout({ everywhere: true }).catch((error) => this.#context.say(wordsOf(error)));
  }

  /** End a session. No error if it has ended already. */
  async #delete({ id }) {
    await call(this.#context.session, `/auth/sessions/${id}`, { method: "DELETE" }).catch((error) => {
      if (error.code !== "not_found") throw error;
    });
  }

  async #change(work, done) {
    try {
      await work();
      this.#context.say(done);
    } catch (error) {
      this.#context.say(wordsOf(error));
    }
    await this.read().catch(() => {});
    this.show();
    this.#root.querySelector("h1").focus();
  }
}

function timesOf({ created_at, seen_at, expires_at }) {
  const time = (at, words) => h("time", { datetime: at, title: wholeTime(at) }, words);
  return [
    "Began ",
    time(created_at, relativeTo(created_at)),
    " · last active ",
    time(seen_at, relativeTo(seen_at)),
    " · expires ",
    time(expires_at, relativeTo(expires_at)),
  ];
}
