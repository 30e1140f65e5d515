import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { OAuthFetch, TokenStorage } from "@effect-mcp-auth/core"
import { Answer, IdentityProviderProfile, TestHttpServers, TestNetwork, TestServers } from "@effect-mcp-auth/testing"
import { FetchHttpClient } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Schedule, Schema } from "effect"
import { createServer } from "node:http"
import { basic } from "./support.ts"

const listen = Effect.suspend(() => {
  const server = createServer()
  return NodeHttpServer.make(() => server, { port: 0, host: "127.0.0.1" }).pipe(
    // Node's fetch may keep a connection open for 4 s on which it has sent nothing; the server would wait for it.
    Effect.zipLeft(Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections())))
  )
})

const withServers = <A, E>(
  test: (servers: TestServers.TestServers.Service) => Effect.Effect<A, E>,
  options: Partial<Parameters<typeof TestHttpServers.layer>[0]> = {}
) =>
  Effect.flatMap(TestServers.TestServers, test).pipe(
    Effect.provide(TestHttpServers.layer({ ...options, listen }))
  )

const request = (url: string, init?: RequestInit) => Effect.promise(() => fetch(url, init))
const failure = (url: string, init?: RequestInit) =>
  Effect.promise(() =>
    fetch(url, init).then((response) => `status ${response.status}`, (error: Error) => error.message)
  )
const json = (response: Response) => Effect.promise((): Promise<unknown> => response.json())

const TokenAnswer = Schema.Struct({ access_token: Schema.String })

const obtainToken = ({ authorizationServer, clientId, clientSecret, mcpServer }: TestServers.TestServers.Service) =>
  Effect.gen(function*() {
    const response = yield* request(authorizationServer.tokenEndpoint, {
      method: "POST",
      headers: { authorization: basic(clientId, Redacted.value(clientSecret)) },
      body: new URLSearchParams({ grant_type: "client_credentials", resource: mcpServer.resource })
    })
    return (yield* Effect.orDie(Schema.decodeUnknown(TokenAnswer)(yield* json(response)))).access_token
  })

const callEcho = (url: string, token?: string) =>
  request(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...token === undefined ? {} : { authorization: `Bearer ${token}` }
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: "echo", arguments: { message: "grüße" } }
    })
  })

