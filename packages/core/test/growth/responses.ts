import type { Input } from "@effect-mcp-auth/tooling/growth"
import { type Form, json, nested, repeated, texts, whole, words } from "@effect-mcp-auth/tooling/hostileTexts"
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { Effect, Redacted } from "effect"
import * as AuthorizationServer from "../../src/AuthorizationServer.ts"
import * as ClientAuthentication from "../../src/ClientAuthentication.ts"
import * as Grant from "../../src/Grant.ts"
import * as ProtectedResource from "../../src/ProtectedResource.ts"
import * as TokenEndpoint from "../../src/TokenEndpoint.ts"

const issuer = "https://auth.example.com"
const server = { url: new URL("https://mcp.example.com/mcp"), resource: "https://mcp.example.com/mcp" }
const secret = "canary+p%c:d/s xü"

/** A client whose every request has this answer. */
const answering = (body: string, status = 200, type = "application/json"): HttpClient.HttpClient =>
  HttpClient.make((request) =>
    Effect.sync(() =>
      HttpClientResponse.fromWeb(request, new Response(body, { status, headers: { "content-type": type } }))
    )
  )

const run = <A, E>(effect: Effect.Effect<A, E>) => Effect.runPromise(Effect.either(effect))

const resourceMetadata: Readonly<Record<string, Form>> = {
  "scopes": json((bytes) => ({ resource: server.resource, scopes_supported: words(bytes) })),
  "authorization servers": json((bytes) => ({ resource: server.resource, authorization_servers: words(bytes) })),
  "a long identifier": json((bytes) => ({ resource: server.resource + "/".repeat(bytes) })),
  "an identifier with dots": json((bytes) => ({ resource: server.resource + repeated("/..", bytes) })),
  "unknown fields": json((bytes) => ({
    resource: server.resource,
    ...Object.fromEntries(words(bytes / 2).map((name) => [name, ""]))
  })),
  "a deep list": whole((bytes) => `{"resource":"${server.resource}","x":${nested(bytes - 1000)}}`),
  "no JSON": "<",
  "white space": " "
}

const serverMetadata: Readonly<Record<string, Form>> = {
  "grants": json((bytes) => ({ issuer, token_endpoint: issuer, grant_types_supported: words(bytes) })),
  "authentication methods": json((bytes) => ({
    issuer,
    token_endpoint: issuer,
    token_endpoint_auth_methods_supported: words(bytes)
  })),
  "an object": json((bytes) => ({
    issuer,
    token_endpoint: issuer,
    mtls_endpoint_aliases: Object.fromEntries(words(bytes / 2).map((name) => [name, ""]))
  })),
  "a long token endpoint": json((bytes) => ({ issuer, token_endpoint: `${issuer}/#${"/".repeat(bytes)}` })),
  "another issuer": json((bytes) => ({ issuer: `${issuer}${"\u0001".repeat(bytes / 6)}`, token_endpoint: issuer })),
  "a deep list": whole((bytes) => `{"issuer":"${issuer}","token_endpoint":"${issuer}","x":${nested(bytes - 1000)}}`)
}

const requestToken = (client: HttpClient.HttpClient) =>
  run(TokenEndpoint.request(client, {
    authorizationServer: {
      issuer,
      tokenEndpoint: new URL(`${issuer}/token`),
      metadata: { issuer, token_endpoint: `${issuer}/token` }
    },
    resource: server.resource,
    resourceParameter: server.resource,
    scopes: ["a"],
    grant: Grant.clientCredentials,
    clientAuthentication: ClientAuthentication.clientSecretBasic({
      clientId: "client",
      clientSecret: Redacted.make(secret)
    }),
    defaultLifetime: 300_000
  }))

const issued = { access_token: "token", token_type: "Bearer", expires_in: 3600 }

const tokens: Readonly<Record<string, Form>> = {
  "scopes": json((bytes) => ({ ...issued, scope: words(bytes).join(" ") })),
  "a list of scopes": json((bytes) => ({ ...issued, scope: words(bytes) })),
  "scopes with commas": json((bytes) => ({ ...issued, scope: repeated((index) => `a,${index} `, bytes) })),
  "one scope with commas": json((bytes) => ({ ...issued, scope: repeated("a,", bytes) })),
  "a long access token": json((bytes) => ({ ...issued, access_token: "t".repeat(bytes) })),
  "a long refresh token": json((bytes) => ({ ...issued, refresh_token: "t".repeat(bytes) })),
  "a long lifetime": json((bytes) => ({ ...issued, expires_in: "9".repeat(bytes) })),
  "a lifetime with a long fraction": json((bytes) => ({ ...issued, expires_in: `1.${"0".repeat(bytes)}x` })),
  "a long token type": json((bytes) => ({ ...issued, token_type: "T".repeat(bytes) })),
  "a deep list": whole((bytes) => `{"access_token":${nested(bytes - 1000)}}`),
  "white space": " "
}

const errors: Readonly<Record<string, Form>> = {
  "a long code": json((bytes) => ({ error: "e".repeat(bytes) })),
  "registered codes": json((bytes) => ({ error: "x", error_description: repeated("invalid_client ", bytes) })),
  "a long text": json((bytes) => ({ error: "invalid_client", error_description: "e".repeat(bytes) })),
  "control characters": json((bytes) => ({ error: "x", error_description: "\u0001".repeat(bytes / 6) })),
  "the secret": json((bytes) => ({ error: "x", error_description: repeated(secret, bytes / 2) })),
  "the secret in the encoding of URLs": json((bytes) => ({
    error: "x",
    error_description: repeated(encodeURIComponent(secret), bytes)
  })),
  "the beginning of the secret": json((bytes) => ({ error: "x", error_description: repeated("canary+p%25c", bytes) })),
  "the beginnings of JWTs": json((bytes) => ({ error: "x", error_description: repeated("eyJ", bytes) })),
  "a JWT of dots": json((bytes) => ({ error: "x", error_description: `eyJhbGciOi${".".repeat(bytes)}` })),
  "a long address": json((bytes) => ({ error: "x", error_uri: `https://${"a".repeat(bytes)}` })),
  "a vendor's list": json((bytes) => ({ errors: words(bytes) })),
  "a vendor's code": json((bytes) => ({ code: repeated("#", bytes) })),
  "a vendor's text": json((bytes) => ({ message: repeated("&lt;", bytes) }))
}

/** The answers that core reads. */
export const responses: ReadonlyArray<Input> = [
  ...texts(
    "protected resource metadata",
    resourceMetadata,
    (body) => run(ProtectedResource.discover(answering(body), server))
  ),
  ...texts(
    "authorization server metadata",
    serverMetadata,
    (body) => run(AuthorizationServer.discover(answering(body), issuer))
  ),
  ...texts("token response", tokens, (body) => requestToken(answering(body))),
  ...texts("error of a token endpoint", errors, (body) => requestToken(answering(body, 400))),
  ...texts(
    "error of a token endpoint in a form",
    { "parameters": "error=a&", "percent signs": "error=%" },
    (body) => requestToken(answering(body, 400, "application/x-www-form-urlencoded"))
  ),
  ...texts(
    "error of a token endpoint in plain text",
    { "words": "a ", "line breaks": "a\n" },
    (body) => requestToken(answering(body, 400, "text/plain"))
  ),
  ...texts(
    "content type of a token response",
    { "semicolons": ";", "words": "text/html " },
    (type) => requestToken(answering("", 200, type))
  )
]
