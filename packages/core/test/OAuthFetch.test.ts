import { describe, expect, it } from "@effect/vitest"
import { Answer, TestServers } from "@effect-mcp-auth/testing"
import { FetchHttpClient } from "@effect/platform"
import { Context, Duration, Effect, Layer, LogLevel, TestClock } from "effect"
import { AccessToken, OAuthError, OAuthFetch, OAuthProvider } from "../src/index.ts"
import { logging } from "./support/logging.ts"
import { environment, impatient, layerProvider, makeProvider } from "./support/provider.ts"

const authenticated = (options?: Parameters<typeof layerProvider>[0], servers?: TestServers.TestServers.Options) =>
  Layer.provideMerge(layerProvider(options), environment(servers))

/** Awaits a promise while other fibers run. */
const call = (promise: () => Promise<Response>) => Effect.promise(promise)

const rejected = (promise: () => Promise<unknown>) =>
  Effect.flip(Effect.tryPromise({ try: promise, catch: (error) => error }))

const adminCall = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name: "admin", arguments: {} }
})
const json = { "content-type": "application/json" }

describe("which requests carry the token", () => {
  it.effect("requests to the resource carry the token in every form of input and headers", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const fetch = yield* OAuthFetch.make
      const url = `${serverUrl}/x`
      const inputs: ReadonlyArray<Parameters<typeof globalThis.fetch>> = [
        [url],
        [new URL(url), { headers: { "X-Test": "1" } }],
        [url, { headers: new Headers({ "X-Test": "1" }) }],
        [url, { headers: [["X-Test", "1"]] }],
        [new Request(url, { headers: { "X-Test": "1" } })],
        [new Request(url, { headers: { "X-Other": "1" } }), { headers: { "X-Test": "1" } }]
      ]
      for (const input of inputs) expect((yield* call(() => fetch(...input))).status).toBe(200)
      const requests = yield* network.requestsTo("resource")
      expect(requests.map(({ headers }) => headers["x-test"])).toEqual([undefined, "1", "1", "1", "1", "1"])
      expect(new Set(requests.map(({ headers }) => headers["authorization"])).size).toBe(1)
    }).pipe(Effect.provide(authenticated())))

  it.effect("requests to other origins, and those with an Authorization of their own, pass unchanged", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const fetch = yield* OAuthFetch.make
      yield* network.serve(
        "https://mcp.example.com.evil.test",
        () => Effect.sync(() => new Response("{}", { status: 401 }))
      )
      const own = "Basic mine"
      const inputs: ReadonlyArray<Parameters<typeof globalThis.fetch>> = [
        ["https://mcp.example.com.evil.test/mcp"],
        [new URL("https://mcp.example.com.evil.test/")],
        [serverUrl, { headers: { "x-test": "1", AUTHORIZATION: own } }],
        [serverUrl, { headers: [["Authorization", own]] }],
        [serverUrl, { headers: new Headers({ Authorization: own }) }],
        [new Request(serverUrl, { headers: { Authorization: own } })]
      ]
      for (const input of inputs) {
        expect(
          (yield* call(() => fetch(...input))).status
        ).toBe(401)
      }
      expect((yield* network.requests).map(({ headers }) => headers["authorization"])).toEqual([
        undefined,
        undefined,
        own,
        own,
        own,
        own
      ])
    }).pipe(Effect.provide(authenticated())))

  it.effect("a call with an Authorization of its own reaches the given fetch with the caller's init", () =>
    Effect.gen(function*() {
      const provider = yield* OAuthProvider.OAuthProvider
      const seen: Array<RequestInit | undefined> = []
      const fetch = OAuthFetch.authenticate((_, init) => {
        seen.push(init)
        return Promise.resolve(new Response())
      }, provider)
      const init = { headers: { authorization: "Basic mine" } }
      yield* call(() => fetch(provider.resource, init))
      expect(seen[0]).toBe(init)
    }).pipe(Effect.provide(authenticated())))

  it.effect("an init that is null counts as none, as in fetch", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const fetch = yield* OAuthFetch.make
      const response: Promise<Response> = Reflect.apply(fetch, undefined, [`${serverUrl}/x`, null])
      expect((yield* call(() => response)).status).toBe(200)
      expect((yield* network.requestsTo("resource"))[0]?.headers["authorization"]).toMatch(/^Bearer /)
    }).pipe(Effect.provide(authenticated())))

  it.effect("headers of another implementation are sent, and their Authorization is kept", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const fetch = yield* OAuthFetch.make
      const foreign = (entries: ReadonlyArray<readonly [string, string]>): HeadersInit =>
        Object.assign([], { [Symbol.iterator]: () => new Map(entries).entries() })
      yield* call(() => fetch(serverUrl, { headers: foreign([["x-test", "1"]]) }))
      yield* call(() => fetch(serverUrl, { headers: foreign([["Authorization", "Basic mine"]]) }))
      const [first, second] = yield* network.requestsTo("resource")
      expect(first?.headers).toMatchObject({ "x-test": "1", authorization: expect.stringMatching(/^Bearer /) })
      expect(second?.headers["authorization"]).toBe("Basic mine")
    }).pipe(Effect.provide(authenticated())))

  it.effect("a Request of another implementation is sent with its fields and the token", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const fetch = yield* OAuthFetch.make
      const request: Request = Object.create({
        url: `${serverUrl}/x`,
        method: "POST",
        headers: new Headers({ "x-test": "1" }),
        body: "{}"
      })
      expect((yield* call(() => fetch(request))).status).toBe(200)
      expect(yield* network.requestsTo("resource")).toMatchObject([
        {
          url: `${serverUrl}/x`,
          method: "POST",
          body: "{}",
          headers: { "x-test": "1", authorization: expect.stringMatching(/^Bearer /) }
        }
      ])
    }).pipe(Effect.provide(authenticated())))

  it.effect("a 401 from another origin, after a redirect, goes to the caller", () =>
    Effect.gen(function*() {
      const provider = yield* OAuthProvider.OAuthProvider
      const { network, serverUrl } = yield* TestServers.TestServers
      const elsewhere = new Response("no", { status: 401, headers: { "www-authenticate": "Bearer" } })
      Object.defineProperty(elsewhere, "url", { value: "https://evil.test/" })
      const fetch = OAuthFetch.authenticate(() => Promise.resolve(elsewhere), provider)
      expect(yield* call(() => fetch(serverUrl))).toBe(elsewhere)
      expect(yield* network.count("token")).toBe(1)
    }).pipe(Effect.provide(authenticated())))

  it.effect.each([200, 401, 403, 404])(
    "a %i from another origin, after a redirect, has a line at Debug",
    (status) =>
      logging(LogLevel.Debug, (lines) =>
        Effect.gen(function*() {
          const provider = yield* OAuthProvider.OAuthProvider
          const elsewhere = new Response("no", { status })
          Object.defineProperties(elsewhere, {
            url: { value: "https://www.example.com/login?x=canary" },
            redirected: { value: true }
          })
          const runtime = yield* Effect.runtime<never>()
          const fetch = OAuthFetch.authenticate(() => Promise.resolve(elsewhere), provider, runtime)
          for (let count = 0; count < 2; count++) yield* call(() => fetch(provider.resource))
          expect(lines).toMatchObject([{ level: "DEBUG" }])
          expect(lines[0]?.message).toContain("The server redirected a request to https://www.example.com/login, which")
          expect(JSON.stringify(lines)).not.toContain("canary")
        })).pipe(Effect.provide(authenticated()))
  )
})

