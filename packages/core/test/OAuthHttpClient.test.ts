import { assert, describe, expect, it } from "@effect/vitest"
import { Answer, TestServers } from "@effect-mcp-auth/testing"
import { Headers, HttpBody, HttpClient, HttpClientError, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { Duration, Effect, Exit, Fiber, Layer, LogLevel, Option, Schedule, Scope, Stream, TestClock } from "effect"
import { Readable } from "node:stream"
import { OAuthError, OAuthHttpClient, OAuthProvider } from "../src/index.ts"
import { logging } from "./support/logging.ts"
import {
  environment,
  impatient,
  layerProvider,
  makeFollowingProvider,
  makeProvider,
  many,
  outcomes,
  watch
} from "./support/provider.ts"
import { queries } from "./support/queries.ts"

const authenticated = (options?: Parameters<typeof layerProvider>[0], servers?: TestServers.TestServers.Options) =>
  OAuthHttpClient.layer.pipe(Layer.provideMerge(layerProvider(options)), Layer.provideMerge(environment(servers)))

/** A provider that follows its server to another authorization server. */
const following = OAuthHttpClient.layer.pipe(
  Layer.provideMerge(Layer.scoped(OAuthProvider.OAuthProvider, makeFollowingProvider())),
  Layer.provideMerge(environment())
)

const post = (url: string, text: string) =>
  HttpClientRequest.post(url).pipe(HttpClientRequest.bodyText(text, "application/json"))

const bearers = (requests: ReadonlyArray<{ readonly headers: Readonly<Record<string, string>> }>) =>
  requests.map(({ headers }) => headers["authorization"])

describe("which requests carry the token", () => {
  it.effect("requests to the resource's origin carry the token, whatever their path and spelling", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      for (
        const url of [
          "https://mcp.example.com/mcp",
          "https://mcp.example.com/mcp/deeper?x=1",
          "HTTPS://MCP.example.com:443/mcp"
        ]
      ) {
        expect((yield* client.get(url)).status).toBe(200)
      }
      expect(yield* network.count("resource")).toBe(3)
    }).pipe(Effect.provide(authenticated())))

  it.effect("a request whose URL a middleware completes carries the token", () =>
    Effect.gen(function*() {
      const client = (yield* HttpClient.HttpClient).pipe(
        HttpClient.mapRequest(HttpClientRequest.prependUrl("https://mcp.example.com"))
      )
      expect((yield* client.get("/mcp/reports")).status).toBe(200)
    }).pipe(Effect.provide(authenticated())))

  it.effect("requests to another origin carry no token, however similar it looks", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      for (const origin of ["https://mcp.example.com.evil.test", "https://evil.test", "https://mcp.example.com:8443"]) {
        yield* network.serve(origin, () => Effect.sync(() => new Response("{}", { status: 401 })))
      }
      for (
        const url of [
          "https://mcp.example.com.evil.test/mcp",
          "https://mcp.example.com@evil.test/mcp",
          "https://mcp.example.com:x@evil.test/mcp",
          "https://mcp.example.com:8443/mcp",
          "https://evil.test/https://mcp.example.com/mcp"
        ]
      ) {
        const response = yield* client.get(url)
        expect(response.status).toBe(401)
      }
      expect(new Set(bearers(yield* network.requests))).toEqual(new Set([undefined]))
      expect(yield* network.count("token")).toBe(0)
    }).pipe(Effect.provide(authenticated())))

  it.effect("a request with an Authorization of its own passes unchanged, and its 401 goes to the caller", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      const response = yield* client.execute(
        HttpClientRequest.get(serverUrl, { headers: { Authorization: "Bearer mine" } })
      )
      expect(response.status).toBe(401)
      expect(bearers(yield* network.requests)).toEqual(["Bearer mine"])
    }).pipe(Effect.provide(authenticated())))

  it.effect("a redirect to another origin, followed by a middleware above, carries no token", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      yield* network.serve("https://elsewhere.test", () => Effect.sync(() => new Response("{}")))
      yield* network.script("resource", Answer.redirect("https://elsewhere.test/", 307))
      const client = HttpClient.followRedirects(yield* HttpClient.HttpClient)
      expect((yield* client.execute(post(serverUrl, "{}"))).status).toBe(200)
      const elsewhere = yield* network.requestsTo(({ url }) => url.startsWith("https://elsewhere.test"))
      expect(bearers(elsewhere)).toEqual([undefined])
    }).pipe(Effect.provide(authenticated())))

  it.effect.each([302, 303, 307, 308] as const)(
    "a %i to another origin goes to the caller, and has one line at Debug that names its target without the query",
    (status) =>
      logging(LogLevel.Debug, (lines) =>
        Effect.gen(function*() {
          const { network, serverUrl } = yield* TestServers.TestServers
          yield* network.always("resource", Answer.redirect("https://login.test/start?session=1", status))
          const client = yield* HttpClient.HttpClient
          const statuses = [yield* client.execute(post(serverUrl, "{}")), yield* client.get(serverUrl)]
          expect(statuses.map((response) => response.status)).toEqual([status, status])
          const told = lines.filter(({ message }) => message.startsWith("The server redirected"))
          expect(told).toMatchObject([{
            level: "DEBUG",
            message: expect.stringContaining("https://login.test/start,")
          }])
          expect(JSON.stringify(lines)).not.toContain("session")
        }).pipe(Effect.provide(authenticated())))
  )

  it.effect.each([["HEAD", 302], ["GET", 303], ["POST", 307], ["POST", 308], ["DELETE", 308]] as const)(
    "a %s that is redirected within the origin with %i is sent there",
    ([method, status]) =>
      Effect.gen(function*() {
        const { network, serverUrl } = yield* TestServers.TestServers
        const client = yield* HttpClient.HttpClient
        yield* network.script("resource", Answer.redirect(`${serverUrl}/x`, status))
        yield* client.execute(HttpClientRequest.make(method)(serverUrl))
        const requests = yield* network.requestsTo("resource")
        expect(requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
          `${method} ${serverUrl}`,
          `${method} ${serverUrl}/x`
        ])
      }).pipe(Effect.provide(authenticated()))
  )

  it.effect("the address in an answer that is no redirect is not requested", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      yield* network.script("resource", Answer.status(201, { headers: { location: `${serverUrl}/x` } }))
      expect((yield* client.get(serverUrl)).status).toBe(201)
      expect(yield* network.count("resource")).toBe(1)
    }).pipe(Effect.provide(authenticated())))

  it.effect("redirects within the origin are followed with the token and the body, five at most", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      yield* network.script("resource", Answer.redirect(`${serverUrl}/x?b=2`, 307))
      const response = yield* client.execute(HttpClientRequest.setUrlParam(post(serverUrl, "{}"), "a", "1"))
      expect(response.status).toBe(200)
      const [, second] = yield* network.requestsTo("resource")
      expect(second).toMatchObject({ url: `${serverUrl}/x?b=2`, method: "POST", body: "{}" })
      yield* network.always("resource", Answer.redirect(serverUrl))
      expect((yield* client.get(serverUrl)).status).toBe(302)
      expect(yield* network.count("resource")).toBe(8)
      expect((yield* client.execute(post(serverUrl, "{}"))).status).toBe(302)
      expect(yield* network.count("resource")).toBe(9)
    }).pipe(Effect.provide(authenticated())))

  it.effect.each(queries)(
    "a request and the redirect that answers it have their queries as written: %s",
    (query) =>
      Effect.gen(function*() {
        const { network, serverUrl } = yield* TestServers.TestServers
        const client = yield* HttpClient.HttpClient
        yield* network.serve("https://elsewhere.test", () => Effect.sync(() => new Response("{}")))
        yield* network.script("resource", Answer.redirect(`${serverUrl}/x${query}`, 307))
        yield* client.execute(HttpClientRequest.get(`${serverUrl}${query}`))
        yield* network.script("resource", Answer.redirect(`${serverUrl}/x${query}`, 307))
        yield* client.execute(HttpClientRequest.get(serverUrl, { urlParams: { own: "1" } }))
        yield* client.execute(HttpClientRequest.get(`https://elsewhere.test/${query}`))
        const requests = (yield* network.requests).filter(({ url }) => !/well-known|\/token/.test(url))
        assert.deepStrictEqual(requests.map(({ url }) => url), [
          `${serverUrl}${query}`,
          `${serverUrl}/x${query}`,
          `${serverUrl}?own=1`,
          `${serverUrl}/x${query}`,
          `https://elsewhere.test/${query}`
        ])
      }).pipe(Effect.provide(authenticated()))
  )

  it.effect("a challenge from a redirect's target on another origin has no effect on the provider", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      const evil = "https://evil.example.net"
      const challenge = { "www-authenticate": `Bearer resource_metadata="${evil}/prm"` }
      yield* network.serve(evil, () => Effect.sync(() => new Response("{}", { status: 401, headers: challenge })))
      yield* network.always("resource", Answer.redirect(`${evil}/`, 302))
      expect((yield* client.get(serverUrl)).status).toBe(302)
      expect((yield* HttpClient.followRedirects(client).get(serverUrl)).status).toBe(401)
      const seen = yield* network.requestsTo(({ url }) => url.startsWith(evil))
      expect(bearers(seen)).toEqual([undefined])
      expect(yield* network.count("token")).toBe(1)
    }).pipe(Effect.provide(following)))

  it.effect("the token is in no span, whatever header names the user redacts", () =>
    Effect.gen(function*() {
      const { serverUrl } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      const response = yield* client.get(serverUrl, { headers: { "x-gateway-key": "canary" } })
      expect(response.status).toBe(200)
      // The leak recorder of these tests searches the spans.
    }).pipe(
      Effect.locally(Headers.currentRedactedNames, ["x-gateway-key"]),
      Effect.provide(authenticated()),
      Effect.locally(Headers.currentRedactedNames, ["x-gateway-key"])
    ))

  it.effect("the token is in the header and never in the query", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      yield* client.get(serverUrl)
      const { headers, url } = (yield* network.requestsTo("resource"))[0] ?? { headers: {}, url: "" }
      expect(url).toBe(serverUrl)
      expect(headers).toMatchObject({ authorization: expect.stringMatching(/^Bearer \S+$/) })
    }).pipe(Effect.provide(authenticated())))
})

