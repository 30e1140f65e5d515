import { Answer, TestNetwork } from "@effect-mcp-auth/testing"
import type { HttpClientError } from "@effect/platform"
import { FetchHttpClient, HttpBody, HttpClient, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Layer, Stream, TestClock } from "effect"

const origin = "https://a.example"

/** A host that says back what it was asked. */
const withHost = <A, E>(
  test: (
    network: TestNetwork.TestNetwork.Service
  ) => Effect.Effect<A, E, HttpClient.HttpClient | FetchHttpClient.Fetch>
) =>
  Effect.gen(function*() {
    const network = yield* TestNetwork.TestNetwork
    yield* network.serve(origin, ({ body, headers, method, url }) =>
      Effect.sync(() =>
        Response.json({ method, url, authorization: headers["authorization"] ?? null, body })
      ), "token")
    return yield* test(network)
  }).pipe(Effect.provide(TestNetwork.layer))

const status = (
  effect: Effect.Effect<{ readonly status: number }, HttpClientError.HttpClientError, HttpClient.HttpClient>
) => Effect.map(effect, (response) => response.status)

const only = (path: string, body: string) => (request: TestNetwork.NetworkRequest) =>
  new URL(request.url).pathname === path
    ? { endpoint: "resource" as const, respond: Effect.sync(() => new Response(body)) }
    : undefined

/** The body and the content type that arrive. */
const sent = (body: HttpBody.HttpBody) =>
  withHost((network) =>
    Effect.gen(function*() {
      yield* HttpClient.execute(HttpClientRequest.setBody(HttpClientRequest.post(origin), body))
      const [request] = yield* network.requests
      return [request?.body, request?.headers["content-type"]] as const
    })
  )

/** What the second host is asked after a redirect to it. */
const redirectedTo = (location: string, code: 301 | 302 | 303 | 307 | 308) =>
  withHost((network) =>
    Effect.gen(function*() {
      yield* network.serve("https://b.example", ({ body, headers, method, url }) =>
        Effect.sync(() =>
          Response.json({ method, url, authorization: headers["authorization"] ?? null, body })
        ))
      yield* network.script("token", Answer.redirect(location, code))
      const response = yield* HttpClientRequest.post(`${origin}/from`).pipe(
        HttpClientRequest.bearerToken("secret"),
        HttpClientRequest.bodyText("payload"),
        HttpClient.execute
      )
      return yield* response.json
    })
  )

const withFetch = <A>(
  test: (fetch: typeof globalThis.fetch, network: TestNetwork.TestNetwork.Service) => Promise<A>
) => withHost((network) => Effect.flatMap(FetchHttpClient.Fetch, (fetch) => Effect.promise(() => test(fetch, network))))

describe("TestNetwork hosts", () => {
  it.effect("a host that is not on the network cannot be reached", () =>
    withHost((network) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(HttpClient.get("https://nowhere.example/x"))
        assert.strictEqual(error.reason, "Transport")
        assert.instanceOf(error.cause, Answer.ConnectionDropped)
        assert.include(String(error.cause), "ENOTFOUND nowhere.example")
        const [request] = yield* network.requests
        assert.strictEqual(request?.endpoint, "other")
        assert.deepStrictEqual(request?.outcome, { _tag: "Dropped", at: 0 })
      })
    ))

  it.effect("a host is not reached at another port", () =>
    withHost(() =>
      Effect.gen(function*() {
        assert.strictEqual(yield* status(HttpClient.get(`${origin}:443/`)), 200)
        assert.strictEqual((yield* Effect.flip(HttpClient.get(`${origin}:8443/`))).reason, "Transport")
      })
    ))

  it.effect("several hosts share an origin: the first with a route serves, and without one the answer is 404", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.register(`${origin}/ignored`, only("/x", "first"))
      yield* network.register(origin, only("/x", "second"))
      yield* network.register(origin, only("/y", "third"))
      const read = (path: string) => Effect.flatMap(HttpClient.get(`${origin}${path}`), (response) => response.text)
      assert.strictEqual(yield* read("/x"), "first")
      assert.strictEqual(yield* read("/y"), "third")
      assert.strictEqual(yield* status(HttpClient.get(`${origin}/z`)), 404)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("a request to a well-known address that no host serves is recorded as one for metadata", () =>
    withHost((network) =>
      Effect.gen(function*() {
        for (
          const path of ["oauth-protected-resource/mcp", "oauth-authorization-server", "openid-configuration", "other"]
        ) {
          yield* Effect.exit(HttpClient.get(`https://nowhere.example/.well-known/${path}`))
        }
        assert.deepStrictEqual((yield* network.requests).map((request) => request.endpoint), [
          "protected-resource-metadata",
          "authorization-server-metadata",
          "authorization-server-metadata",
          "other"
        ])
      })
    ))
})