it.effect("a redirect within the server has no line in the log", () =>
  logging(LogLevel.Debug, (lines) =>
    Effect.gen(function*() {
      const provider = yield* OAuthProvider.OAuthProvider
      const response = new Response()
      Object.defineProperties(response, { url: { value: `${provider.resource}/x` }, redirected: { value: true } })
      const runtime = yield* Effect.runtime<never>()
      yield* call(() => OAuthFetch.authenticate(() => Promise.resolve(response), provider, runtime)(provider.resource))
      expect(lines).toEqual([])
    })).pipe(Effect.provide(authenticated())))

describe("with a fresh token in memory", () => {
  it.effect("a call runs no fiber, and reads the token synchronously", () =>
    Effect.gen(function*() {
      const provider = yield* OAuthProvider.OAuthProvider
      const token = yield* provider.accessToken
      const sent: Array<RequestInit | undefined> = []
      const fetch = OAuthFetch.authenticate((_, init) => {
        sent.push(init)
        return Promise.resolve(new Response("{}"))
      }, { ...provider, accessToken: Effect.die("a fiber ran"), renew: () => Effect.die("a fiber ran") })
      const response = fetch(provider.resource, { method: "POST", body: "{}" })
      expect(sent).toEqual([{
        method: "POST",
        body: "{}",
        headers: { authorization: AccessToken.authorization(token) }
      }])
      expect((yield* call(() => response)).status).toBe(200)
    }).pipe(Effect.provide(authenticated())))
})

