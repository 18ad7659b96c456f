// How httpYac reads bookly.http, which is written for VS Code's REST Client.

// What a named request was answered: httpYac calls the body by the request's name alone.
const IN_BODY = /\{\{(\w+)\.response\.body\./g;

/** Say what is wrong with an answer; `expected` is a status, and for a problem its code. */
function complaint(expected, response) {
  const [status, code] = String(expected).split(" ");
  if (response.statusCode !== Number(status)) {
    return `Expected ${status}, got ${response.statusCode}.`;
  }
  const found = response.parsedBody?.code;
  return code && code !== found ? `Expected the code ${code}, got ${found}.` : undefined;
}

module.exports = {
  configureHooks(api) {
    api.hooks.replaceVariable.addHook(
      "restClientBody",
      (text) => (typeof text === "string" ? text.replace(IN_BODY, "{{$1.") : text),
      { before: ["name"] },
    );

    api.hooks.onResponse.addHook("expect", (response, { httpRegion }) => {
      const { expect } = httpRegion.metaData;
      if (!expect) return; // Of another collection.
      const wrong = complaint(expect, response);
      const error = wrong && { error: new Error(wrong), displayMessage: wrong };
      const result = { message: expect, status: wrong ? "FAILED" : "SUCCESS", error };
      httpRegion.testResults = [...(httpRegion.testResults ?? []), result];
    });
  },
};
