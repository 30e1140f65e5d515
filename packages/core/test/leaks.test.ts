import { Answer, TestNetwork, TestServers } from "@effect-mcp-auth/testing"
import type { HttpClientResponse } from "@effect/platform"
import { HttpClient, HttpClientError, HttpClientRequest } from "@effect/platform"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Encoding, Layer, Redacted, Stream } from "effect"
import { OAuthError, OAuthHttpClient } from "../src/index.ts"
import { addError, addGraph, find, spellings } from "./support/leaks.ts"
import { environment, layerProvider, makeProvider } from "./support/provider.ts"
import { inPieces } from "./support/wire.ts"

const secret = "c:ä n/r+y%-s3cret"

const refused = (description: string, cause?: unknown) =>
  new OAuthError.TokenEndpointError({ reason: "Refused", url: "https://auth.example.com/token", description, cause })

const searchError = (error: unknown) => find((texts) => addError(texts, error), [secret])

describe("the search for secrets", () => {
  it("finds nothing where there is nothing", () => {
    assert.deepStrictEqual(searchError(refused("refused", new Error("refused"))), [])
    const held = refused("refused", { held: Redacted.make("another-s3cret") })
    assert.deepStrictEqual(find((texts) => addError(texts, held), ["another-s3cret"]), [])
  })

  it("finds a secret in every spelling, and does not repeat it", () => {
    const basic = Encoding.encodeBase64(secret)
    const escaped = JSON.stringify(secret).slice(1, -1)
    for (const spelling of [secret, "c%3A%C3%A4+n%2Fr%2By%25-s3cret", encodeURIComponent(secret), basic, escaped]) {
      expect([...spellings(secret)]).toContain(spelling)
      const [leak] = searchError(refused(`it said ${spelling}.`))
      expect(leak).toContain("it said <the secret>")
      expect(leak).not.toContain(spelling)
    }
  })

  it("finds a marked secret that nobody named, in clear and in base64", () => {
    const marked = ["a", "canary"].join("-")
    for (const prefix of ["", "a", "ab"]) {
      expect(find((texts) => texts.add("text", Encoding.encodeBase64(`${prefix}${marked}`)), [])).toHaveLength(1)
    }
    expect(find((texts) => texts.add("text", marked.toUpperCase()), [])).toHaveLength(1)
  })

  it("passes over frames of a stack trace, which hold paths, and no other line", () => {
    assert.deepStrictEqual(
      find((texts) => texts.add("stack", `Error: no\n    at f (/src/${secret}.ts:1:1)`), [secret]),
      []
    )
    expect(find((texts) => texts.add("stack", `Error: ${secret}\n    at f (/src/a.ts:1:1)`), [secret])).toHaveLength(1)
  })

  it.each([
    ["the message", new Error(secret)],
    ["a failure that is no error", secret],
    ["the cause", new Error("no", { cause: new Error(secret) })],
    ["the cause of a cause", refused("no", new Error("no", { cause: new Error(secret) }))],
    ["a field", Object.assign(new Error("no"), { field: { deep: [secret] } })],
    ["a hidden field", Object.defineProperty(new Error("no"), "field", { value: secret, enumerable: false })],
    ["what its JSON says", Object.assign(new Error("no"), { toJSON: () => ({ said: secret }) })],
    ["what its text says", Object.assign(new Error("no"), { toString: () => secret })],
    ["a request in the cause of an error of ours", refused("no", requestErrorWith(secret))],
    ["bytes in the cause of an error of ours", refused("no", { body: new TextEncoder().encode(secret) })],
    [
      "headers in the cause of an error of ours",
      refused("no", { headers: new Headers({ a: encodeURIComponent(secret) }) })
    ],
    ["a map in the cause of an error of ours", refused("no", new Map([["a", secret]]))],
    [
      "a URL in the cause of an error of ours",
      refused("no", { url: new URL(`https://a.example/?q=${encodeURIComponent(secret)}`) })
    ],
    [
      "a hidden field in the cause of an error of ours",
      refused("no", Object.defineProperty({}, "a", { value: secret }))
    ],
    ["the request of an error that a caller gets", requestErrorWith(secret, refused("no"))],
    ["the cause of the platform's error", requestErrorWith("none", new Error(secret))],
    ["the description of the platform's error", requestErrorWith("none", undefined, secret)]
  ])("looks at %s", (_, error) => {
    expect(searchError(error)).not.toEqual([])
  })

  it("a graph with a cycle is walked once", () => {
    const cycle: { self?: unknown; text: string } = { text: secret }
    cycle.self = cycle
    expect(find((texts) => addGraph(texts, cycle, "cycle"), [secret])).toHaveLength(1)
  })
})

function requestErrorWith(credential: string, cause?: unknown, description?: string) {
  return new HttpClientError.RequestError({
    request: HttpClientRequest.post("https://auth.example.com/token").pipe(
      HttpClientRequest.setHeader("authorization", encodeURIComponent(credential)),
      HttpClientRequest.bodyUrlParams({ client_secret: credential })
    ),
    reason: "Transport",
    cause,
    ...(description === undefined ? {} : { description })
  })
}