describe("the log of OAuthFetch", () => {
  const origin = "https://127.0.0.1:8443"

  it.effect("requests without the provider's token have one line at Debug for each reason", () =>
    logging(LogLevel.Debug, (lines) =>
      Effect.gen(function*() {
        const { network, serverUrl } = yield* TestServers.TestServers
        yield* network.serve(origin, () => Effect.sync(() => new Response("{}")))
        const fetch = yield* OAuthFetch.make
        const twice = new Headers([["authorization", "Basic a"], ["authorization", "Basic b"]])
        const inputs: ReadonlyArray<Parameters<typeof globalThis.fetch>> = [
          [`${origin}/mcp`],
          [new URL(origin)],
          [new Request(origin, { headers: { authorization: "Basic c" } })],
          [serverUrl, { headers: { authorization: "" } }],
          [serverUrl, { headers: twice }]
        ]
        for (const input of inputs) yield* call(() => fetch(...input))
        expect((yield* network.requests).map(({ headers }) => headers["authorization"])).toEqual([
          undefined,
          undefined,
          "Basic c",
          "",
          "Basic a, Basic b"
        ])
        expect(lines.map(({ level }) => level)).toEqual(["DEBUG", "DEBUG"])
        expect(lines[0]?.message).toContain(`A request to ${origin} does not carry`)
        expect(lines[1]?.message).toContain("`Authorization` header of its own")
      })).pipe(Effect.provide(authenticated())))

  it.effect("a request that carries the token has no line of the fetch", () =>
    logging(LogLevel.Debug, (lines) =>
      Effect.gen(function*() {
        const { serverUrl } = yield* TestServers.TestServers
        const fetch = yield* OAuthFetch.make
        for (let count = 0; count < 3; count++) yield* call(() => fetch(serverUrl))
        expect(lines).toEqual([])
      })).pipe(Effect.provide(authenticated())))

  it.effect("a token that is rejected together with its replacement has one warning", () =>
    logging(LogLevel.Warning, (lines) =>
      Effect.gen(function*() {
        const { network, serverUrl } = yield* TestServers.TestServers
        const fetch = yield* OAuthFetch.make
        const headers = {
          "www-authenticate": `Bearer error="invalid_token", error_description="the audience is wrong"`
        }
        yield* network.always("resource", Answer.status(401, { headers }))
        for (let count = 0; count < 5; count++) expect((yield* call(() => fetch(serverUrl))).status).toBe(401)
        expect(lines).toHaveLength(1)
        expect(lines[0]?.message).toContain(`The server says "the audience is wrong".`)
      })).pipe(Effect.provide(authenticated())))

  it.effect("a replacement that is rejected in the next call has one warning", () =>
    logging(LogLevel.Warning, (lines) =>
      Effect.gen(function*() {
        const { network, serverUrl } = yield* TestServers.TestServers
        const fetch = yield* OAuthFetch.make
        yield* network.always("resource", Answer.status(401))
        yield* call(() => fetch(new Request(serverUrl, { method: "POST", body: "{}" })))
        expect(lines).toEqual([])
        yield* call(() => fetch(new Request(serverUrl, { method: "POST", body: "{}" })))
        expect(lines).toHaveLength(1)
      })).pipe(Effect.provide(authenticated())))
})