describe("401", () => {
  it.effect("after a revocation 100 calls at once make one token request, and each is sent once more", () =>
    Effect.gen(function*() {
      const { authorizationServer, network, serverUrl } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      yield* client.get(serverUrl)
      yield* authorizationServer.revokeAll
      yield* network.clear
      yield* network.setLatency("10 millis")
      const fibers = yield* many(100, client.execute(post(`${serverUrl}/x`, "{}")))
      yield* TestClock.adjust("50 millis")
      const responses = yield* Effect.forEach(fibers, Fiber.join)
      expect(responses.map(({ status }) => status)).toEqual(responses.map(() => 200))
      expect(yield* network.count("token")).toBe(1)
      expect(yield* network.count("resource")).toBe(200)
    }).pipe(Effect.provide(authenticated())))

  it.effect("a slow server that rejects every token costs few token requests, although calls are far apart", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      yield* network.always("resource", Answer.delayed("3 seconds", Answer.status(401)))
      for (let calls = 0; calls < 60; calls++) {
        const call = yield* Effect.fork(client.get(serverUrl))
        yield* TestClock.adjust("10 seconds")
        expect((yield* Fiber.join(call)).status).toBe(401)
      }
      expect(yield* network.count("token")).toBeLessThan(15)
    }).pipe(Effect.provide(authenticated())))

  it.effect("a second 401 goes to the caller unchanged", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      yield* network.always("resource", Answer.status(401, { body: "no" }))
      const response = yield* client.get(serverUrl)
      expect([response.status, yield* response.text]).toEqual([401, "no"])
      expect(yield* network.count("resource")).toBe(2)
      expect(yield* network.count("token")).toBe(2)
    }).pipe(Effect.provide(authenticated())))

  it.effect("a stream is not sent again, but the next call has a new token", () =>
    Effect.gen(function*() {
      const { authorizationServer, network, serverUrl } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      yield* client.get(serverUrl)
      yield* authorizationServer.revokeAll
      yield* network.clear
      const stream = HttpClientRequest.post(serverUrl).pipe(
        HttpClientRequest.setBody(HttpBody.stream(Stream.make(new TextEncoder().encode("{}"))))
      )
      expect((yield* client.execute(stream)).status).toBe(401)
      const raw = HttpClientRequest.post(serverUrl).pipe(
        HttpClientRequest.setBody(HttpBody.raw(new Blob(["{}"]).stream()))
      )
      yield* authorizationServer.revokeAll
      expect((yield* client.execute(raw)).status).toBe(401)
      expect(yield* network.count("resource")).toBe(2)
      expect((yield* client.get(serverUrl)).status).toBe(200)
    }).pipe(Effect.provide(authenticated({ refreshPolicy: { rejectionMemory: Duration.zero } }))))

  it.effect("a Node stream is not sent again", () =>
    Effect.gen(function*() {
      const provider = yield* OAuthProvider.OAuthProvider
      let sent = 0
      const rejecting = HttpClient.make((request) =>
        Effect.sync(() => {
          sent++
          return HttpClientResponse.fromWeb(request, new Response("no", { status: 401 }))
        })
      )
      const request = HttpClientRequest.post(provider.resource).pipe(
        HttpClientRequest.setBody(HttpBody.raw(Readable.from(["payload"])))
      )
      expect((yield* OAuthHttpClient.authenticate(rejecting, provider).execute(request)).status).toBe(401)
      expect(sent).toBe(1)
    }).pipe(Effect.provide(authenticated())))

  it.effect("HttpClient.retryTransient repeats a call after an outage, and not after a final refusal", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const client = HttpClient.retryTransient(yield* HttpClient.HttpClient, {
        times: 3,
        schedule: Schedule.spaced("5 seconds")
      })
      yield* network.script("token", Answer.status(503), Answer.dropped)
      const call = yield* Effect.fork(client.get(serverUrl))
      yield* TestClock.adjust("15 seconds")
      expect((yield* Fiber.join(call)).status).toBe(200)
      expect(yield* network.count("token")).toBe(3)
      yield* TestClock.adjust("4 hours")
      yield* network.clear
      yield* network.always("token", Answer.json({ error: "invalid_client" }, { status: 401 }))
      yield* Effect.flip(client.get(serverUrl))
      expect(yield* network.count("token")).toBe(1)
    }).pipe(Effect.provide(authenticated(impatient))))

  it.effect("a renewal that fails after a 401 fails the call, and the cause is the OAuthError", () =>
    Effect.gen(function*() {
      const { authorizationServer, clientId, network, serverUrl } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      yield* client.get(serverUrl)
      yield* authorizationServer.revokeAll
      yield* network.always("token", Answer.json({ error: "invalid_client" }, { status: 401 }))
      const error = yield* Effect.flip(client.get(serverUrl))
      expect(error).toBeInstanceOf(HttpClientError.RequestError)
      expect(error.cause).toMatchObject({ _tag: "TokenEndpointError", code: "invalid_client" })
      expect(error.message).toContain(clientId)
      expect(error.request.headers).not.toHaveProperty("authorization")
    }).pipe(Effect.provide(authenticated())))
})

