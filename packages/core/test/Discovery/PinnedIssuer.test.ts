import { Answer, TestServers } from "@effect-mcp-auth/testing"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import {
  clear,
  credentialed,
  issuerMetadata,
  network,
  parametersOf,
  resourceAtPath,
  resourceAtRoot,
  secondAuthorizationServer,
  server,
  tokenEndpoint,
  traffic
} from "../support/discovery.ts"
import { environment, makeImpatientProvider as makeProvider } from "../support/provider.ts"
import { after, misses, outages, sent } from "../support/wire.ts"

describe("a pinned issuer", () => {
  it.scoped("a pinned issuer requests both documents at once, since they do not depend on each other", () =>
    Effect.gen(function*() {
      const { maxInFlight } = yield* network
      const provider = yield* makeProvider()
      const token = yield* after(200, provider.accessToken)
      expect(token.issuer).toBe("https://auth.example.com")
      expect(yield* maxInFlight(({ endpoint }) => endpoint.endsWith("metadata"))).toBe(2)
      const [first, second, third, ...others] = yield* traffic
      assert.deepStrictEqual(new Set([first, second]), new Set([`GET ${resourceAtPath}`, `GET ${issuerMetadata}`]))
      expect(third).toBe(`POST ${tokenEndpoint}`)
      assert.deepStrictEqual(others, [])
    }).pipe(Effect.provide(environment({ latency: "100 millis" }))))

  it.scoped("a pinned issuer that the server does not list fails, and no credential is sent", () =>
    Effect.gen(function*() {
      const { authorizationServer, mcpServer } = yield* TestServers.TestServers
      yield* secondAuthorizationServer()
      const provider = yield* makeProvider({ issuer: "https://new-auth.example.com" })
      const error = yield* Effect.flip(provider.accessToken)
      assert(error._tag === "IssuerMismatch")
      expect(error).toMatchObject({
        _tag: "IssuerMismatch",
        reason: "NotListed",
        expected: "https://new-auth.example.com",
        actual: [authorizationServer.issuer],
        url: mcpServer.metadataUrl
      })
      expect(error.message).toContain("No credential was sent.")
      assert.deepStrictEqual(yield* credentialed, [])
    }).pipe(Effect.provide(environment())))

  it.scoped.each([[], null])(
    "a pinned issuer fails if the server's list of authorization servers is %j",
    (servers) =>
      Effect.gen(function*() {
        const provider = yield* makeProvider()
        const { always } = yield* network
        yield* always("protected-resource-metadata", Answer.modified((_) => ({ ..._, authorization_servers: servers })))
        const error = yield* Effect.flip(provider.accessToken)
        assert(error._tag === "IssuerMismatch")
        assert.deepStrictEqual(yield* credentialed, [])
      }).pipe(Effect.provide(environment()))
  )

  it.scoped("a pinned issuer may be any of those listed, and may differ by a trailing slash", () =>
    Effect.gen(function*() {
      const { always } = yield* network
      yield* always(
        "protected-resource-metadata",
        Answer.modified((_) => ({
          ..._,
          authorization_servers: ["https://other.example.com", "https://auth.example.com/"]
        }))
      )
      const token = yield* Effect.flatMap(makeProvider(), ({ accessToken }) => accessToken)
      expect(token.issuer).toBe("https://auth.example.com")
    }).pipe(Effect.provide(environment())))

  it.scoped.each([...misses])(
    "a pinned issuer is used alone if the server's metadata answers with %s",
    ([, answer]) =>
      Effect.gen(function*() {
        const { always } = yield* network
        yield* always("protected-resource-metadata", answer)
        const provider = yield* makeProvider()
        const token = yield* provider.accessToken
        expect(token.issuer).toBe("https://auth.example.com")
        const form = yield* parametersOf
        expect(form["resource"]).toBe(server)
        expect(form["scope"]).toBeUndefined()
        // The server is not probed for a challenge: a pinned issuer needs none.
        assert.deepStrictEqual(
          (yield* sent).toSorted(),
          [issuerMetadata, resourceAtRoot, resourceAtPath, tokenEndpoint].toSorted()
        )
      }).pipe(Effect.provide(environment()))
  )

  it.scoped.each([...outages])(
    "a pinned issuer gets no credential while the server's metadata answers with %s",
    ([, answer]) =>
      Effect.gen(function*() {
        const { always } = yield* network
        yield* always("protected-resource-metadata", answer)
        const provider = yield* makeProvider()
        const error = yield* Effect.flip(provider.accessToken)
        assert(error._tag === "DiscoveryError")
        expect(error.transient).toBe(true)
        assert.deepStrictEqual(yield* credentialed, [])
      }).pipe(Effect.provide(environment()))
  )

  it.scoped("a pinned issuer gets no credential while the server's metadata times out", () =>
    Effect.gen(function*() {
      const { always } = yield* network
      yield* always("protected-resource-metadata", Answer.never)
      const provider = yield* makeProvider({ requestTimeout: "2 seconds" })
      const error = yield* after(2000, Effect.flip(provider.accessToken))
      assert(error._tag === "DiscoveryError")
      expect(error.transient).toBe(true)
      assert.deepStrictEqual(yield* credentialed, [])
    }).pipe(Effect.provide(environment())))

  it.scoped.each([...outages, ...misses])(
    "no token endpoint is guessed if the authorization server's metadata answers with %s",
    ([, answer]) =>
      Effect.gen(function*() {
        const { always } = yield* network
        yield* always("authorization-server-metadata", answer)
        const provider = yield* makeProvider()
        const error = yield* Effect.flip(provider.accessToken)
        expect(error._tag).toBe("DiscoveryError")
        assert.deepStrictEqual(yield* credentialed, [])
        assert.deepStrictEqual((yield* traffic).filter((line) => line.startsWith("POST")), [])
      }).pipe(Effect.provide(environment()))
  )

  it.scoped("metadata of another resource fails, and no credential is sent (RFC 9728 §3.3)", () =>
    Effect.gen(function*() {
      const { always } = yield* network
      yield* always(
        "protected-resource-metadata",
        Answer.modified((_) => ({ ..._, resource: "https://mcp.example.com/other" }))
      )
      const provider = yield* makeProvider()
      const error = yield* Effect.flip(provider.accessToken)
      expect(error._tag).toBe("ResourceMismatch")
      assert.deepStrictEqual(yield* credentialed, [])
    }).pipe(Effect.provide(environment())))

  it.scoped("one document that was read is remembered when the other one fails", () =>
    Effect.gen(function*() {
      const { script } = yield* network
      yield* script("authorization-server-metadata", Answer.delayed("1 second", Answer.status(503)))
      const provider = yield* makeProvider()
      const error = yield* after(1000, Effect.flip(provider.accessToken))
      assert(error._tag === "DiscoveryError")
      yield* clear
      yield* TestClock.adjust("2 seconds")
      yield* provider.accessToken
      assert.deepStrictEqual(yield* sent, [issuerMetadata, tokenEndpoint])
    }).pipe(Effect.provide(environment())))
})
