import { Answer, TestNetwork } from "@effect-mcp-auth/testing"
import { FetchHttpClient, Headers, HttpClient, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { assert, describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Fiber, LogLevel, Option, Redacted } from "effect"
import { createServer } from "node:net"
import { inspect } from "node:util"
import {
  defaultLimits,
  exchange,
  isRedirect,
  isShort,
  isTransientStatus,
  type Limits,
  parseJson,
  retryAfter,
  type Secrecy,
  withoutRedirects
} from "../../src/authoring/HttpExchange.ts"
import { logging } from "../support/logging.ts"
import { after, connectionError, disconnected, inPieces, sent, to } from "../support/wire.ts"
import { listenToAttributes, makeTracer } from "../support/tracing.ts"

const url = "https://auth.example.com/token"

/** One exchange with a host that returns this response. */
const receive = (response: () => Response, limits: Partial<Limits> = {}) =>
  Effect.gen(function*() {
    const network = yield* TestNetwork.TestNetwork
    yield* network.serve(url, () => Effect.sync(response))
    return yield* exchange(network.httpClient, HttpClientRequest.get(url), { ...defaultLimits, ...limits })
  })

describe("the answer of an exchange", () => {
  it.effect("has the status, the headers and the whole body", () =>
    Effect.gen(function*() {
      const answer = yield* receive(() => new Response("{}", { status: 418, headers: { "Retry-After": "3" } }))
      expect(answer.status).toBe(418)
      expect(answer.headers["retry-after"]).toBe("3")
      expect(answer.body).toBe("{}")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each([204, 304, 200])("is empty if there is no body: %i", (status) =>
    Effect.gen(function*() {
      assert.strictEqual((yield* receive(() => new Response(null, { status }))).body, "")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("is decoded as UTF-8, however the bytes are cut", () =>
    Effect.gen(function*() {
      const bytes = new TextEncoder().encode("aü🌍€z")
      const answer = yield* receive(() => inPieces(...Array.from(bytes, (byte) => Uint8Array.of(byte))))
      expect(answer.body).toBe("aü🌍€z")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("that ends within a character has a replacement character, and does not fail", () =>
    Effect.gen(function*() {
      const answer = yield* receive(() => inPieces("a", Uint8Array.of(0xc3)))
      expect(answer.body).toBe("a\ufffd")
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("an answer with content-length", () => {
  const said = (length: string, body: BodyInit | null, headers: Record<string, string> = {}) => () =>
    new Response(body, { headers: { "content-length": length, ...headers } })

  it.effect.each([["5", "aü\u20ac"], ["0", ""]])(
    "is read, in UTF-8: %s bytes",
    ([length = "", text = ""]) =>
      Effect.gen(function*() {
        expect((yield* receive(said(length, text))).body).toBe(text)
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect.each([["10"], ["101"], ["nonsense"], ["-1"], ["10", "gzip"]])(
    "is too large by its real length, whatever its headers say: %s %s",
    ([length = "", encoding]) =>
      Effect.gen(function*() {
        const answer = said(length, "x".repeat(101), encoding === undefined ? {} : { "content-encoding": encoding })
        expect((yield* Effect.flip(receive(answer, { maxBodySize: 100 }))).reason).toBe("TooLarge")
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect("of exactly maxBodySize bytes is read", () =>
    Effect.gen(function*() {
      expect((yield* receive(said("3", "abc"), { maxBodySize: 3 })).body).toBe("abc")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.each<readonly [isRead: boolean, headers: Record<string, string>]>([
    [true, { "content-length": "10" }],
    [true, { "content-length": "0" }],
    [false, { "content-length": "11" }],
    [false, { "content-length": "-1" }],
    [false, { "content-length": "1e0" }],
    [false, { "content-length": "" }],
    [false, { "content-length": "5", "content-encoding": "gzip" }],
    [false, {}]
  ])("is read at once if the length promises at most maxBodySize bytes: %s for %j", (isRead, headers) => {
    const response = HttpClientResponse.fromWeb(HttpClientRequest.get(url), new Response(null, { headers }))
    expect(isShort(response, 10)).toBe(isRead)
  })

  it.effect("that breaks off is a Transport error", () =>
    Effect.gen(function*() {
      const broken = () =>
        new Response(new ReadableStream({ start: (controller) => controller.error(new Error("reset")) }), {
          headers: { "content-length": "10" }
        })
      expect((yield* Effect.flip(receive(broken))).reason).toBe("Transport")
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("the limits of an exchange", () => {
  it("are 10 seconds and 1 MiB by default", () => {
    expect(Duration.toMillis(defaultLimits.timeout)).toBe(10_000)
    expect(defaultLimits.maxBodySize).toBe(1_048_576)
  })

  it.effect("permit a body of exactly maxBodySize bytes", () =>
    Effect.gen(function*() {
      const answer = yield* receive(() => inPieces("ü".repeat(5), "ü".repeat(5)), { maxBodySize: 20 })
      expect(answer.body).toBe("ü".repeat(10))
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("reject one byte more", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(receive(() => inPieces("ü".repeat(10), "x"), { maxBodySize: 20 }))
      expect(error.reason).toBe("TooLarge")
      expect(error.description).toBe("the answer is larger than 20 bytes")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("stop reading a body of 2 MiB", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.always(to(url), Answer.oversized(2 * 1024 * 1024))
      const error = yield* Effect.flip(receive(() => new Response("{}")))
      const [request] = yield* network.requests
      expect(error.reason).toBe("TooLarge")
      expect(request?.bytesRead).toBeGreaterThan(1024 * 1024)
      expect(request?.bytesRead).toBeLessThan(1024 * 1024 + 3 * 16_384)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("end the connection if no answer comes in time", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.always(to(url), Answer.never)
      const error = yield* after(10_000, Effect.flip(receive(() => new Response("{}"))))
      expect(error.reason).toBe("Timeout")
      expect(error.description).toBe("no complete answer within 10s")
      expect((yield* network.requests)[0]?.outcome._tag).toBe("Interrupted")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("apply to the whole body, not only to the headers", () =>
    Effect.gen(function*() {
      const error = yield* after(
        500,
        Effect.flip(receive(() => inPieces("{", undefined), { timeout: Duration.millis(500) }))
      )
      expect(error.reason).toBe("Timeout")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("permit a slow answer that arrives in time", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.setLatency("9999 millis")
      const answer = yield* after(9999, receive(() => new Response("{}")))
      expect(answer.body).toBe("{}")
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("the connection of an exchange", () => {
  it.effect("that breaks before the answer is a Transport error with the transport's own cause", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.always(to(url), Answer.dropped)
      const error = yield* Effect.flip(receive(() => new Response("{}")))
      expect(error.reason).toBe("Transport")
      expect(error.description).toBe("the connection failed")
      expect(error.cause).toBeInstanceOf(Answer.ConnectionDropped)
    }).pipe(Effect.provide(TestNetwork.layer)))

  const failing = (cause: unknown, address = url) =>
    exchange(disconnected(cause), HttpClientRequest.get(address), defaultLimits)

  it.effect.each(
    [
      ["ENOTFOUND", "the host name has no address", undefined],
      ["ECONNREFUSED", "nothing accepts connections at this host and port", undefined],
      ["UND_ERR_CONNECT_TIMEOUT", "the host did not accept the connection in time", undefined],
      ["CERT_HAS_EXPIRED", "the server's certificate has expired", true],
      ["ERR_SSL_WRONG_VERSION_NUMBER", "the server does not speak TLS at this port", true]
    ] as const
  )(
    "that fails with %s names the code and its meaning, with advice",
    ([code, meaning, isLasting]) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(failing(connectionError(code)))
        expect(error.reason).toBe("Transport")
        expect(error.description).toBe(`the connection failed (${code}: ${meaning})`)
        expect(error.advice).toMatch(/^[A-Z].*\.$/)
        expect(error.isLasting).toBe(isLasting)
      })
  )

  it.effect("whose http address answers with something other than HTTP is a lasting failure", () =>
    Effect.gen(function*() {
      const broken = connectionError("HPE_INVALID_CONSTANT", { data: "the raw answer" })
      const error = yield* Effect.flip(failing(broken, "http://127.0.0.1/token"))
      expect(error.isLasting).toBe(true)
      expect(inspect(error.cause)).not.toContain("the raw answer")
      expect(inspect(error.cause)).toContain("HPE_INVALID_CONSTANT")
    }))

  /** A server on a socket that answers with these bytes, whatever it is asked. */
  const raw = (bytes: string) =>
    Effect.acquireRelease(
      Effect.async<string>((resume) => {
        const server = createServer((socket) => socket.on("error", () => {}).once("data", () => socket.end(bytes)))
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          servers.push(server)
          resume(Effect.succeed(`127.0.0.1:${typeof address === "object" ? address?.port : ""}`))
        })
      }),
      () => Effect.sync(() => servers.pop()?.close())
    )
  const servers: Array<ReturnType<typeof createServer>> = []

  it.scopedLive.each(
    [
      ["https", "HTTP/1.1 200 OK\r\n\r\n", "the server does not speak TLS at this port", true],
      ["http", "\x15\x03\x01\x00\x02\x02\x50", "the answer is not HTTP", true],
      ["http", "", "the other side closed the connection", undefined]
    ] as const
  )(
    "over a real socket: %s answered with %j is explained",
    ([scheme, bytes, meaning, isLasting]) =>
      Effect.gen(function*() {
        const host = yield* raw(bytes)
        const client = yield* HttpClient.HttpClient
        const error = yield* Effect.flip(
          exchange(client, HttpClientRequest.get(`${scheme}://${host}/token`), defaultLimits)
        )
        expect(error.reason).toBe("Transport")
        expect(error.description).toContain(meaning)
        expect(error.isLasting).toBe(isLasting)
      }).pipe(Effect.provide(FetchHttpClient.layer))
  )

  it.scopedLive("over a real socket: an answer that breaks the protocol stays out of the error", () =>
    Effect.gen(function*() {
      const host = yield* raw("HTTP/1.1 200 OK\r\nbad header\r\n\r\n{\"access_token\":\"seen-by-nobody\"}")
      const client = yield* HttpClient.HttpClient
      const error = yield* Effect.flip(exchange(client, HttpClientRequest.get(`http://${host}/token`), defaultLimits))
      expect(inspect(error, { depth: 20, showHidden: true })).not.toContain("seen-by-nobody")
      expect(inspect(error.cause)).toContain("HPE_")
    }).pipe(Effect.provide(FetchHttpClient.layer)))

  it.effect("that breaks within the body is a Transport error with the status", () =>
    Effect.gen(function*() {
      const broken = new Error("terminated")
      const error = yield* Effect.flip(receive(() => inPieces("{", broken)))
      expect(error.reason).toBe("Transport")
      expect(error.description).toBe("the connection failed before the answer was complete")
      expect(error.status).toBe(200)
      expect(error.cause).toBe(broken)
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("the address of an exchange", () => {
  it.effect("over plain http to a host of `insecureHosts` has one warning, and any other has none", () =>
    logging(LogLevel.Warning, (lines) =>
      Effect.gen(function*() {
        const network = yield* TestNetwork.TestNetwork
        const insecureHosts = ["keycloak.internal"]
        const get = (address: string, limits: Partial<Limits> = { insecureHosts }) =>
          Effect.gen(function*() {
            yield* network.serve(address, () => Effect.sync(() => new Response("{}")))
            yield* exchange(network.httpClient, HttpClientRequest.get(address), { ...defaultLimits, ...limits })
          })
        yield* get("https://keycloak.internal/token")
        yield* get("http://127.0.0.1/token")
        yield* get("http://keycloak.internal/token", {})
        expect(lines).toEqual([])
        yield* get("http://keycloak.internal/token")
        yield* get("http://keycloak.internal/token")
        expect(lines.map(({ message }) => message)).toEqual([
          expect.stringContaining("Plain http is used for http://keycloak.internal/token")
        ])
      })).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("that is no URL is a Transport error", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      const request = HttpClientRequest.get("https://[")
      const limits = { ...defaultLimits, insecureHosts: ["keycloak.internal"] }
      expect((yield* Effect.flip(exchange(network.httpClient, request, limits))).reason).toBe("Transport")
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("redirects in an exchange", () => {
  it.effect.each([301, 302, 303, 307, 308] as const)(
    "with %i are returned as the answer, and the target receives nothing",
    (status) =>
      Effect.gen(function*() {
        const network = yield* TestNetwork.TestNetwork
        yield* network.serve("https://evil.example", () => Effect.sync(() => new Response("{}")))
        yield* network.always(to(url), Answer.redirect("https://evil.example/token", status))
        const answer = yield* exchange(
          network.httpClient,
          HttpClientRequest.post(url).pipe(HttpClientRequest.bodyUrlParams({ a: "b" })),
          defaultLimits
        )
        expect(answer.status).toBe(status)
        assert.deepStrictEqual(yield* sent, [url])
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it("are the 3xx statuses except 304", () => {
    assert.deepStrictEqual([299, 300, 301, 303, 304, 307, 399, 400].filter(isRedirect), [300, 301, 303, 307, 399])
  })
})

describe("the spans of an exchange", () => {
  // The leak recorder fails the test if a span shows the credential.
  it.effect("do not show the credential, whatever list of hidden headers the user has set", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.serve(url, () => Effect.sync(() => new Response("{}")))
      const credential = Redacted.make("Basic some-canary-credential")
      const request = HttpClientRequest.post(url).pipe(
        HttpClientRequest.setHeader("authorization", Redacted.value(credential))
      )
      yield* exchange(network.httpClient, request, defaultLimits)
      const [arrived] = yield* network.requests
      expect(arrived?.headers["authorization"]).toBe(Redacted.value(credential))
    }).pipe(Effect.locally(Headers.currentRedactedNames, []), Effect.provide(TestNetwork.layer)))
})

describe("the headers of an answer", () => {
  it.effect("stand in no span, since a server can write a secret into each of them", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      const secret = Redacted.make("s3cret-that-a-server-repeats")
      const echoed = Redacted.value(secret)
      yield* network.serve(url, () =>
        Effect.sync(() =>
          new Response("{}", {
            headers: {
              "content-type": `text/${echoed}`,
              location: `https://user:${echoed}@example.com/?${echoed}`,
              server: echoed,
              "x-request-id": echoed
            }
          })
        ))
      const names = new Array<string>()
      const recording = yield* makeTracer((span) => listenToAttributes(span, (name) => names.push(name)))
      const { headers } = yield* Effect.withTracer(
        exchange(network.httpClient, HttpClientRequest.get(url), defaultLimits),
        recording
      )
      expect(headers["x-request-id"]).toBe(echoed)
      expect(names).toContain("http.response.status_code")
      expect(names.filter((name) => name.startsWith("http.response.header."))).toEqual([])
      // The leak recorder fails the test if a span shows the secret.
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("secrets in a request", () => {
  const spanNames: Array<string> = []
  const attributes: Array<unknown> = []
  const send = (secrecy: Secrecy, headers: Record<string, string>) =>
    Effect.gen(function*() {
      spanNames.length = 0
      attributes.length = 0
      const network = yield* TestNetwork.TestNetwork
      yield* network.serve(url, () => Effect.sync(() => new Response("{}")))
      const tracer = yield* makeTracer((span) => {
        spanNames.push(span.name)
        listenToAttributes(span, (_, value) => attributes.push(value))
      })
      return yield* exchange(network.httpClient, HttpClientRequest.get(url, { headers }), defaultLimits, secrecy).pipe(
        Effect.withTracer(tracer)
      )
    }).pipe(Effect.provide(TestNetwork.layer))

  it.effect("a header in `secretHeaders` has no value in a span", () =>
    Effect.gen(function*() {
      yield* send({ secretHeaders: ["x-secret"] }, { "x-secret": "hidden-value", "x-open": "open-value" })
      expect(spanNames).not.toEqual([])
      expect(attributes).toContain("open-value")
      expect(attributes).not.toContain("hidden-value")
    }))

  it.effect("a request with `isHidden` has no span", () =>
    Effect.gen(function*() {
      yield* send({ isHidden: true }, {})
      expect(spanNames).toEqual([])
    }))

  it.effect("a header that cannot be sent is named without its value, and nothing is sent", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      const request = HttpClientRequest.get(url, { headers: { "x-secret": "hidden\nvalue" } })
      const error = yield* Effect.flip(exchange(network.httpClient, request, defaultLimits))
      expect(error.reason).toBe("Unsendable")
      expect(error.description).toBe("the header `x-secret` has a character that cannot be sent, such as a line break")
      assert.deepStrictEqual(yield* network.requests, [])
    }).pipe(Effect.provide(TestNetwork.layer)))
})

it("a status is transient if the same request may succeed later (RFC 9110 §15)", () => {
  const transient = [200, 400, 401, 403, 404, 408, 409, 425, 429, 499, 500, 503, 599].filter(isTransientStatus)
  assert.deepStrictEqual(transient, [408, 429, 500, 503, 599])
})

it("parseJson returns undefined for a text that is not JSON", () => {
  assert.deepStrictEqual(["{\"a\":1}", "null", "", "<html>", "{", "\ufeff{}"].map(parseJson), [
    { a: 1 },
    null,
    undefined,
    undefined,
    undefined,
    undefined
  ])
})

describe("withoutRedirects", () => {
  const init = Effect.serviceOption(FetchHttpClient.RequestInit)

  it.effect("adds to the user's settings, and is undone afterwards, however the effect ends", () =>
    Effect.gen(function*() {
      let seen: unknown
      expect(yield* withoutRedirects(init)).toEqual(Option.some({ redirect: "manual", cache: "no-store" }))
      yield* Effect.exit(withoutRedirects(Effect.fail("no")))
      const fiber = yield* Effect.fork(
        Effect.uninterruptibleMask((restore) =>
          Effect.zipRight(
            Effect.exit(restore(withoutRedirects(Effect.never))),
            Effect.map(init, (after) => seen = after)
          )
        )
      )
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
      expect(seen).toEqual(Option.some({ cache: "no-store" }))
      expect(yield* init).toEqual(Option.some({ cache: "no-store" }))
    }).pipe(Effect.provideService(FetchHttpClient.RequestInit, { cache: "no-store" })))
})

describe("Retry-After (RFC 9110 §10.2.3)", () => {
  const receivedAt = Date.UTC(2026, 6, 28, 12, 0, 0)

  it.each(
    [
      [undefined, undefined],
      ["", undefined],
      ["0", 0],
      ["120", 120_000],
      [" 7\t", 7000],
      ["007", 7000],
      ["1.5", 1500],
      ["0.0001", 1],
      ["Tue, 28 Jul 2026 12:01:30 GMT", 90_000],
      ["Tuesday, 28-Jul-26 12:01:30 GMT", 90_000],
      ["Tue Jul 28 12:01:30 2026", 90_000],
      ["Tue, 28 Jul 2026 11:00:00 GMT", 0],
      ["2026-07-28T12:00:05Z", 5000],
      ["Fri, 31 Dec 9999 23:59:59 GMT", 86_400_000],
      ["86401", 86_400_000],
      ["9".repeat(400), 86_400_000],
      ["-5", undefined],
      ["1,5", undefined],
      ["1e3", undefined],
      ["soon", undefined],
      ["NaN", undefined],
      ["Infinity", undefined]
    ] as const
  )("with the value %j is a wait of %s ms", (header, millis) => {
    const headers = Headers.fromInput(header === undefined ? {} : { "Retry-After": header })
    expect(retryAfter(headers, receivedAt)).toBe(millis)
  })
})
