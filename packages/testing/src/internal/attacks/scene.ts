/**
 * The servers of an attack.
 *
 * @internal
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { JsonObject } from "../../Answer.ts"
import type { Client, Setting } from "../../ClientUnderAttack.ts"
import type { NetworkRequest } from "../../NetworkRequest.ts"
import type { Scene, ServerAttack } from "../../ServerAttack.ts"
import { TestNetwork } from "../../TestNetwork.ts"
import * as TestServers from "../../TestServers.ts"
import type { Connected } from "./judgement.ts"
import { jsonResponse } from "../web.ts"

/** @internal */
export const hostile = "https://evil.example"

/** Letters and digits alone, so that the secret looks the same in every encoding. No part of it is a word. */
const clientSecret = Redacted.make("x7Kq2Vw9Zt4Rn8Jp3Hm6Gb5Yc1")

/**
 * The token that the attacker gives to everybody.
 *
 * @internal
 */
export const hostileToken = "q4Zx8Wv1Kp7Rt3Nj9Gh2Mb6"

/** What clients for users require of the metadata (RFC 8414 §2). */
const forUsers = {
  authorization_endpoint: "https://auth.example.com/authorize",
  jwks_uri: "https://auth.example.com/keys",
  response_types_supported: ["code"],
  subject_types_supported: ["public"],
  id_token_signing_alg_values_supported: ["ES256"],
  code_challenge_methods_supported: ["S256"]
}

/**
 * Metadata of an authorization server that every client can use.
 *
 * @internal
 */
export const issuerDocument = (issuer: string, tokenEndpoint: string): JsonObject => ({
  ...forUsers,
  issuer,
  token_endpoint: tokenEndpoint
})

/**
 * A server of the attacker: serves metadata for every issuer and every resource, and a token to everybody.
 *
 * @internal
 */
export const hostileAnswer = ({ method, url }: NetworkRequest): Response => {
  const { origin, pathname } = new URL(url)
  const resource = /^\/\.well-known\/oauth-protected-resource/.exec(pathname)
  if (method === "GET" && (resource !== null || pathname === "/resource")) {
    return jsonResponse({ resource: "https://mcp.example.com/mcp", authorization_servers: [origin] })
  }
  if (method === "GET" && pathname.includes("/.well-known/")) {
    return jsonResponse(issuerDocument(origin, `${origin}/token`))
  }
  return pathname === "/token"
    ? jsonResponse({ access_token: hostileToken, token_type: "Bearer", expires_in: 3600 })
    : new Response(null, {
      status: 401,
      headers: { "www-authenticate": `Bearer resource_metadata="${origin}/resource"` }
    })
}

/** Far beyond the limits of every attack. */
const mostRequests = 2000

/**
 * The clients of the network, which stop answering after very many requests. Otherwise a client that loops would keep
 * the event loop busy for ever, since a network in memory never makes it wait.
 */
const capOf = ({ fetch, httpClient }: TestNetwork.Service): Pick<Setting, "fetch" | "httpClient"> => {
  let sent = 0
  return {
    fetch: (input, init) => ++sent > mostRequests ? new Promise(() => undefined) : fetch(input, init),
    httpClient: HttpClient.mapRequestEffect(
      httpClient,
      (request) => Effect.suspend(() => ++sent > mostRequests ? Effect.never : Effect.succeed(request))
    )
  }
}

/**
 * Builds the servers, and collects the clients that the attack connects.
 *
 * @internal
 */
export const make = (
  { issuer = "pinned", scopes, servers: options }: ServerAttack,
  client: Client,
  connected: Array<Connected>
): Effect.Effect<Scene, never, TestNetwork> =>
  Effect.gen(function*() {
    const network = yield* TestNetwork
    const capped = capOf(network)
    const servers = yield* TestServers.make({
      clientSecret,
      ...options,
      authorizationServer: { metadata: forUsers, ...options?.authorizationServer }
    })
    yield* network.serve(hostile, (request) => Effect.sync(() => hostileAnswer(request)))
    return {
      ...servers,
      hostile,
      connect: ({ endpoint, ...changes } = {}) =>
        Effect.suspend(() => {
          const setting = {
            serverUrl: servers.serverUrl,
            issuer: issuer === "pinned" ? servers.issuer : "discover",
            clientId: servers.clientId,
            clientSecret: servers.clientSecret,
            scopes,
            ...capped,
            ...changes
          }
          connected.push({ setting, endpoint: endpoint ?? servers.authorizationServer.tokenEndpoint })
          return client.connect(setting)
        })
    }
  })