describe("TestNetwork record", () => {
  it.effect("a request is recorded as it was sent, with its time and outcome", () =>
    withHost((network) =>
      Effect.gen(function*() {
        yield* TestClock.adjust("5 seconds")
        yield* network.setLatency("40 millis")
        const fiber = yield* HttpClientRequest.post(`${origin}/p?a=1#fragment`).pipe(
          HttpClientRequest.appendUrlParam("b", "2 3"),
          HttpClientRequest.setHeader("X-Upper", "v"),
          HttpClientRequest.bodyText("body", "text/plain"),
          HttpClient.execute,
          Effect.fork
        )
        yield* network.awaitRequests("token")
        const pending = yield* network.requests
        assert.deepStrictEqual(pending.map((request) => request.outcome), [{ _tag: "Pending" }])
        yield* TestClock.adjust("40 millis")
        yield* Fiber.join(fiber)
        const [request] = yield* network.requests
        assert.strictEqual(request?.at, 5000)
        assert.strictEqual(request?.method, "POST")
        assert.strictEqual(request?.url, `${origin}/p?a=1&b=2+3`)
        assert.strictEqual(request?.headers["x-upper"], "v")
        assert.strictEqual(request?.headers["content-type"], "text/plain")
        assert.strictEqual(request?.body, "body")
        assert.strictEqual(request?.endpoint, "token")
        assert.deepStrictEqual(request?.outcome, { _tag: "Answered", at: 5040, status: 200 })
        assert.deepStrictEqual(pending.map((request) => request.outcome), [{ _tag: "Pending" }])
      })
    ))

  it.effect("an interrupted request is recorded as Interrupted", () =>
    withHost((network) =>
      Effect.gen(function*() {
        yield* network.always("token", Answer.never)
        const fiber = yield* Effect.fork(Effect.timeout(HttpClient.get(origin), "10 seconds"))
        yield* TestClock.adjust("10 seconds")
        assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
        const [request] = yield* network.requests
        assert.deepStrictEqual(request?.outcome, { _tag: "Interrupted", at: 10_000 })
      })
    ))

  it.effect("requests can be selected, counted and cleared", () =>
    withHost((network) =>
      Effect.gen(function*() {
        yield* HttpClient.get(`${origin}/1`)
        yield* HttpClient.get(`${origin}/2`)
        assert.strictEqual(yield* network.count("token"), 2)
        assert.strictEqual(yield* network.count("resource"), 0)
        const second = yield* network.requestsTo((request) => request.url.endsWith("/2"))
        assert.deepStrictEqual(second.map((request) => request.url), [`${origin}/2`])
        yield* network.clear
        assert.deepStrictEqual(yield* network.requests, [])
        assert.strictEqual(yield* status(HttpClient.get(`${origin}/3`)), 200)
      })
    ))

  it.effect("inFlight and maxInFlight count the requests that were in flight at once", () =>
    withHost((network) =>
      Effect.gen(function*() {
        assert.strictEqual(yield* network.maxInFlight("token"), 0)
        yield* HttpClient.get(`${origin}/1`)
        yield* HttpClient.get(`${origin}/2`)
        assert.strictEqual(yield* network.maxInFlight("token"), 1)
        yield* network.setLatency("1 second")
        const fiber = yield* Effect.fork(Effect.all([
          HttpClient.get(`${origin}/3`),
          HttpClient.get(`${origin}/4`),
          Effect.delay(HttpClient.get(`${origin}/5`), "1500 millis")
        ], { concurrency: "unbounded" }))
        yield* TestClock.adjust("5 seconds")
        yield* Fiber.join(fiber)
        assert.strictEqual(yield* network.maxInFlight("token"), 2)
        assert.deepStrictEqual((yield* network.requests).map((request) => request.inFlight), [1, 1, 1, 2, 1])
        assert.strictEqual(yield* network.maxInFlight((request) => request.url.endsWith("/4")), 1)
      })
    ))

  it.effect("awaitRequests ends when as many requests have been sent", () =>
    withHost((network) =>
      Effect.gen(function*() {
        const both = yield* Effect.fork(network.awaitRequests("token", 2))
        const third = yield* Effect.fork(network.awaitRequests("token", 3))
        yield* HttpClient.get(origin)
        assert.isNull(both.unsafePoll())
        yield* HttpClient.get(origin)
        yield* Fiber.join(both)
        yield* network.awaitRequests("token", 2)
        assert.isNull(third.unsafePoll())
        yield* Fiber.interrupt(third)
      })
    ))
})