describe("FetchHttpClient.RequestInit", () => {
  /** A `fetch` with the given init, the arguments that the inner `fetch` got, and the token's header. */
  const given = (init: Readonly<Record<string, unknown>>) =>
    Effect.gen(function*() {
      const provider = yield* OAuthProvider.OAuthProvider
      const sent: Array<Record<string, unknown>> = []
      const inner: typeof globalThis.fetch = (_, init) => {
        sent.push({ ...init, headers: Object.fromEntries(new Headers(init?.headers)) })
        return Promise.resolve(new Response("{}"))
      }
      const fetch = yield* OAuthFetch.make.pipe(
        Effect.provideService(FetchHttpClient.Fetch, inner),
        Effect.provideService(FetchHttpClient.RequestInit, init)
      )
      return { fetch, sent, authorization: AccessToken.authorization(yield* provider.accessToken) }
    })
  const dispatcher = { name: "a proxy" }
  const url = "https://mcp.example.com/mcp"

  it.effect("the fields reach the request that carries the token, and the fields of the call take precedence", () =>
    Effect.gen(function*() {
      const { authorization, fetch, sent } = yield* given({ dispatcher, credentials: "include", redirect: "error" })
      yield* call(() => fetch(url))
      yield* call(() => fetch(new globalThis.URL(url), { method: "POST", body: "{}", redirect: "manual" }))
      expect(sent).toEqual([
        { dispatcher, credentials: "include", redirect: "error", headers: { authorization } },
        {
          dispatcher,
          credentials: "include",
          redirect: "manual",
          method: "POST",
          body: "{}",
          headers: { authorization }
        }
      ])
    }).pipe(Effect.provide(authenticated())))

  it.effect("a runtime with a RequestInit has the same effect on authenticate", () =>
    Effect.gen(function*() {
      const provider = yield* OAuthProvider.OAuthProvider
      const runtime = yield* Effect.provideService(Effect.runtime<never>(), FetchHttpClient.RequestInit, {
        keepalive: true
      })
      const sent: Array<RequestInit | undefined> = []
      const fetch = OAuthFetch.authenticate(
        (_, init) => {
          sent.push(init)
          return Promise.resolve(new Response("{}"))
        },
        provider,
        runtime
      )
      yield* call(() => fetch(url))
      expect(sent).toMatchObject([{ keepalive: true }])
    }).pipe(Effect.provide(authenticated())))

  it.effect("headers are merged by name, and neither the call's headers nor the token are replaced", () =>
    Effect.gen(function*() {
      const { authorization, fetch, sent } = yield* given({
        headers: { "X-Gateway": "g", "X-Test": "shared", authorization: "Basic shared" }
      })
      yield* call(() => fetch(url))
      yield* call(() => fetch(url, { headers: { "x-test": "own" } }))
      yield* call(() => fetch(new Request(url, { headers: { "x-test": "own" } })))
      expect(sent.map(({ headers }) => headers)).toEqual([
        { authorization, "x-gateway": "g", "x-test": "shared" },
        { authorization, "x-gateway": "g", "x-test": "own" },
        { authorization, "x-gateway": "g", "x-test": "own" }
      ])
    }).pipe(Effect.provide(authenticated())))

  it.effect.each<readonly [string, HeadersInit]>([
    ["a list", [["X-Gateway", "g"]]],
    ["a Headers object", new Headers({ "X-Gateway": "g" })]
  ])("headers in %s are sent as they were when the fetch was made", ([, headers]) =>
    Effect.gen(function*() {
      const { authorization, fetch, sent } = yield* given({ headers })
      if (headers instanceof Headers) headers.set("x-gateway", "changed")
      else if (Array.isArray(headers)) headers[0]?.splice(1, 1, "changed")
      yield* call(() => fetch(url))
      expect(sent).toEqual([{ headers: { authorization, "x-gateway": "g" } }])
    }).pipe(Effect.provide(authenticated())))

  it.effect("a Request as the init leaves the fields that it does not have", () =>
    Effect.gen(function*() {
      const { fetch, sent } = yield* given({ dispatcher })
      yield* call(() => fetch(url, new Request(url, { redirect: "manual" })))
      expect(sent).toMatchObject([{ dispatcher, redirect: "manual" }])
    }).pipe(Effect.provide(authenticated())))

  it.effect("method, body, duplex and signal belong to one call and are not taken over", () =>
    Effect.gen(function*() {
      const { authorization, fetch, sent } = yield* given({
        method: "DELETE",
        body: "shared",
        duplex: "half",
        signal: AbortSignal.abort()
      })
      yield* call(() => fetch(url))
      expect(sent).toEqual([{ headers: { authorization } }])
    }).pipe(Effect.provide(authenticated())))

  it.effect("a Request keeps its own standard fields and gets only the others", () =>
    Effect.gen(function*() {
      const { authorization, fetch, sent } = yield* given({ dispatcher, redirect: "error", cache: "no-store" })
      yield* call(() => fetch(new Request(url, { redirect: "manual" })))
      expect(sent).toEqual([{ dispatcher, headers: { authorization } }])
    }).pipe(Effect.provide(authenticated())))

  it.effect("the request that is sent again after a 401 has the fields too", () =>
    Effect.gen(function*() {
      const provider = yield* OAuthProvider.OAuthProvider
      const sent: Array<RequestInit | undefined> = []
      const fetch = yield* OAuthFetch.make.pipe(
        Effect.provideService(FetchHttpClient.RequestInit, { credentials: "include" }),
        Effect.provideService(FetchHttpClient.Fetch, (_, init) => {
          sent.push(init)
          return Promise.resolve(new Response("{}", { status: sent.length === 1 ? 401 : 200 }))
        })
      )
      yield* call(() => fetch(provider.resource, { headers: { "x-test": "1" } }))
      expect(sent).toMatchObject([
        { credentials: "include", headers: { "x-test": "1" } },
        { credentials: "include", headers: { "x-test": "1" } }
      ])
    }).pipe(Effect.provide(authenticated())))

  it.effect("requests to other origins, and requests with an Authorization of their own, get none of the fields", () =>
    Effect.gen(function*() {
      const { fetch, sent } = yield* given({ dispatcher, headers: { "x-gateway": "canary" } })
      yield* call(() => fetch("https://elsewhere.test/", { method: "POST" }))
      yield* call(() => fetch(url, { headers: { authorization: "Basic mine" } }))
      expect(sent).toEqual([{ method: "POST", headers: {} }, { headers: { authorization: "Basic mine" } }])
    }).pipe(Effect.provide(authenticated())))
})

