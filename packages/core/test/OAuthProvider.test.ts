import { TestServers } from "@effect-mcp-auth/testing"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { ClientAuthentication, Grant, OAuthProvider } from "../src/index.ts"
import { environment, layerProvider, makeProvider } from "./support/provider.ts"
import { sent } from "./support/wire.ts"

describe("make", () => {
  it.scoped("a provider can be made of any grant and any client authentication", () =>
    Effect.gen(function*() {
      const provider = yield* OAuthProvider.make({
        serverUrl: "HTTPS://MCP.example.com:443",
        issuer: "discover",
        grant: Grant.clientCredentials,
        clientAuthentication: ClientAuthentication.none("public")
      })
      expect(provider.resource).toBe("https://mcp.example.com")
      assert.deepStrictEqual(yield* sent, [])
    }).pipe(Effect.provide(environment())))
})

describe("accessToken", () => {
  it.effect("is the token of the provider in the context", () =>
    Effect.gen(function*() {
      const provider = yield* OAuthProvider.OAuthProvider
      const token = yield* OAuthProvider.accessToken
      expect(token).toBe(yield* provider.accessToken)
    }).pipe(Effect.provide(layerProvider()), Effect.provide(environment())))
})

describe("the `resource` parameter of a token request", () => {
  const resourceSent = (resourceParameter: OAuthProvider.OAuthProvider.Options["resourceParameter"]) =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      yield* Effect.flatMap(makeProvider({ resourceParameter, scopes: ["mcp"] }), ({ accessToken }) => accessToken)
      const [request] = yield* network.requestsTo("token")
      return new URLSearchParams(request?.body).get("resource")
    }).pipe(Effect.scoped, Effect.provide(environment()))

  it.effect.each(
    [
      [undefined, "https://mcp.example.com/mcp"],
      ["send", "https://mcp.example.com/mcp"],
      ["omit", null],
      [{ value: "https://api.example.com" }, "https://api.example.com"]
    ] as const
  )("with `resourceParameter` %j is %s", ([choice, expected]) =>
    Effect.gen(function*() {
      expect(yield* resourceSent(choice)).toBe(expected)
    }))
})