describe("TestNetwork scripts", () => {
  it.effect("scripted answers come in turn, and after them the host answers again", () =>
    withHost((network) =>
      Effect.gen(function*() {
        yield* network.script("token", Answer.status(503), Answer.dropped, Answer.proceed, Answer.status(429))
        assert.strictEqual(yield* status(HttpClient.get(origin)), 503)
        assert.strictEqual((yield* Effect.flip(HttpClient.get(origin))).reason, "Transport")
        assert.strictEqual(yield* status(HttpClient.get(origin)), 200)
        assert.strictEqual(yield* status(HttpClient.get(origin)), 429)
        assert.strictEqual(yield* status(HttpClient.get(origin)), 200)
      })
    ))

  it.effect("a standing answer stays until restore; a script goes first and a later rule wins", () =>
    withHost((network) =>
      Effect.gen(function*() {
        yield* network.always("token", Answer.status(500))
        yield* network.always((request) => request.url.endsWith("/special"), Answer.status(418))
        yield* network.script("token", Answer.status(502))
        yield* network.script("token", Answer.status(504))
        const statuses = yield* Effect.all([
          status(HttpClient.get(origin)),
          status(HttpClient.get(origin)),
          status(HttpClient.get(origin)),
          status(HttpClient.get(`${origin}/special`))
        ])
        assert.deepStrictEqual(statuses, [502, 504, 500, 418])
        yield* network.script("token", Answer.status(502))
        yield* network.restore
        assert.strictEqual(yield* status(HttpClient.get(`${origin}/special`)), 200)
      })
    ))

  it.effect("a script can answer for a host that does not exist", () =>
    withHost((network) =>
      Effect.gen(function*() {
        yield* network.script((request) => request.url.startsWith("https://proxy.example"), Answer.html())
        assert.strictEqual(yield* status(HttpClient.get("https://proxy.example/")), 200)
      })
    ))

  it.effect("Answer.after holds an answer back until its Deferred is done", () =>
    withHost((network) =>
      Effect.gen(function*() {
        const gate = yield* Deferred.make<void>()
        yield* network.script("token", Answer.after(Deferred.await(gate), Answer.proceed))
        const slow = yield* Effect.fork(HttpClient.get(`${origin}/slow`))
        yield* network.awaitRequests("token")
        assert.strictEqual(yield* status(HttpClient.get(`${origin}/fast`)), 200)
        assert.isNull(slow.unsafePoll())
        yield* Deferred.succeed(gate, undefined)
        assert.strictEqual(yield* status(Fiber.join(slow)), 200)
      })
    ))

  it.effect("the latency of the layer adds to a scripted delay", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.serve(origin, () => Effect.sync(() => new Response("ok")))
      yield* network.script("other", Answer.delayed("1 second", Answer.proceed))
      const fiber = yield* Effect.fork(Effect.timed(HttpClient.get(origin)))
      yield* TestClock.adjust("1 minute")
      const [took] = yield* Fiber.join(fiber)
      assert.strictEqual(Duration.toMillis(took), 1200)
    }).pipe(Effect.provide(TestNetwork.layerWith({ latency: "200 millis" }))))
})