describe("the log of OAuthHttpClient", () => {
  const origin = "https://127.0.0.1:8443"

  it.effect("requests without the provider's token have one line at Debug for each reason", () =>
    logging(LogLevel.Debug, (lines) =>
      Effect.gen(function*() {
        const { network, serverUrl } = yield* TestServers.TestServers
        yield* network.serve(origin, () => Effect.sync(() => new Response("{}")))
        const client = yield* HttpClient.HttpClient
        for (const authorization of ["Bearer mine", "", "Basic mine"]) {
          yield* client.get(`${origin}/mcp`)
          yield* client.get(serverUrl, { headers: { authorization } })
        }
        expect(bearers(yield* network.requests)).toEqual([
          undefined,
          "Bearer mine",
          undefined,
          "",
          undefined,
          "Basic mine"
        ])
        expect(lines.map(({ level }) => level)).toEqual(["DEBUG", "DEBUG"])
        expect(lines[0]?.message).toContain(`A request to ${origin} does not carry`)
        expect(lines[1]?.message).toContain("`Authorization` header of its own")
      })).pipe(Effect.provide(authenticated())))

  it.effect("a request that carries the token has no line of the client", () =>
    logging(LogLevel.Debug, (lines) =>
      Effect.gen(function*() {
        const { serverUrl } = yield* TestServers.TestServers
        const client = yield* HttpClient.HttpClient
        for (let call = 0; call < 3; call++) yield* client.get(serverUrl)
        expect(lines).toEqual([])
      })).pipe(Effect.provide(authenticated())))

  it.effect("a token that is rejected in one call together with its replacement has one warning", () =>
    logging(LogLevel.Warning, (lines) =>
      Effect.gen(function*() {
        const { network, serverUrl } = yield* TestServers.TestServers
        const client = yield* HttpClient.HttpClient
        const headers = {
          "www-authenticate": `Bearer error="invalid_token", error_description="the audience is wrong"`
        }
        yield* network.always("resource", Answer.status(401, { headers }))
        for (let call = 0; call < 5; call++) expect((yield* client.get(serverUrl)).status).toBe(401)
        expect(lines).toHaveLength(1)
        expect(lines[0]?.message).toContain(`The server says "the audience is wrong".`)
        expect(yield* network.count("token")).toBe(2)
      })).pipe(Effect.provide(authenticated())))

  it.effect("a replacement that is rejected in the next call has one warning", () =>
    logging(LogLevel.Warning, (lines) =>
      Effect.gen(function*() {
        const { network, serverUrl } = yield* TestServers.TestServers
        const client = yield* HttpClient.HttpClient
        const stream = HttpClientRequest.post(serverUrl).pipe(
          HttpClientRequest.setBody(HttpBody.stream(Stream.make(new TextEncoder().encode("{}"))))
        )
        yield* network.always("resource", Answer.status(401))
        yield* client.execute(stream)
        expect(lines).toEqual([])
        yield* client.execute(stream)
        expect(lines).toHaveLength(1)
      })).pipe(Effect.provide(authenticated())))

  it.effect("a revoked token whose replacement is good has no warning", () =>
    logging(LogLevel.Warning, (lines) =>
      Effect.gen(function*() {
        const { authorizationServer, serverUrl } = yield* TestServers.TestServers
        const client = yield* HttpClient.HttpClient
        for (let call = 0; call < 3; call++) {
          yield* authorizationServer.revokeAll
          yield* TestClock.adjust("2 seconds")
          expect((yield* client.get(serverUrl)).status).toBe(200)
        }
        expect(lines).toEqual([])
      })).pipe(Effect.provide(authenticated())))
})