describe("a call is read when it is made", () => {
  const resource = "https://mcp.example.com/mcp"

  const claimed = { value: `${resource}/x` }

  it.effect("changes of the caller's URL, headers and init while the call waits change nothing", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      yield* network.serve("https://evil.test", () => Effect.sync(() => new Response("{}")))
      const fetch = yield* OAuthFetch.make
      for (
        const headers of [
          { "x-test": "1" },
          new Headers({ "x-test": "1" }),
          Array.of<[string, string]>(["x-test", "1"])
        ]
      ) {
        yield* TestClock.adjust("5 hours")
        yield* network.clear
        yield* network.script("token", Answer.delayed("5 seconds", Answer.proceed))
        const url = new URL(`${serverUrl}/x`)
        const body = new URLSearchParams({ a: "1" })
        const init: RequestInit = { method: "POST", body, headers }
        const response = fetch(url, init)
        yield* network.awaitRequests("token")
        url.host = "evil.test"
        init.method = "DELETE"
        init.body = "changed"
        body.set("a", "2")
        init.headers = { authorization: "Basic changed" }
        if (headers instanceof Headers) headers.set("x-test", "2")
        else if (Array.isArray(headers)) headers.push(["x-test", "2"])
        else headers["x-test"] = "2"
        yield* TestClock.adjust("5 seconds")
        expect((yield* call(() => response)).status).toBe(200)
        expect(yield* network.requestsTo("resource")).toMatchObject([
          { url: `${serverUrl}/x`, method: "POST", body: "a=1", headers: { "x-test": "1" } }
        ])
        expect(yield* network.requestsTo(({ url }) => url.startsWith("https://evil.test"))).toEqual([])
      }
    }).pipe(Effect.provide(authenticated())))

  it.effect("changes of the caller's URL, headers and init after the first answer do not reach the second request", () =>
    Effect.gen(function*() {
      const { authorizationServer, network, serverUrl } = yield* TestServers.TestServers
      const fetch = yield* OAuthFetch.make
      yield* call(() => fetch(serverUrl))
      yield* authorizationServer.revokeAll
      yield* network.clear
      const url = new URL(`${serverUrl}/x`)
      const headers = { "x-test": "1" }
      const body = new TextEncoder().encode("{}")
      const init: RequestInit = { method: "POST", body, headers }
      const response = fetch(url, init)
      url.host = "evil.test"
      init.body = "changed"
      body.fill(0)
      headers["x-test"] = "2"
      expect((yield* call(() => response)).status).toBe(200)
      const sent = { url: `${serverUrl}/x`, method: "POST", body: "{}", headers: { "x-test": "1" } }
      expect(yield* network.requestsTo("resource")).toMatchObject([sent, sent])
    }).pipe(Effect.provide(authenticated())))

  it.effect.each(
    [
      [
        "a Request that claims another URL",
        () => Object.defineProperty(new Request("https://evil.test/x"), "url", claimed)
      ],
      [
        "a Request of a class that claims another URL",
        () =>
          new class extends Request {
            override get url() {
              return `${resource}/x`
            }
          }("https://evil.test/x")
      ],
      [
        "an object with a URL and another text",
        (): Request => Object.create({ toString: () => "https://evil.test/x" }, { url: claimed })
      ]
    ] as const
  )("the token does not go to another origin by %s", ([, input]) =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      expect(serverUrl).toBe(resource)
      yield* network.serve("https://evil.test", () => Effect.sync(() => new Response("{}")))
      const fetch = yield* OAuthFetch.make
      yield* Effect.exit(call(() => fetch(input())))
      const requests = yield* network.requestsTo(({ url }) => url.startsWith("https://evil.test"))
      expect(requests.map(({ headers }) => headers["authorization"]).filter((one) => one !== undefined)).toEqual([])
    }).pipe(Effect.provide(authenticated())))

  it.effect("each field of the init is read once, so that a getter cannot answer twice", () =>
    Effect.gen(function*() {
      const { authorizationServer, network, serverUrl } = yield* TestServers.TestServers
      const fetch = yield* OAuthFetch.make
      const init = (prototype: object | null) => {
        const reads: Array<string> = []
        const watched = <A>(name: string, first: A, later: A) => ({
          enumerable: true,
          get: () => reads.push(name) > 0 && reads.filter((read) => read === name).length === 1 ? first : later
        })
        const init: RequestInit = Object.defineProperties(Object.create(prototype), {
          method: watched("method", "POST", "DELETE"),
          body: watched("body", "{}", "changed"),
          headers: watched("headers", { "x-test": "1" }, { authorization: "Basic changed" })
        })
        return { init, reads }
      }
      const once = ["body", "headers", "method"]
      const [waiting, fresh, rejected] = [init(Object.prototype), init(null), init(Object.prototype)]
      yield* call(() => fetch(serverUrl, waiting.init))
      yield* call(() => fetch(serverUrl, fresh.init))
      yield* authorizationServer.revokeAll
      yield* call(() => fetch(serverUrl, rejected.init))
      for (const { reads } of [waiting, fresh, rejected]) expect(reads.toSorted()).toEqual(once)
      const sent = { method: "POST", body: "{}", headers: { "x-test": "1" } }
      expect(yield* network.requestsTo("resource")).toMatchObject([sent, sent, sent, sent])
    }).pipe(Effect.provide(authenticated())))

  it.effect("headers of an iterator, which can be read only once, are sent and sent again", () =>
    Effect.gen(function*() {
      const { authorizationServer, network, serverUrl } = yield* TestServers.TestServers
      const fetch = yield* OAuthFetch.make
      yield* call(() => fetch(serverUrl))
      yield* authorizationServer.revokeAll
      yield* network.clear
      const init = (headers: Record<string, string>): RequestInit =>
        Object.defineProperty({}, "headers", { enumerable: true, value: new Headers(headers).entries() })
      yield* call(() => fetch(serverUrl, init({ "x-test": "1" })))
      yield* call(() => fetch(serverUrl, init({ authorization: "Basic mine" })))
      const sent = yield* network.requestsTo("resource")
      expect(sent.map(({ headers }) => headers["x-test"])).toEqual(["1", "1", undefined])
      expect(sent[2]?.headers["authorization"]).toBe("Basic mine")
    }).pipe(Effect.provide(authenticated())))

  it.effect("a Request as the init keeps its method, its headers and its own Authorization", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const fetch = yield* OAuthFetch.make
      const init = (headers: Record<string, string>) => new Request(serverUrl, { method: "DELETE", headers })
      yield* call(() => fetch(`${serverUrl}/x`, init({ "x-test": "1" })))
      yield* call(() => fetch(`${serverUrl}/x`, init({ authorization: "Basic mine" })))
      const sent = yield* network.requestsTo("resource")
      expect(sent).toMatchObject([{ method: "DELETE", headers: { "x-test": "1" } }, { method: "DELETE" }])
      expect(sent.map(({ headers }) => headers["authorization"]?.replace(/ .*/, ""))).toEqual(["Bearer", "Basic"])
    }).pipe(Effect.provide(authenticated())))

  it.effect("invalid headers reject, and nothing is sent", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const fetch = yield* OAuthFetch.make
      yield* call(() => fetch(serverUrl))
      yield* network.clear
      for (
        const headers of [{ "bad name": "x" }, { "x-test": "a\nb" }, Array.of<[string, string]>(["bad name", "x"])]
      ) {
        expect(yield* rejected(async () => await fetch(serverUrl, { headers }))).toBeInstanceOf(TypeError)
      }
      expect(yield* network.requests).toEqual([])
    }).pipe(Effect.provide(authenticated())))
})

