// Verify access tokens with npm `jose`: node verify.mjs ISSUER TOKEN...
// Writes a line for each: the subject, or the code of the error.

import { createRemoteJWKSet, jwtVerify } from "jose";

const [issuer, ...tokens] = process.argv.slice(2);
const metadata = await (await fetch(`${issuer}/.well-known/oauth-authorization-server`)).json();
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));
const rules = { issuer, audience: issuer, typ: "at+jwt", requiredClaims: ["sub", "exp", "client_id"] };

for (const token of tokens) {
  try {
    console.log((await jwtVerify(token, keys, rules)).payload.sub);
  } catch (error) {
    console.log(error.code);
  }
}