describe("TestNetwork bodies", () => {
  it.effect("every kind of body is recorded as text", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* sent(HttpBody.empty), ["", undefined])
      assert.deepStrictEqual(yield* sent(HttpBody.unsafeJson({ a: 1 })), ["{\"a\":1}", "application/json"])
      assert.deepStrictEqual(yield* sent(HttpBody.raw("raw")), ["raw", undefined])
      assert.deepStrictEqual(yield* sent(HttpBody.raw(new URLSearchParams({ a: "1" }))), [
        "a=1",
        "application/x-www-form-urlencoded;charset=UTF-8"
      ])
      assert.deepStrictEqual(yield* sent(HttpBody.raw(new DataView(new TextEncoder().encode("view").buffer))), [
        "view",
        undefined
      ])
      const form = new FormData()
      form.set("name", "value")
      const [body, contentType] = yield* sent(HttpBody.formData(form))
      assert.include(body, "name=\"name\"")
      assert.match(contentType ?? "", /^multipart\/form-data; boundary=/)
      const chunks = ["é", "!"].map((text) => new TextEncoder().encode(text))
      assert.deepStrictEqual(yield* sent(HttpBody.stream(Stream.fromIterable(chunks), "text/plain")), [
        "é!",
        "text/plain"
      ])
    }))

  it.effect("a request that fetch could not send fails with a Transport error", () =>
    withHost(() =>
      Effect.gen(function*() {
        const injected = HttpClientRequest.bearerToken(HttpClientRequest.get(origin), "a\r\nx: y")
        assert.strictEqual((yield* Effect.flip(HttpClient.execute(injected))).reason, "Transport")
        const odd = HttpClientRequest.setBody(HttpClientRequest.post(origin), HttpBody.raw(42))
        assert.strictEqual((yield* Effect.flip(HttpClient.execute(odd))).reason, "Transport")
        const broken = HttpClientRequest.bodyStream(HttpClientRequest.post(origin), Stream.fail("broken"))
        assert.strictEqual((yield* Effect.flip(HttpClient.execute(broken))).reason, "Transport")
      })
    ))

  it.effect("bytesRead shows that a client stopped reading early", () =>
    withHost((network) =>
      Effect.gen(function*() {
        yield* network.always("token", Answer.oversized(10_000_000))
        const response = yield* HttpClient.get(origin)
        let total = 0
        yield* response.stream.pipe(
          Stream.takeUntil((chunk) => (total += chunk.byteLength) > 100_000),
          Stream.runDrain
        )
        assert.isAbove(total, 100_000)
        const [request] = yield* network.requests
        assert.isAbove(request?.bytesRead ?? 0, 100_000)
        assert.isBelow(request?.bytesRead ?? 0, 200_000)
      })
    ))

  it.effect("a body is not produced before the client reads it", () =>
    withHost((network) =>
      Effect.gen(function*() {
        yield* network.always("token", Answer.oversized(1_000_000))
        const response = yield* HttpClient.get(origin)
        assert.strictEqual((yield* network.requests)[0]?.bytesRead, 0)
        assert.strictEqual((yield* response.text).length, 1_000_000)
        assert.strictEqual((yield* network.requests)[0]?.bytesRead, 1_000_000)
      })
    ))

  it.effect("a body that breaks while it is read fails the reader, and no unhandled rejection follows", () =>
    withHost((network) =>
      Effect.gen(function*() {
        yield* network.serve("https://broken.example", () =>
          Effect.sync(() => new Response(new ReadableStream({ pull: (controller) => controller.error("broken") }))))
        const response = yield* HttpClient.get("https://broken.example")
        const error = yield* Effect.flip(Stream.runDrain(response.stream))
        assert.strictEqual(error.reason, "Decode")
      })
    ))

  it.effect("aborting a request breaks the body that is being read", () =>
    withHost((network) =>
      Effect.gen(function*() {
        let cancelled = false
        yield* network.serve("https://stream.example", () =>
          Effect.sync(() =>
            new Response(
              new ReadableStream({
                start: (controller) => controller.enqueue(new Uint8Array(8)),
                cancel: () => {
                  cancelled = true
                }
              })
            )
          ))
        const fiber = yield* HttpClient.get("https://stream.example").pipe(
          Effect.flatMap((response) => response.text),
          Effect.fork
        )
        yield* network.awaitRequests("other")
        yield* TestClock.adjust("1 second")
        yield* Fiber.interrupt(fiber)
        assert.isTrue(cancelled)
      })
    ))
})