describe("401 and 403", () => {
  it.effect("403 with invalid_token replaces the token once, and sends the request again", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const fetch = yield* OAuthFetch.make
      yield* call(() => fetch(serverUrl))
      yield* network.clear
      const headers = { "www-authenticate": `Bearer error="invalid_token"` }
      yield* network.script("resource", Answer.status(403, { headers }))
      expect((yield* call(() => fetch(`${serverUrl}/x`, { method: "POST", body: "{}" }))).status).toBe(200)
      expect(yield* network.count("token")).toBe(1)
      yield* network.always("resource", Answer.status(403, { headers, body: "no" }))
      yield* network.clear
      const response = yield* call(() => fetch(serverUrl))
      expect([response.status, yield* Effect.promise(() => response.text())]).toEqual([403, "no"])
      expect(yield* network.count("resource")).toBeLessThanOrEqual(2)
    }).pipe(Effect.provide(authenticated())))

  it.effect("a 403 without that code goes to the caller, and the token stays", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const fetch = yield* OAuthFetch.make
      for (const header of ["Bearer", `Bearer error="invalid_request"`, `Basic error="invalid_token"`]) {
        yield* network.script("resource", Answer.status(403, { headers: { "www-authenticate": header }, body: "no" }))
        expect((yield* call(() => fetch(serverUrl))).status).toBe(403)
      }
      expect(yield* network.count("token")).toBe(1)
      expect(yield* network.count("resource")).toBe(3)
    }).pipe(Effect.provide(authenticated())))

  it.effect("a body of text, parameters, a blob, bytes or a buffer is sent again with its headers", () =>
    Effect.gen(function*() {
      const { authorizationServer, network, serverUrl } = yield* TestServers.TestServers
      const fetch = yield* OAuthFetch.make
      const bodies: ReadonlyArray<NonNullable<RequestInit["body"]> | null> = [
        "text",
        new URLSearchParams({ a: "text" }),
        new Blob(["text"]),
        new TextEncoder().encode("text"),
        new TextEncoder().encode("text").buffer,
        null
      ]
      for (const body of bodies) {
        yield* call(() => fetch(serverUrl + "/x"))
        yield* authorizationServer.revokeAll
        yield* network.clear
        const response = yield* call(() =>
          fetch(`${serverUrl}/x`, { method: "POST", body, headers: { "x-test": "1" } })
        )
        expect(response.status).toBe(200)
        const [first, second] = yield* network.requestsTo("resource")
        expect(second?.body).toBe(first?.body)
        expect(second?.headers["x-test"]).toBe("1")
      }
    }).pipe(Effect.provide(authenticated({ refreshPolicy: { rejectionMemory: Duration.zero } }))))

  it.effect("a form is sent again", () =>
    Effect.gen(function*() {
      const { authorizationServer, serverUrl } = yield* TestServers.TestServers
      const fetch = yield* OAuthFetch.make
      yield* call(() => fetch(serverUrl))
      yield* authorizationServer.revokeAll
      const body = new FormData()
      body.set("name", "value")
      expect((yield* call(() => fetch(`${serverUrl}/x`, { method: "POST", body }))).status).toBe(200)
    }).pipe(Effect.provide(authenticated())))

  it.effect("a stream and the body of a Request are not sent again, but the token is renewed for the next call", () =>
    Effect.gen(function*() {
      const { authorizationServer, network, serverUrl } = yield* TestServers.TestServers
      const fetch = yield* OAuthFetch.make
      const stream = { method: "POST", body: new Blob(["text"]).stream(), duplex: "half" }
      const inputs: ReadonlyArray<Parameters<typeof globalThis.fetch>> = [
        [serverUrl, stream],
        [new Request(serverUrl, { method: "POST", body: "text" })]
      ]
      for (const input of inputs) {
        yield* call(() => fetch(serverUrl))
        yield* authorizationServer.revokeAll
        yield* network.clear
        expect((yield* call(() => fetch(...input))).status).toBe(401)
        expect(yield* network.count("resource")).toBe(1)
        expect(yield* network.count("token")).toBe(1)
      }
    }).pipe(Effect.provide(authenticated({ refreshPolicy: { rejectionMemory: Duration.zero } }))))

  it.effect("a Request without a body is sent again", () =>
    Effect.gen(function*() {
      const { authorizationServer, serverUrl } = yield* TestServers.TestServers
      const fetch = yield* OAuthFetch.make
      yield* call(() => fetch(serverUrl))
      yield* authorizationServer.revokeAll
      expect((yield* call(() => fetch(new Request(`${serverUrl}/x`)))).status).toBe(200)
    }).pipe(Effect.provide(authenticated())))

  it.effect("a second 401 goes to the caller, with its body unread", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const fetch = yield* OAuthFetch.make
      yield* network.always("resource", Answer.status(401, { body: "no" }))
      const response = yield* call(() => fetch(serverUrl))
      expect(yield* Effect.promise(() => response.text())).toBe("no")
      expect(yield* network.count("resource")).toBe(2)
    }).pipe(Effect.provide(authenticated())))

  it.effect("a renewed token that is rejected in the same call is reported, and not renewed again", () =>
    logging(LogLevel.Warning, (lines) =>
      Effect.gen(function*() {
        const provider = yield* OAuthProvider.OAuthProvider
        const runtime = yield* Effect.runtime<never>()
        const [renewed, reported] = [new Array<AccessToken.AccessToken>(), new Array<AccessToken.AccessToken>()]
        const reporting = {
          ...provider,
          renew: (...renewal: Parameters<typeof provider.renew>) =>
            Effect.tap(provider.renew(...renewal), (token) => Effect.sync(() => renewed.push(token))),
          unsafeRejected: (token: AccessToken.AccessToken) => void reported.push(token)
        }
        const rejecting = () => Promise.resolve(new Response("no", { status: 401 }))
        yield* call(() => OAuthFetch.authenticate(rejecting, reporting, runtime)(provider.resource))
        expect(renewed).toHaveLength(1)
        expect(reported).toEqual(renewed)
        expect(lines).toHaveLength(1)
      })).pipe(Effect.provide(authenticated())))

  it.effect("a provider without `unsafeRejected` needs no report of a rejected token", () =>
    Effect.gen(function*() {
      const provider = Object.assign({}, yield* OAuthProvider.OAuthProvider, { unsafeRejected: undefined })
      const fetch = OAuthFetch.authenticate(() => Promise.resolve(new Response("no", { status: 401 })), provider)
      expect((yield* call(() => fetch(provider.resource))).status).toBe(401)
    }).pipe(Effect.provide(authenticated())))

  it.effect("403 insufficient_scope asks for more scope once, and a refused step-up returns the 403", () =>
    Effect.gen(function*() {
      const { authorizationServer, clientId, network, serverUrl } = yield* TestServers.TestServers
      const fetch = yield* OAuthFetch.make
      const init = { method: "POST", body: adminCall, headers: json }
      yield* network.script("token", Answer.proceed, Answer.json({ error: "invalid_scope" }, { status: 400 }))
      expect((yield* call(() => fetch(serverUrl, init))).status).toBe(403)
      yield* authorizationServer.setScopes(clientId, ["mcp", "admin"])
      expect((yield* call(() => fetch(serverUrl, init))).status).toBe(403)
      expect(yield* network.count("token")).toBe(2)
      yield* authorizationServer.revokeAll
      expect((yield* call(() => fetch(serverUrl, init))).status).toBe(200)
    }).pipe(Effect.provide(authenticated({ scopes: ["mcp"], stepUp: "any" }))))

  it.effect("a renewal that fails after a 401 rejects with the OAuthError", () =>
    Effect.gen(function*() {
      const { authorizationServer, network, serverUrl } = yield* TestServers.TestServers
      const fetch = yield* OAuthFetch.make
      yield* call(() => fetch(serverUrl))
      yield* authorizationServer.revokeAll
      yield* network.always("token", Answer.dropped)
      const error = yield* rejected(() => fetch(serverUrl))
      expect(error).toBeInstanceOf(OAuthError.TokenEndpointError)
      expect(error).toMatchObject({ reason: "Unavailable" })
    }).pipe(Effect.provide(authenticated(impatient))))
})

