// The page's texts for errors, by code. The reason for an invalid field comes from the server.

const WORDS = {
  bad_answer: "The answer did not come from Bookly; a proxy may have changed it. Try again.",
  cross_site: "Bookly refused this, because it seems to come from another site. Reload the page, and try again.",
  email_not_verified: "Verify your e-mail address first: open the link that we sent you.",
  email_taken: "There is an account with this address already. Log in, or use another address.",
  insufficient_role: "Your account may not do this.",
  internal_error: "Something went wrong on our side. Try again in a moment.",
  invalid_credentials: "The e-mail address or the password is wrong.",
  invalid_input: "Some fields are invalid. Change them, and try again.",
  mail_token_invalid: "This link no longer works: it was used, replaced by a newer one, or has expired.",
  not_found: "This is no longer there, or it is not yours.",
  payload_too_large: "This is too much text. Shorten it, and try again.",
  reauthentication_required: "Enter your password again to do this.",
  session_ended: "Your session has ended. Log in to go on.",
  sign_up_closed: "New accounts need an invitation.",
  unavailable: "Bookly is busy or restarting. Try again in a moment.",
  unreachable: "Bookly cannot be reached. Check the connection, and try again.",
  user_changed: "Another user has logged in here. Reload the page.",
  wrong_password: "This is not your password.",
};

/** Return one or two sentences about an error of the API or of the session. */
export function wordsOf(error) {
  if (error.code === "too_many_requests") return `Too many tries. Wait ${duration(error.retryAfter ?? 60)}, and try again.`;
  if (error.status >= 500 && !WORDS[error.code]) return WORDS.internal_error;
  return WORDS[error.code] ?? "This did not work. Reload the page, and try again.";
}

/** Return a number of seconds in words, rounded up, such as "2 minutes". */
export function duration(seconds) {
  if (seconds < 100) return count(Math.max(Math.ceil(seconds), 1), "second");
  return seconds < 6_000 ? count(Math.ceil(seconds / 60), "minute") : count(Math.ceil(seconds / 3_600), "hour");
}

/** Return a number with its noun, such as "1 book" or "2 books". */
export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}