describe("TestHttpServers with plain fetch", () => {
  it.live("a client that follows the challenge and the metadata gets a token that the MCP server accepts", () =>
    withServers((servers) =>
      Effect.gen(function*() {
        const refused = yield* callEcho(servers.serverUrl)
        assert.strictEqual(refused.status, 401)
        const metadataUrl = /resource_metadata="([^"]+)"/.exec(refused.headers.get("www-authenticate") ?? "")?.[1] ?? ""
        assert.deepInclude(yield* json(yield* request(metadataUrl)), {
          resource: servers.serverUrl,
          authorization_servers: [servers.issuer]
        })
        const metadata = yield* json(yield* request(`${servers.issuer}/.well-known/oauth-authorization-server`))
        assert.deepInclude(metadata, {
          issuer: servers.issuer,
          token_endpoint: servers.authorizationServer.tokenEndpoint
        })
        const token = yield* obtainToken(servers)
        const answered = yield* callEcho(servers.serverUrl, token)
        assert.strictEqual(answered.headers.get("content-type"), "application/json")
        assert.deepStrictEqual(yield* json(answered), {
          jsonrpc: "2.0",
          id: 1,
          result: { content: [{ type: "text", text: "grüße" }] }
        })
        const [call] = yield* servers.mcpServer.toolCalls
        assert.strictEqual(call?.token.value, token)
        assert.deepStrictEqual(
          (yield* servers.network.requests).map(({ endpoint, outcome }) => [endpoint, outcome._tag]),
          [
            ["resource", "Answered"],
            ["protected-resource-metadata", "Answered"],
            ["authorization-server-metadata", "Answered"],
            ["token", "Answered"],
            ["resource", "Answered"]
          ]
        )
      })
    ))

  it.live("the two servers listen on ports of their own, and a path that no host serves is answered with 404", () =>
    withServers(({ issuer, serverUrl }) =>
      Effect.gen(function*() {
        assert.notStrictEqual(new URL(issuer).port, new URL(serverUrl).port)
        assert.strictEqual(new URL(serverUrl).pathname, "/tools/mcp")
        assert.strictEqual(new URL(issuer).pathname, "/tenant")
        const { status } = yield* request(new URL("/elsewhere", serverUrl).href)
        assert.strictEqual(status, 404)
      }), { path: "/tools/mcp", issuerPath: "/tenant/" }))

  it.live("a revoked token is refused over the socket, as in memory", () =>
    withServers((servers) =>
      Effect.gen(function*() {
        const token = yield* obtainToken(servers)
        yield* servers.authorizationServer.revokeAll
        const refused = yield* callEcho(servers.serverUrl, token)
        assert.strictEqual(refused.status, 401)
        assert.include(refused.headers.get("www-authenticate"), "revoked")
      })
    ))

  it.live("the client in memory and the client over the socket see the same servers", () =>
    withServers((servers) =>
      Effect.gen(function*() {
        yield* servers.network.script("resource", Answer.status(503), Answer.status(429))
        assert.strictEqual((yield* request(servers.serverUrl)).status, 503)
        assert.strictEqual((yield* Effect.orDie(servers.network.httpClient.get(servers.serverUrl))).status, 429)
        assert.strictEqual(yield* servers.network.count("resource"), 2)
      })
    ))

  it.live("an authorization server in the manner of a product answers over the socket", () =>
    withServers(
      (servers) =>
        Effect.gen(function*() {
          assert.match(servers.issuer, /^http:\/\/127\.0\.0\.1:\d+\/realms\/acme$/)
          const response = yield* request(servers.authorizationServer.tokenEndpoint, {
            method: "POST",
            headers: { authorization: basic("nightly", "secret") },
            body: new URLSearchParams({ grant_type: "client_credentials" })
          })
          assert.strictEqual(response.status, 200)
        }),
      {
        profile: ({ issuer, serverUrl }) =>
          IdentityProviderProfile.keycloak({
            baseUrl: issuer,
            realm: "acme",
            resource: serverUrl,
            clients: [{ clientId: "nightly", clientSecret: Redacted.make("secret") }]
          })
      }
    ))
})

describe("scripted answers over a socket", () => {
  it.live("a dropped connection is an error of fetch, and is recorded as dropped", () =>
    withServers(({ network, serverUrl }) =>
      Effect.gen(function*() {
        yield* network.script("resource", Answer.dropped)
        assert.strictEqual(yield* failure(serverUrl), "fetch failed")
        const [recorded] = yield* network.requests
        assert.strictEqual(recorded?.outcome._tag, "Dropped")
        assert.strictEqual((yield* request(serverUrl)).status, 401)
      })
    ))

  it.live("a request that is never answered is recorded as interrupted once the client has given up", () =>
    withServers(({ network, serverUrl }) =>
      Effect.gen(function*() {
        yield* network.script("resource", Answer.never)
        const controller = new AbortController()
        const outcome = yield* Effect.fork(failure(serverUrl, { signal: controller.signal }))
        yield* network.awaitRequests("resource")
        controller.abort()
        assert.include(yield* outcome, "aborted")
        yield* Effect.repeat(network.requests, {
          until: ([recorded]) => recorded?.outcome._tag !== "Pending",
          schedule: Schedule.spaced("1 millis")
        })
        const [recorded] = yield* network.requests
        assert.strictEqual(recorded?.outcome._tag, "Interrupted")
      })
    ))

  it.live("the servers close although a request was never answered", () =>
    Effect.gen(function*() {
      const outcome = yield* withServers(({ network, serverUrl }) =>
        Effect.gen(function*() {
          yield* network.script("resource", Answer.never)
          const outcome = yield* Effect.forkDaemon(failure(serverUrl))
          yield* network.awaitRequests("resource")
          return outcome
        })
      )
      assert.strictEqual(yield* outcome, "fetch failed")
    }))

  it.live("a body that is too long is sent only as far as the client reads it", () =>
    withServers(({ network, serverUrl }) =>
      Effect.gen(function*() {
        const bytes = 64 * 1024 * 1024
        yield* network.script("protected-resource-metadata", Answer.oversized(bytes))
        const url = new URL("/.well-known/oauth-protected-resource/mcp", serverUrl).href
        const response = yield* request(url)
        const reader = response.body?.getReader()
        yield* Effect.promise(async () => reader?.read())
        yield* Effect.promise(async () => reader?.cancel())
        const [recorded] = yield* network.requestsTo("protected-resource-metadata")
        assert.isAbove(recorded?.bytesRead ?? 0, 0)
        assert.isBelow(recorded?.bytesRead ?? 0, bytes)
      })
    ))

  it.live("a stream of server-sent events arrives as it is sent, and ends when the servers close", () =>
    Effect.gen(function*() {
      const rest = yield* withServers((servers) =>
        Effect.gen(function*() {
          const token = yield* obtainToken(servers)
          const response = yield* request(servers.serverUrl, { headers: { authorization: `Bearer ${token}` } })
          const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
          const read = Effect.promise(async () => await reader?.read())
          assert.strictEqual((yield* read)?.value, ": open\n\n")
          yield* servers.mcpServer.notify("notifications/progress", { progress: 1 })
          assert.include((yield* read)?.value, "notifications/progress")
          return Effect.promise(() => reader?.read().then(({ done }) => done, () => true) ?? Promise.resolve(undefined))
        })
      )
      assert.strictEqual(yield* rest, true)
    }))
})

