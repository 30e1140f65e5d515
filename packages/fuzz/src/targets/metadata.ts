import * as AuthorizationServer from "@effect-mcp-auth/core/AuthorizationServer"
import * as Challenge from "@effect-mcp-auth/core/Challenge"
import * as ProtectedResource from "@effect-mcp-auth/core/ProtectedResource"
import * as ResourceIdentifier from "@effect-mcp-auth/core/ResourceIdentifier"
import * as Either from "effect/Either"
import { BETWEEN, checkShown, clientOf, isHttpsOrLoopback, run } from "../support.ts"
import type { Target } from "../Target.ts"
import { holds } from "../Target.ts"

const ok = (json: unknown, ...headers: ReadonlyArray<string>) =>
  ["200", "content-type: application/json", ...headers].join("\n") + `\n\n${JSON.stringify(json)}`

/** The longest JSON of what is kept of a document: each field has its own bound. */
const MAX_KEPT = 1024 * 1024

const SERVER = "https://mcp.example.com/tenant/mcp?team=1"

export const protectedResource: Target = {
  name: "protected-resource",
  input: "a `WWW-Authenticate` header, and the answers of the metadata addresses (RFC 9728), between lines of `%%`",
  seeds: [
    [
      `Bearer resource_metadata="https://mcp.example.com/meta"`,
      ok({ resource: SERVER, authorization_servers: ["https://auth.example.com"], scopes_supported: ["a", "b:c"] })
    ],
    ["", ok({ resource: "https://mcp.example.com", authorization_servers: null }, "cache-control: max-age=60")],
    ["", ok({ resource: "https://mcp.example.com/tenant", jwks_uri: "https://a.example/k", resource_name: "N" })],
    ["", "404\n\n", "503\nretry-after: 5\n\n", ok({ resource: "https://mcp.example.com" })],
    ["", "302\nlocation: /elsewhere\n\n", ok({ resource: SERVER })],
    [`Bearer resource_metadata="http://169.254.169.254/m"`, "200\ncontent-type: text/html\n\n<html>"],
    ["", ok({ resource: "https://user:canary@mcp.example.com/tenant/mcp?team=1#x" })]
  ].map((parts) => parts.join(BETWEEN)),
  dictionary: [
    BETWEEN,
    "resource",
    "authorization_servers",
    "scopes_supported",
    SERVER,
    "https://mcp.example.com/",
    "\\u0000"
  ],
  run: async (input) => {
    const [header, ...answers] = input.split(BETWEEN)
    const server = Either.getOrThrow(ResourceIdentifier.fromServerUrl(SERVER))
    const challenge = Challenge.fromHeader(header)
    const found = await run(ProtectedResource.discover(clientOf(answers), server, { challenge }))
    if (found === undefined) return
    if (Either.isLeft(found)) {
      for (const miss of found.left) checkShown("a miss", miss)
      return
    }
    const { authorizationServers, metadata, scopesSupported } = found.right
    const { resource } = metadata
    holds(!/[^\x21-\x7e]|#|@/.test(resource), "an accepted `resource` has a character that no URL has")
    const url = new URL(resource)
    holds(url.origin === server.url.origin, "an accepted `resource` has another origin")
    holds(
      `${server.url.pathname}/`.startsWith(`${url.pathname.replace(/\/$/, "")}/`),
      "an accepted `resource` is no parent"
    )
    holds(authorizationServers.length <= 1000 && scopesSupported.length <= 1000, "a kept list is longer than 1,000")
    holds(JSON.stringify(metadata).length <= MAX_KEPT, "what is kept of a document is larger than 1 MiB")
  }
}

const ISSUER = "https://auth.example.com/tenant"

export const authorizationServer: Target = {
  name: "authorization-server",
  input: "an issuer, and the answers of its metadata addresses (RFC 8414), between lines of `%%`",
  seeds: [
    [ISSUER, ok({ issuer: ISSUER, token_endpoint: `${ISSUER}/token` }, "cache-control: public, max-age=\"60\"")],
    [`${ISSUER}/`, ok({ issuer: ISSUER, token_endpoint: "http://localhost:8080/t" })],
    [
      ISSUER,
      "404\n\n",
      ok(
        {
          issuer: ISSUER,
          token_endpoint: "https://login.example/token?p=1",
          token_endpoint_auth_methods_supported: ["client_secret_basic", "private_key_jwt"],
          mtls_endpoint_aliases: { token_endpoint: "https://mtls.example/token" },
          grant_types_supported: ["client_credentials"],
          require_pushed_authorization_requests: false
        },
        "expires: Thu, 01 Jan 2026 00:10:00 GMT",
        "date: Thu, 01 Jan 2026 00:00:00 GMT",
        "age: 5"
      )
    ],
    [ISSUER, "302\nlocation: https://auth.example.com/other\n\n", "500\n\n", "200\n\nnot json"],
    [ISSUER, ok({ issuer: "https://evil.example\nERROR", token_endpoint: "https://evil.example/token" })],
    ["http://auth.example.com", ok({})]
  ].map((parts) => parts.join(BETWEEN)),
  dictionary: [
    BETWEEN,
    "issuer",
    "token_endpoint",
    ISSUER,
    "cache-control: ",
    "max-age=",
    "no-store",
    "expires: ",
    "age: ",
    "https://user:pass@auth.example.com/t",
    "http://10.0.0.1/token"
  ],
  run: async (input) => {
    const [issuer = "", ...answers] = input.split(BETWEEN)
    const bounds = { timeout: "10 seconds", maxBodySize: 1024 * 1024 } as const
    const found = await run(AuthorizationServer.read(clientOf(answers), { issuer, metadataUrl: undefined, bounds }))
    if (found === undefined) return
    const { lifetime, value } = found
    holds(AuthorizationServer.isSameIssuer(value.issuer, issuer), "an accepted document is of another issuer")
    holds(/^[\x21-\x7e]+$/.test(value.issuer), "an accepted issuer has other characters than printable ASCII")
    holds(isHttpsOrLoopback(new URL(value.issuer)), "an accepted issuer is neither https nor on this machine")
    holds(isHttpsOrLoopback(value.tokenEndpoint), "an accepted token endpoint is neither https nor on this machine")
    holds(value.tokenEndpoint.username + value.tokenEndpoint.password === "", "a token endpoint has a user name")
    holds(lifetime === undefined || (lifetime >= 0 && lifetime <= 2 ** 31 * 1000), "a lifetime is out of bounds")
    holds(JSON.stringify(value.metadata).length <= MAX_KEPT, "what is kept of a document is larger than 1 MiB")
  }
}