describe("403", () => {
  it.effect("403 with invalid_token replaces the token once, and sends the request again", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      yield* client.get(serverUrl)
      const revoked = Answer.status(403, { headers: { "www-authenticate": `Bearer error="invalid_token"` } })
      yield* network.script("resource", revoked)
      expect((yield* client.execute(post(`${serverUrl}/x`, "{}"))).status).toBe(200)
      expect(new Set(bearers(yield* network.requestsTo("resource"))).size).toBe(2)
      expect(yield* network.count("token")).toBe(2)
    }).pipe(Effect.provide(authenticated())))

  it.effect("a server that always answers 403 with invalid_token gets each request twice at most", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      const headers = { "www-authenticate": `Bearer error="invalid_token"` }
      yield* network.always("resource", Answer.status(403, { headers, body: "no" }))
      const response = yield* client.get(serverUrl)
      expect([response.status, yield* response.text]).toEqual([403, "no"])
      expect(yield* network.count("resource")).toBe(2)
      expect((yield* client.get(serverUrl)).status).toBe(403)
      expect(yield* network.count("resource")).toBe(3)
      expect(yield* network.count("token")).toBe(2)
    }).pipe(Effect.provide(authenticated())))

  it.effect("a 403 with invalid_token and then a 401 count as one cause", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      const headers = { "www-authenticate": `Bearer error="invalid_token"` }
      yield* network.script("resource", Answer.status(403, { headers }), Answer.status(401, { body: "second" }))
      expect(yield* Effect.flatMap(client.get(serverUrl), ({ text }) => text)).toBe("second")
      expect(yield* network.count("resource")).toBe(2)
    }).pipe(Effect.provide(authenticated())))

  it.effect("insufficient_scope asks for more scope and sends the request again", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      const call = JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method: "tools/call",
        params: { name: "admin", arguments: {} }
      })
      expect((yield* client.execute(post(serverUrl, call))).status).toBe(200)
      expect(yield* network.count("token")).toBe(2)
      expect(yield* network.count("resource")).toBe(2)
    }).pipe(Effect.provide(authenticated({ scopes: ["mcp"], stepUp: "any" }))))

  it.effect("a server that always answers 403 causes one extra request, not a loop", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      yield* network.always(
        "resource",
        Answer.status(403, { headers: { "www-authenticate": `Bearer error="insufficient_scope", scope="admin"` } })
      )
      for (let call = 0; call < 5; call++) expect((yield* client.get(serverUrl)).status).toBe(403)
      expect(yield* network.count("resource")).toBe(6)
      expect(yield* network.count("token")).toBe(2)
    }).pipe(Effect.provide(authenticated({ scopes: ["mcp"], stepUp: "any" }))))

  it.effect("any other 403 goes to the caller unchanged, and so does one whose step-up is refused", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      yield* network.script("resource", Answer.status(403, { body: "no" }))
      expect(yield* Effect.flatMap(client.get(serverUrl), ({ text }) => text)).toBe("no")
      expect(yield* network.count("token")).toBe(1)
      yield* network.script(
        "resource",
        Answer.status(403, {
          headers: { "www-authenticate": `Bearer error="insufficient_scope", scope="root"` },
          body: "no root"
        })
      )
      expect(yield* Effect.flatMap(client.get(serverUrl), ({ text }) => text)).toBe("no root")
      expect(yield* network.count("resource")).toBe(2)
    }).pipe(Effect.provide(authenticated({ scopes: ["mcp"], stepUp: "any" }))))

  it.effect("a call whose token is revoked and lacks scope is sent three times and succeeds", () =>
    Effect.gen(function*() {
      const { authorizationServer, network, serverUrl } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      yield* client.get(serverUrl)
      yield* authorizationServer.revokeAll
      yield* network.clear
      const call = JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method: "tools/call",
        params: { name: "admin", arguments: {} }
      })
      expect((yield* client.execute(post(serverUrl, call))).status).toBe(200)
      expect(yield* network.count("resource")).toBe(3)
    }).pipe(Effect.provide(authenticated({ scopes: ["mcp"], stepUp: "any" }))))
})

