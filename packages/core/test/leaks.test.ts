import { Answer, TestNetwork, TestServers } from "@effect-mcp-auth/testing"
import type { HttpClientError, HttpClientResponse } from "@effect/platform"
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Stream } from "effect"
import { OAuthError, OAuthHttpClient } from "../src/index.ts"
import { environment, layerProvider, makeProvider } from "./support/provider.ts"
import { inPieces } from "./support/wire.ts"

/** This test leaks on purpose, to show that the recorder works. */
it.effect.fails("the recorder fails a test that logs a token which core acquired", () =>
  Effect.gen(function*() {
    const provider = yield* makeProvider()
    const token = yield* provider.accessToken
    yield* Effect.log(`Bearer ${Redacted.value(token.value)}`)
  }).pipe(Effect.scoped, Effect.provide(environment())))

describe("an error of the authenticated client holds the caller's own request", () => {
  const authenticated = OAuthHttpClient.layer.pipe(
    Layer.provideMerge(layerProvider()),
    Layer.provideMerge(environment())
  )
  const request = HttpClientRequest.get("https://mcp.example.com/mcp/reports")

  it.effect("when no token can be acquired", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.always("token", Answer.json({ error: "invalid_client" }, { status: 401 }))
      const client = yield* HttpClient.HttpClient
      const error = yield* Effect.flip(client.execute(request))
      assert.deepStrictEqual(error.request, request)
      expect(error.cause).toBeInstanceOf(OAuthError.TokenEndpointError)
    }).pipe(Effect.provide(authenticated)))

  it.effect("when a rejected token cannot be replaced", () =>
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
  )("when the body breaks off while the caller reads it as %s", ([, read]) =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.serve("https://mcp.example.com", () => Effect.sync(() => inPieces("{", new Error("terminated"))))
      const client = yield* HttpClient.HttpClient
      const response = yield* client.execute(HttpClientRequest.get("https://mcp.example.com/broken"))
      expect(response.request.headers["authorization"]).toBeUndefined()
      const error = yield* Effect.flip(read(response))
      expect(error.request.headers["authorization"]).toBeUndefined()
      const { response: broken } = error
      assert(broken !== undefined)
      expect(broken.request.headers["authorization"]).toBeUndefined()
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