describe("TestNetwork redirects", () => {
  it.effect("are followed as fetch follows them: 307 and 308 send the body again, to another origin too", () =>
    Effect.gen(function*() {
      for (const code of [307, 308] as const) {
        assert.deepStrictEqual(yield* redirectedTo("https://b.example/to", code), {
          method: "POST",
          url: "https://b.example/to",
          authorization: null,
          body: "payload"
        })
      }
    }))

  it.effect("are followed as fetch follows them: after 301, 302 and 303 a POST is a GET", () =>
    Effect.gen(function*() {
      for (const code of [301, 302, 303] as const) {
        assert.deepStrictEqual(yield* redirectedTo("/to", code), {
          method: "GET",
          url: `${origin}/to`,
          authorization: "Bearer secret",
          body: ""
        })
      }
    }))

  it.effect("a GET stays a GET", () =>
    withHost((network) =>
      Effect.gen(function*() {
        yield* network.script("token", Answer.redirect("/to", 303))
        const response = yield* HttpClient.get(origin)
        assert.include(yield* response.text, "/to")
      })
    ))

  it.effect("a PUT stays a PUT after 302, and is a GET after 303", () =>
    withHost((network) =>
      Effect.gen(function*() {
        yield* network.script("token", Answer.redirect("/to", 302), Answer.proceed, Answer.redirect("/to", 303))
        yield* HttpClient.put(origin)
        yield* HttpClient.put(origin)
        assert.deepStrictEqual((yield* network.requests).map((request) => request.method), ["PUT", "PUT", "PUT", "GET"])
      })
    ))

  it.effect("are not followed where RequestInit says so", () =>
    withHost((network) =>
      Effect.gen(function*() {
        yield* network.always("token", Answer.redirect("/to", 307))
        const manual = yield* HttpClient.get(origin).pipe(
          Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual", headers: { "x-init": "1" } })
        )
        assert.strictEqual(manual.status, 307)
        assert.strictEqual((yield* network.requests)[0]?.headers["x-init"], "1")
        const error = yield* HttpClient.get(origin).pipe(
          Effect.provideService(FetchHttpClient.RequestInit, { redirect: "error" }),
          Effect.flip
        )
        assert.include(String(error.cause), "unexpected redirect")
        assert.strictEqual(yield* network.count("token"), 2)
      })
    ))

  it.effect("a loop of redirects fails after twenty", () =>
    withHost((network) =>
      Effect.gen(function*() {
        yield* network.always("token", Answer.redirect("/again"))
        const error = yield* Effect.flip(HttpClient.get(origin))
        assert.strictEqual(error.reason, "Transport")
        assert.strictEqual(yield* network.count("token"), 21)
      })
    ))

  it.effect("a location that is not a URL fails with a Transport error", () =>
    withHost((network) =>
      Effect.gen(function*() {
        yield* network.always("token", Answer.redirect("https://"))
        assert.strictEqual((yield* Effect.flip(HttpClient.get(origin))).reason, "Transport")
      })
    ))
})