describe("a response that the caller does not get", () => {
  /** A 401 whose body is a stream, and how often that was cancelled. */
  const unread = () => {
    const cancelled: Array<true> = []
    const body = new ReadableStream({ cancel: () => void cancelled.push(true) })
    return { cancelled, response: new Response(body, { status: 401 }) }
  }

  it.effect("is cancelled before the request is sent again", () =>
    Effect.gen(function*() {
      const provider = yield* OAuthProvider.OAuthProvider
      const { cancelled, response } = unread()
      const answers = [response, new Response("{}")]
      const seen: Array<number> = []
      const fetch = OAuthFetch.authenticate(() => {
        seen.push(cancelled.length)
        return Promise.resolve(answers.shift() ?? new Response())
      }, provider)
      expect((yield* call(() => fetch(provider.resource))).status).toBe(200)
      expect(seen).toEqual([0, 1])
    }).pipe(Effect.provide(authenticated())))

  it.effect("is cancelled if the renewal fails", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const provider = yield* OAuthProvider.OAuthProvider
      const { cancelled, response } = unread()
      const fetch = OAuthFetch.authenticate(() => Promise.resolve(response), provider)
      yield* provider.accessToken
      yield* network.always("token", Answer.dropped)
      yield* rejected(() => fetch(provider.resource))
      expect(cancelled).toHaveLength(1)
    }).pipe(Effect.provide(authenticated(impatient))))
})