describe("first calls", () => {
  it.effect("200 first calls at once make one token request and one request for each document, and get no 401", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      yield* network.setLatency("20 millis")
      const fibers = yield* many(200, client.get(serverUrl))
      // Three round trips: both metadata requests at once, the token request, the call.
      yield* TestClock.adjust("60 millis")
      expect((yield* outcomes(fibers)).every(Exit.isSuccess)).toBe(true)
      const counts = yield* Effect.all([
        network.count("protected-resource-metadata"),
        network.count("authorization-server-metadata"),
        network.count("token"),
        network.count("resource")
      ])
      expect(counts).toEqual([1, 1, 1, 200])
    }).pipe(Effect.provide(authenticated())))

  it.effect("a call without a token sends nothing to the server, and the cause is the OAuthError", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      yield* network.always("authorization-server-metadata", Answer.html("<h1>hello</h1>"))
      const error = yield* Effect.flip(client.get(serverUrl))
      expect(error.reason).toBe("Encode")
      expect(error.cause).toBeInstanceOf(OAuthError.DiscoveryError)
      expect(yield* network.count("resource")).toBe(0)
      expect(yield* network.count("token")).toBe(0)
    }).pipe(Effect.provide(authenticated())))

  it.effect("OAuthError.fromUnknown returns the OAuthError of a failed call, to catch it by its tag", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      yield* network.always("token", Answer.json({ error: "invalid_client" }, { status: 401 }))
      const code = yield* client.get(serverUrl).pipe(
        Effect.as("a response"),
        Effect.mapError((error) => Option.getOrElse(OAuthError.fromUnknown(error), () => error)),
        Effect.catchTag("TokenEndpointError", (error) => Effect.succeed(error.code))
      )
      expect(code).toBe("invalid_client")
    }).pipe(Effect.provide(authenticated())))

  it.effect("a response that never ends delays no other call", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      yield* network.script("resource", Answer.never)
      const stuck = yield* Effect.fork(client.get(serverUrl))
      yield* network.awaitRequests("resource")
      expect((yield* client.get(serverUrl)).status).toBe(200)
      yield* Fiber.interrupt(stuck)
    }).pipe(Effect.provide(authenticated())))
})

it.scoped("make authenticates the client of the context", () =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const provider = yield* Scope.extend(makeProvider(), scope)
    const seen = yield* watch(provider)
    const client = yield* OAuthHttpClient.make.pipe(Effect.provideService(OAuthProvider.OAuthProvider, provider))
    expect((yield* client.get(provider.resource)).status).toBe(200)
    expect((yield* seen).length).toBe(1)
    yield* Scope.close(scope, Exit.void)
  }).pipe(Effect.provide(environment())))