/** Each of these leaks on purpose and has to be failed by the recorder. */
describe("a test in which a secret leaks is failed, where it leaks", () => {
  const leaked = Redacted.make("leaked-on-purpose")

  it.fails("in an error that nobody sees", () => {
    expect(new Error(Redacted.value(leaked))).toBeInstanceOf(Error)
  })
  it.fails("in a type error", () => {
    expect(new TypeError(`Invalid header value: ${Redacted.value(leaked)}`)).toBeInstanceOf(TypeError)
  })
  it.fails("in a tagged error", () => {
    expect(refused(`the secret ${Redacted.value(leaked)} is wrong`)).toBeInstanceOf(Error)
  })
  it.fails("in the request that an error of ours holds", () => {
    expect(refused("refused", requestErrorWith(Redacted.value(leaked)))).toBeInstanceOf(Error)
  })
  it.effect.fails("in a log line", () => Effect.logTrace(Redacted.value(leaked)))
  it.effect.fails("in a log annotation", () =>
    Effect.log("hello").pipe(Effect.annotateLogs("authorization", Redacted.value(leaked))))
  it.effect.fails("in a span's name", () => Effect.void.pipe(Effect.withSpan(Redacted.value(leaked))))
  it.effect.fails("in a span's attribute", () =>
    Effect.void.pipe(Effect.withSpan("span", { attributes: { header: Redacted.value(leaked) } })))
  it.effect.fails("in a span's event", () =>
    Effect.currentSpan.pipe(
      Effect.tap((span) => Effect.sync(() => span.event("sent", 0n, { body: Redacted.value(leaked) }))),
      Effect.withSpan("span")
    ))
  it.effect.fails("in a span's failure", () =>
    Effect.fail(Redacted.value(leaked)).pipe(Effect.withSpan("span"), Effect.ignore))
  it.effect.fails("in a span's defect", () =>
    Effect.die({ held: Redacted.value(leaked) }).pipe(Effect.withSpan("span"), Effect.exit))
  // oxlint-disable-next-line no-console
  it.fails("on the console", () => expect(console.debug(Redacted.value(leaked))).toBeUndefined())
  it.effect.fails("when it is a token that was issued", () =>
    Effect.gen(function*() {
      const provider = yield* makeProvider()
      const token = yield* provider.accessToken
      yield* Effect.log(`Bearer ${Redacted.value(token.value)}`)
    }).pipe(Effect.scoped, Effect.provide(environment())))
  it.effect.fails("when the header of a request is shown in a span", () =>
    Effect.gen(function*() {
      const client = yield* HttpClient.HttpClient
      yield* client.execute(
        HttpClientRequest.get("https://mcp.example.com/mcp").pipe(
          HttpClientRequest.setHeader("x-token", Redacted.value(leaked))
        )
      )
    }).pipe(Effect.provide(TestServers.layer())))

  it.effect("and passed when the header is one that spans redact", () =>
    Effect.gen(function*() {
      const client = yield* HttpClient.HttpClient
      const response = yield* client.execute(
        HttpClientRequest.get("https://mcp.example.com/mcp").pipe(
          HttpClientRequest.bearerToken(Redacted.value(leaked))
        )
      )
      expect(response.status).toBe(401)
    }).pipe(Effect.provide(TestServers.layer())))
})

describe("what a caller of the authenticated client gets holds the caller's own request", () => {
  const authenticated = OAuthHttpClient.layer.pipe(
    Layer.provideMerge(layerProvider()),
    Layer.provideMerge(environment())
  )
  const request = HttpClientRequest.get("https://mcp.example.com/mcp/reports")

  it.effect("when no token can be had", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.always("token", Answer.json({ error: "invalid_client" }, { status: 401 }))
      const client = yield* HttpClient.HttpClient
      const error = yield* Effect.flip(client.execute(request))
      assert.deepStrictEqual(error.request, request)
      expect(error.cause).toBeInstanceOf(OAuthError.TokenEndpointError)
    }).pipe(Effect.provide(authenticated)))

  it.effect("when no token can be had in place of a rejected one", () =>
    Effect.gen(function*() {
      const { authorizationServer, network } = yield* TestServers.TestServers
      const client = yield* HttpClient.HttpClient
      yield* client.execute(request)
      yield* authorizationServer.revokeAll
      yield* network.always("token", Answer.json({ error: "invalid_client" }, { status: 401 }))
      const error = yield* Effect.flip(client.execute(request))
      assert.deepStrictEqual(error.request, request)
    }).pipe(Effect.provide(authenticated)))

  it.effect.each(
    [
      ["json", (response) => response.json],
      ["text", (response) => response.text],
      ["urlParamsBody", (response) => response.urlParamsBody],
      ["formData", (response) => response.formData],
      ["arrayBuffer", (response) => response.arrayBuffer],
      ["stream", (response) => Stream.runDrain(response.stream)]
    ] satisfies ReadonlyArray<
      readonly [
        string,
        (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<unknown, HttpClientError.ResponseError>
      ]
    >
  )("when the body breaks off while it is read as %s", ([, read]) =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.serve("https://mcp.example.com", () => Effect.sync(() => inPieces("{", new Error("terminated"))))
      const client = yield* HttpClient.HttpClient
      const response = yield* client.execute(HttpClientRequest.get("https://mcp.example.com/broken"))
      expect(response.request.headers["authorization"]).toBeUndefined()
      const error = yield* Effect.flip(read(response))
      expect(error.request.headers["authorization"]).toBeUndefined()
      expect(error.response.request.headers["authorization"]).toBeUndefined()
      expect(JSON.stringify(error)).not.toContain("Bearer")
    }).pipe(Effect.provide(authenticated)))

  it.effect("when the connection to the server breaks", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.always("resource", Answer.dropped)
      const client = yield* HttpClient.HttpClient
      const error = yield* Effect.flip(client.execute(request))
      expect(error.request.headers["authorization"]).toBeUndefined()
    }).pipe(Effect.provide(authenticated)))
})
