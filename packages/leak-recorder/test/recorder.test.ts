import { TestServers } from "@effect-mcp-auth/testing"
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { refused, requestErrorWith } from "./support.ts"

const leaked = Redacted.make("leaked-on-purpose")

/** Each test leaks on purpose, and the recorder must fail it. */
describe("the recorder fails a test that leaks a secret", () => {
  it.fails("in an error that nobody reads", () => {
    expect(new Error(Redacted.value(leaked))).toBeInstanceOf(Error)
  })
  it.fails("in a type error", () => {
    expect(new TypeError(`Invalid header value: ${Redacted.value(leaked)}`)).toBeInstanceOf(TypeError)
  })
  it.fails("in a tagged error", () => {
    expect(refused(`the secret ${Redacted.value(leaked)} is wrong`)).toBeInstanceOf(Error)
  })
  it.fails("in the request that is the cause of this library's error", () => {
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
  it.effect.fails("in the request that a span of this library ends with", () =>
    Effect.succeed(requestErrorWith(Redacted.value(leaked))).pipe(Effect.withSpan("oauth.client.token.request")))
  it.effect.fails("in the request that a span within one of this library ends with", () =>
    Effect.succeed(requestErrorWith(Redacted.value(leaked))).pipe(
      Effect.withSpan("http.client POST"),
      Effect.withSpan("oauth.client.discovery")
    ))
  // oxlint-disable-next-line no-console
  it.fails("on the console", () => expect(console.debug(Redacted.value(leaked))).toBeUndefined())
  it.effect.fails("in a span that shows a request header", () =>
    Effect.gen(function*() {
      const client = yield* HttpClient.HttpClient
      yield* client.execute(
        HttpClientRequest.get("https://mcp.example.com/mcp").pipe(
          HttpClientRequest.setHeader("x-token", Redacted.value(leaked))
        )
      )
    }).pipe(Effect.provide(TestServers.layer())))
})

it.effect("the recorder passes a test whose secret is in a header that spans redact", () =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const response = yield* client.execute(
      HttpClientRequest.get("https://mcp.example.com/mcp").pipe(
        HttpClientRequest.bearerToken(Redacted.value(leaked))
      )
    )
    expect(response.status).toBe(401)
  }).pipe(Effect.provide(TestServers.layer())))
