import * as AccessToken from "@effect-mcp-auth/core/AccessToken"
import type { AuthorizationServer } from "@effect-mcp-auth/core/AuthorizationServer"
import * as ClientAuthentication from "@effect-mcp-auth/core/ClientAuthentication"
import * as Grant from "@effect-mcp-auth/core/Grant"
import * as HttpExchange from "@effect-mcp-auth/core/authoring/HttpExchange"
import * as TokenEndpoint from "@effect-mcp-auth/core/TokenEndpoint"
import * as Headers from "@effect/platform/Headers"
import * as Redacted from "effect/Redacted"
import { CLIENT, clientOf, isScopeToken, NOW, run, SECRET } from "../support.ts"
import type { Target } from "../Target.ts"
import { holds } from "../Target.ts"

const issuer = "https://auth.example.com"

export const server: AuthorizationServer = {
  issuer,
  tokenEndpoint: new URL("https://auth.example.com/token"),
  metadata: { issuer, token_endpoint: "https://auth.example.com/token" }
}

const YEAR = 365 * 24 * 60 * 60 * 1000

const request = async (input: string, method: "clientSecretBasic" | "clientSecretPost"): Promise<void> => {
  const clientAuthentication = ClientAuthentication[method]({
    clientId: CLIENT,
    clientSecret: Redacted.make(SECRET)
  })
  const scopes = ["read", "write"]
  const token = await run(
    TokenEndpoint.request(clientOf([input]), {
      authorizationServer: server,
      resource: "https://mcp.example.com",
      resourceParameter: "https://mcp.example.com",
      scopes,
      clientAuthentication,
      grant: Grant.clientCredentials,
      defaultLifetime: 60_000
    }),
    [SECRET]
  )
  if (token === undefined) return
  holds(/^[\x21-\x7e]+$/.test(Redacted.value(token.value)), "an accepted token has a character that no header has")
  holds(AccessToken.authorization(token) === `Bearer ${Redacted.value(token.value)}`, "the header is another one")
  const lifetime = token.expiresAt - token.issuedAt
  holds(lifetime > 0 && lifetime <= YEAR, "the lifetime of a token is not within a year")
  holds(token.issuedAt <= NOW, "a token was issued in the future")
  const { refreshAt = NOW, refreshToken } = token
  holds(refreshAt >= token.issuedAt && refreshAt <= token.expiresAt, "`refreshAt` is outside of the lifetime")
  holds(token.scopes.every(isScopeToken), "a granted scope has other characters")
  holds(new Set(token.scopes).size === token.scopes.length, "a granted scope occurs twice")
  holds(refreshToken === undefined || /^[\x21-\x7e]+$/.test(Redacted.value(refreshToken)), "a refresh token is no word")
  holds(!/"(?:value|refreshToken)":"[^<]/.test(JSON.stringify(token)), "the JSON of a token shows its value")
}

const json = (value: unknown, status = 200, ...headers: ReadonlyArray<string>) =>
  [`${status}`, "content-type: application/json", ...headers].join("\n") + `\n\n${JSON.stringify(value)}`

export const tokenResponse: Target = {
  name: "token-response",
  input: "the answer of a token endpoint: status, headers, an empty line, body",
  seeds: [
    json({ access_token: "eyJhbGciOi.a.b", token_type: "Bearer", expires_in: 3600, scope: "read write" }),
    json({ access_token: "abc", token_type: "bearer", expires_in: "3599", refresh_in: 1800, refresh_token: "r" }),
    json({ access_token: "abc", token_type: "DPoP", expires_in: null, scope: ["read", "a,b"] }, 201),
    json({ access_token: "abc", token_type: "BEARER", scope: "read,write", id_token: "x" }),
    json({ access_token: "", token_type: "urn:ietf:params:oauth:token-type:access_token" }),
    "200\ncontent-type: text/html\n\n<html>login</html>",
    "200\n\n"
  ],
  dictionary: [
    "access_token",
    "token_type",
    "expires_in",
    "scope",
    "refresh_token",
    "refresh_in",
    "Bearer",
    "read,write"
  ],
  run: (input) => request(input, "clientSecretBasic")
}

const form = new URLSearchParams({ s: SECRET }).toString().slice(2)

export const tokenError: Target = {
  name: "token-error",
  input: "the refusal of a token endpoint, which may repeat the client's secret: status, headers, an empty line, body",
  seeds: [
    json({ error: "invalid_client", error_description: "no", error_uri: "https://auth.example.com/e" }, 401),
    json({ error: "invalid_scope", error_description: `client_secret=${form}` }, 400),
    json({ error: SECRET, error_description: SECRET }, 400),
    json({ error: { status: "UNAUTHENTICATED", message: `secret ${encodeURIComponent(SECRET)}` } }, 403),
    json({ errorCode: "E0000006", errorSummary: Buffer.from(`${CLIENT}:${SECRET}`).toString("base64") }, 403),
    json({ title: "Bad", detail: [{ msg: SECRET }] }, 422, "retry-after: 120"),
    json([{ message: "x", errorCode: "INVALID_SESSION_ID" }], 500, "retry-after: Thu, 01 Jan 2026 01:00:00 GMT"),
    json({ fault: { faultstring: "Invalid", detail: { errorcode: "x" } } }, 429),
    `400\ncontent-type: application/x-www-form-urlencoded\n\nerror=invalid_grant&error_description=${form}`,
    `400\ncontent-type: text/plain\n\nThe secret ${SECRET} is wrong`,
    `302\nlocation: https://login.example/?s=${form}\n\n`,
    json({ error: "slow_down" }, 400),
    json({ error: "server_error" }, 503)
  ],
  dictionary: [
    SECRET,
    form,
    encodeURIComponent(SECRET),
    JSON.stringify(SECRET).slice(1, -1),
    Buffer.from(SECRET).toString("base64"),
    "error",
    "error_description",
    "error_uri",
    "message",
    "detail",
    "retry-after: ",
    "content-type: text/plain",
    "location: "
  ],
  run: (input) => request(input, "clientSecretPost")
}

export const retryAfter: Target = {
  name: "retry-after",
  input: "the value of a `Retry-After` header",
  seeds: ["120", "1.5", "Thu, 01 Jan 2026 01:00:00 GMT", "Thursday, 01-Jan-26 01:00:00 GMT", "-1", ""],
  dictionary: ["GMT", "Jan", "Thu, ", ":00", "e5", "Infinity"],
  run: (input) => {
    const wait = HttpExchange.retryAfter(Headers.fromInput({ "retry-after": input }), NOW)
    holds(wait === undefined || (wait >= 0 && wait <= 86_400_000), "a wait is not within a day")
  }
}