describe("AbortSignal", () => {
  it.effect("the signal of the init comes before that of the Request", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const fetch = yield* OAuthFetch.make
      const reason = new Error("changed my mind")
      const [aborted, other] = [AbortSignal.abort(reason), new AbortController().signal]
      expect(yield* rejected(() => fetch(new Request(serverUrl, { signal: other }), { signal: aborted }))).toBe(reason)
      expect(yield* network.requests).toEqual([])
    }).pipe(Effect.provide(authenticated())))

  it.effect("a signal that is aborted before the call rejects with its reason, and nothing is sent", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const fetch = yield* OAuthFetch.make
      const reason = new Error("changed my mind")
      expect(yield* rejected(() => fetch(serverUrl, { signal: AbortSignal.abort(reason) }))).toBe(reason)
      expect(yield* rejected(() => fetch(new Request(serverUrl, { signal: AbortSignal.abort(reason) })))).toBe(reason)
      expect(yield* network.requests).toEqual([])
    }).pipe(Effect.provide(authenticated())))

  it.effect("a signal that aborts during the token request rejects at once, and other callers get the token", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const fetch = yield* OAuthFetch.make
      yield* network.script("token", Answer.delayed("5 seconds", Answer.proceed))
      const controller = new AbortController()
      const reason = new Error("changed my mind")
      const aborted = rejected(() => fetch(serverUrl, { signal: controller.signal }))
      const [error] = yield* Effect.all([
        aborted,
        Effect.zipRight(network.awaitRequests("token"), Effect.sync(() => controller.abort(reason)))
      ], { concurrency: 2 })
      expect(error).toBe(reason)
      const other = fetch(serverUrl)
      yield* TestClock.adjust("5 seconds")
      expect((yield* call(() => other)).status).toBe(200)
      expect(yield* network.count("token")).toBe(1)
    }).pipe(Effect.provide(authenticated())))

  it.effect("a signal that aborts during a step-up rejects with its reason, and not with the 403", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const fetch = yield* OAuthFetch.make
      yield* call(() => fetch(serverUrl))
      yield* network.script("token", Answer.never)
      const controller = new AbortController()
      const reason = new Error("changed my mind")
      const [error] = yield* Effect.all([
        rejected(() => fetch(serverUrl, { method: "POST", body: adminCall, headers: json, signal: controller.signal })),
        Effect.zipRight(network.awaitRequests("token", 2), Effect.sync(() => controller.abort(reason)))
      ], { concurrency: 2 })
      expect(error).toBe(reason)
    }).pipe(Effect.provide(authenticated({ scopes: ["mcp"], stepUp: "any" }))))

  it.effect("the signal is passed to the given fetch", () =>
    Effect.gen(function*() {
      const provider = yield* OAuthProvider.OAuthProvider
      const { signal } = new AbortController()
      const seen: Array<unknown> = []
      const fetch = OAuthFetch.authenticate((_, init) => {
        seen.push(init?.signal)
        return Promise.resolve(new Response())
      }, provider)
      yield* call(() => fetch(provider.resource, { signal }))
      expect(seen).toEqual([signal])
    }).pipe(Effect.provide(authenticated())))
})

describe("without a token", () => {
  it.effect("a refused token request rejects with the OAuthError, and nothing is sent to the server", () =>
    Effect.gen(function*() {
      const { network, serverUrl } = yield* TestServers.TestServers
      const fetch = yield* OAuthFetch.make
      yield* network.always("token", Answer.json({ error: "invalid_client" }, { status: 401 }))
      const error = yield* rejected(() => fetch(serverUrl))
      expect(error).toBeInstanceOf(OAuthError.TokenEndpointError)
      expect(yield* network.count("resource")).toBe(0)
    }).pipe(Effect.provide(authenticated())))

  it.effect("a defect of the provider rejects with that defect", () =>
    Effect.gen(function*() {
      const provider = yield* OAuthProvider.OAuthProvider
      const fetch = OAuthFetch.authenticate(globalThis.fetch, {
        ...provider,
        unsafeFresh: () => undefined,
        accessToken: Effect.die(new Error("a bug"))
      })
      expect(yield* rejected(() => fetch(provider.resource))).toMatchObject({ message: "a bug" })
    }).pipe(Effect.provide(authenticated())))
})

it.scoped("make uses the global fetch, read at each call, if the context has none", () =>
  Effect.gen(function*() {
    const provider = yield* makeProvider()
    const fetch = yield* OAuthFetch.make.pipe(
      Effect.mapInputContext((_: Context.Context<never>) => Context.make(OAuthProvider.OAuthProvider, provider))
    )
    const original = globalThis.fetch
    const calls: Array<string> = []
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        globalThis.fetch = (input) => {
          calls.push(input instanceof Request ? input.url : input.toString())
          return Promise.resolve(new Response())
        }
      }),
      () => Effect.sync(() => globalThis.fetch = original)
    )
    yield* call(() => fetch(provider.resource))
    expect(calls).toEqual([provider.resource])
  }).pipe(Effect.provide(environment())))
