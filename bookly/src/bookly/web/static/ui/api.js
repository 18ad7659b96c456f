// Requests to Bookly's API. Every failure is an error with `status`, `code` and `errors`.

const BASE = "/api/v1";

/** An error response (problem+json), or `unreachable` with status 0. */
export class ApiError extends Error {
  constructor(code, status = 0, { errors = [] } = {}, retryAfter = null) {
    super(code);
    Object.assign(this, { name: "ApiError", code, status, errors, retryAfter });
  }
}

/**
 * Send a request, and return the JSON of the answer, or null if it has none.
 * @param {{fetch: typeof fetch}} sender  The session; or `window`, without a log-in.
 * @param {string} path  Below /api/v1, such as "/books".
 * @param {{method?: string, json?: unknown, signal?: AbortSignal}} [how]
 */
export async function call(sender, path, { method = "GET", json, signal } = {}) {
  const headers = json === undefined ? {} : { "Content-Type": "application/json" };
  const init = { method, headers, signal, cache: "no-store", body: json && JSON.stringify(json) };
  const answer = await sender.fetch(BASE + path, init).catch((error) => {
    throw error.code === undefined || error.name === "AbortError" ? unreached(error) : error;
  });
  if (!answer.ok) throw await errorOf(answer);
  if (answer.status === 204) return null;
  return answer.json().catch(() => {
    throw new ApiError("bad_answer", answer.status);
  });
}

function unreached(error) {
  return error.name === "AbortError" ? error : new ApiError("unreachable");
}

async function errorOf(answer) {
  const problem = await answer.json().catch(() => null);
  const retryAfter = Number(answer.headers.get("Retry-After")) || null;
  return new ApiError(problem?.code ?? "bad_answer", answer.status, problem ?? {}, retryAfter);
}