describe("TestNetwork fetch", () => {
  it.effect("reaches the same hosts and is recorded in the same way", () =>
    withHost((network) =>
      Effect.gen(function*() {
        const response = yield* Effect.promise(() =>
          network.fetch(`${origin}/p#f`, { method: "POST", body: new URLSearchParams({ a: "1" }) })
        )
        assert.strictEqual(response.url, `${origin}/p`)
        assert.isFalse(response.redirected)
        assert.include(yield* Effect.promise(() => response.text()), "a=1")
        const [request] = yield* network.requests
        assert.strictEqual(request?.method, "POST")
        assert.strictEqual(request?.body, "a=1")
        assert.strictEqual(request?.headers["content-type"], "application/x-www-form-urlencoded;charset=UTF-8")
      })
    ))

  it.effect("is provided as Fetch, so that FetchHttpClient reaches the hosts too", () =>
    withHost((network) =>
      Effect.gen(function*() {
        assert.strictEqual(yield* FetchHttpClient.Fetch, network.fetch)
        const response = yield* HttpClient.get(origin).pipe(Effect.provide(FetchHttpClient.layer))
        assert.strictEqual(response.status, 200)
        assert.strictEqual(yield* network.count("token"), 1)
      })
    ))

  it.effect("follows redirects, and accepts a Request", () =>
    withHost((network) =>
      Effect.gen(function*() {
        yield* network.script("token", Answer.redirect("/to"))
        const response = yield* Effect.promise(() => network.fetch(new Request(origin)))
        assert.strictEqual(response.url, `${origin}/to`)
        assert.isTrue(response.redirected)
      })
    ))

  it.effect("rejects with a TypeError when the connection breaks", () =>
    withFetch(async (fetch) => {
      const error: unknown = await fetch("https://nowhere.example").catch((error: unknown) => error)
      assert.instanceOf(error, TypeError)
      assert.instanceOf(error.cause, Answer.ConnectionDropped)
    }))

  it.effect("rejects with the reason of the abort, before and while it is sent", () =>
    withHost((network) =>
      Effect.gen(function*() {
        yield* network.always("token", Answer.never)
        const before = yield* Effect.promise(() =>
          network.fetch(origin, { signal: AbortSignal.abort("early") }).catch((reason: unknown) => reason)
        )
        assert.strictEqual(before, "early")
        assert.strictEqual(yield* network.count("token"), 0)
        const controller = new AbortController()
        const during = yield* Effect.fork(
          Effect.promise(() => network.fetch(origin, { signal: controller.signal }).catch((reason: unknown) => reason))
        )
        yield* network.awaitRequests("token")
        controller.abort("late")
        assert.strictEqual(yield* Fiber.join(during), "late")
        assert.deepStrictEqual((yield* network.requests)[0]?.outcome, { _tag: "Interrupted", at: 0 })
      })
    ))

  it.effect("is delayed by the TestClock", () =>
    withHost((network) =>
      Effect.gen(function*() {
        yield* network.setLatency("3 seconds")
        const fiber = yield* Effect.fork(Effect.promise(() => network.fetch(origin)))
        yield* network.awaitRequests("token")
        yield* TestClock.adjust("2 seconds")
        assert.isNull(fiber.unsafePoll())
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
      })
    ))
})

it.effect("TestNetwork.make gives a network without a layer", () =>
  Effect.gen(function*() {
    const network = yield* TestNetwork.make({ latency: "1 second" })
    yield* network.serve(origin, () => Effect.sync(() => new Response("ok")))
    const fiber = yield* HttpClient.get(origin).pipe(
      Effect.provide(Layer.succeed(HttpClient.HttpClient, network.httpClient)),
      Effect.fork
    )
    yield* TestClock.adjust("1 second")
    assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
  }))