describe("OAuthFetch on TestHttpServers", () => {
  const withFetch = <A, E>(
    test: (servers: TestServers.TestServers.Service, fetch: typeof globalThis.fetch) => Effect.Effect<A, E>
  ) =>
    withServers((servers) => {
      const { clientId, clientSecret, issuer, serverUrl } = servers
      return Effect.flatMap(OAuthFetch.make, (fetch) => test(servers, fetch)).pipe(
        Effect.provide(
          ClientSecret.layer({ serverUrl, issuer, clientId, clientSecret }).pipe(
            Layer.provide(TokenStorage.layerMemory),
            Layer.provide(FetchHttpClient.layer)
          )
        )
      )
    })

  it.live("finds its way over real sockets, and replaces a revoked token", () =>
    withFetch((servers, fetch) =>
      Effect.gen(function*() {
        const call = Effect.promise(() => fetch(servers.serverUrl, { method: "POST", body: "{}" }))
        assert.strictEqual((yield* call).status, 400)
        yield* servers.authorizationServer.revokeAll
        assert.strictEqual((yield* call).status, 400)
        assert.strictEqual(yield* servers.network.count("token"), 2)
        assert.strictEqual(
          yield* servers.network.count(({ endpoint, outcome }) =>
            endpoint === "resource" && outcome._tag === "Answered" && outcome.status === 401
          ),
          1
        )
      })
    ))

  it.live("asks for one token when 50 calls start at once", () =>
    withFetch((servers, fetch) =>
      Effect.gen(function*() {
        const statuses = yield* Effect.promise(() =>
          Promise.all(Array.from({ length: 50 }, () => fetch(servers.serverUrl, { method: "POST", body: "{}" })))
        )
        assert.deepStrictEqual([...new Set(statuses.map(({ status }) => status))], [400])
        assert.strictEqual(yield* servers.network.count("token"), 1)
      })
    ))
})

describe("TestHttpServers.listen", () => {
  it.scopedLive("gives an origin at which the hosts of the network answer", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      const origin = yield* TestHttpServers.listen(yield* NodeHttpServer.make(() => createServer(), { port: 0 }))
      assert.match(origin, /^http:\/\/127\.0\.0\.1:\d+$/)
      yield* network.serve(origin, ({ body, headers, method, url }) =>
        Effect.sync(() =>
          Response.json({ body, method, url, custom: headers["x-custom"] }, { status: 201 })
        ))
      const response = yield* request(`${origin}/a/b?c=d%20e#f`, {
        method: "PUT",
        body: "text",
        headers: { "X-Custom": "yes" }
      })
      assert.strictEqual(response.status, 201)
      assert.deepStrictEqual(yield* json(response), {
        body: "text",
        method: "PUT",
        url: `${origin}/a/b?c=d%20e`,
        custom: "yes"
      })
    }).pipe(Effect.provide(TestNetwork.layer)))
})
