import { Answer, TestServers } from "@effect-mcp-auth/testing"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Logger, LogLevel, TestClock } from "effect"
import type { DurationInput } from "effect/Duration"
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
import { logging } from "../support/logging.ts"
import { environment, makeImpatientProvider as makeProvider } from "../support/provider.ts"
import { Challenge } from "../../src/index.ts"
import { after, misses, outages, sent, to } from "../support/wire.ts"

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

  it.scoped.each([Answer.dropped, Answer.status(503), Answer.status(404), Answer.html()])(
    "a pinned issuer that the server does not list is named as such, also if the issuer itself has no metadata (%#)",
    (answer) =>
      Effect.gen(function*() {
        const { always } = yield* network
        const provider = yield* makeProvider({ issuer: "https://auth.example.com/other" })
        yield* always(({ url }) => url.includes("/other"), answer)
        yield* always("protected-resource-metadata", Answer.delayed("1 second", Answer.proceed))
        const waiting = yield* Effect.fork(provider.accessToken)
        yield* TestClock.adjust("3 seconds")
        const error = yield* Effect.flip(waiting)
        expect(error).toMatchObject({ _tag: "IssuerMismatch", reason: "NotListed" })
      }).pipe(Effect.provide(environment({ latency: "100 millis" })))
  )

  it.scoped.each([[[]], [null], [undefined]])(
    "a server's list of authorization servers that is %j says nothing to a pinned issuer",
    ([servers]) =>
      Effect.gen(function*() {
        const provider = yield* makeProvider()
        const { always } = yield* network
        yield* always("protected-resource-metadata", Answer.modified((_) => ({ ..._, authorization_servers: servers })))
        expect((yield* provider.accessToken).issuer).toBe("https://auth.example.com")
        // The rest of the document counts.
        expect((yield* parametersOf)["scope"]).toBe("mcp")
        assert.deepStrictEqual(yield* credentialed, [tokenEndpoint])
      }).pipe(Effect.provide(environment({ mcpServer: { scopesSupported: ["mcp"] } })))
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
    "a pinned issuer is used alone while the server's metadata answers with %s",
    ([, answer]) =>
      Effect.gen(function*() {
        const { always } = yield* network
        yield* always(({ url }) => url.startsWith(resourceAtRoot), answer)
        const provider = yield* makeProvider()
        expect((yield* provider.accessToken).issuer).toBe("https://auth.example.com")
        const form = yield* parametersOf
        expect(form["resource"]).toBe(server)
        expect(form["scope"]).toBeUndefined()
        assert.deepStrictEqual(yield* credentialed, [tokenEndpoint])
      }).pipe(Effect.provide(environment()))
  )

  it.scoped("a pinned issuer is used alone if the metadata that can be read is another server's", () =>
    Effect.gen(function*() {
      const { always } = yield* network
      const foreign = { resource: "https://mcp.example.com/other", authorization_servers: ["https://evil.example"] }
      yield* always(({ url }) => url.startsWith(resourceAtRoot), Answer.json(foreign))
      const provider = yield* makeProvider()
      expect((yield* provider.accessToken).issuer).toBe("https://auth.example.com")
      expect((yield* parametersOf)["resource"]).toBe(server)
      assert.deepStrictEqual(yield* credentialed, [tokenEndpoint])
    }).pipe(Effect.provide(environment())))

  it.scoped("metadata that hangs delays a token of a pinned issuer by half a `requestTimeout`, and later ones less", () =>
    Effect.gen(function*() {
      const { always, count } = yield* network
      yield* always(to(resourceAtPath), Answer.never)
      const provider = yield* makeProvider({ requestTimeout: "8 seconds" })
      const reads = count(to(resourceAtPath))
      let token = yield* after(4000, provider.accessToken)
      const renewAfter = (pause: DurationInput, wait: number) =>
        Effect.gen(function*() {
          yield* TestClock.adjust(pause)
          token = yield* (wait === 0 ? provider.renew(token) : after(wait, provider.renew(token)))
          return yield* reads
        })
      // Within a minute, no token waits for the metadata.
      expect(yield* renewAfter("55 seconds", 0)).toBe(1)
      // The second reading costs a second, and the pause after it is twice as long.
      expect(yield* renewAfter("10 seconds", 1000)).toBe(2)
      expect(yield* renewAfter("110 seconds", 0)).toBe(2)
      expect(yield* renewAfter("15 seconds", 1000)).toBe(3)
    }).pipe(Effect.provide(environment())))

  it.scoped("metadata that recovers after an outage is used with the next token", () =>
    Effect.gen(function*() {
      const { always, restore } = yield* network
      yield* always("protected-resource-metadata", Answer.status(503))
      const provider = yield* makeProvider()
      yield* provider.accessToken
      expect((yield* parametersOf)["scope"]).toBeUndefined()
      yield* restore
      yield* TestClock.adjust("61 seconds")
      yield* provider.accessToken
      expect((yield* parametersOf)["scope"]).toBe("mcp")
    }).pipe(Effect.provide(environment({ tokenLifetime: "5 seconds", mcpServer: { scopesSupported: ["mcp"] } }))))

  it.scoped("metadata that recovers after an outage, and does not list the pinned issuer, stops it", () =>
    Effect.gen(function*() {
      const { always } = yield* network
      yield* always("protected-resource-metadata", Answer.status(503))
      const provider = yield* makeProvider()
      yield* provider.accessToken
      yield* always(
        "protected-resource-metadata",
        Answer.modified((_) => ({ ..._, authorization_servers: ["https://other.example.com"] }))
      )
      yield* TestClock.adjust("61 seconds")
      yield* clear
      expect(yield* Effect.flip(provider.accessToken)).toMatchObject({ _tag: "IssuerMismatch", reason: "NotListed" })
      assert.deepStrictEqual(yield* credentialed, [])
    }).pipe(Effect.provide(environment({ tokenLifetime: "5 seconds" }))))

  it.scoped("after a rejected token the metadata of a pinned issuer is not read again within the pause after an outage", () =>
    Effect.gen(function*() {
      const { always } = yield* network
      yield* always("protected-resource-metadata", Answer.status(503))
      const provider = yield* makeProvider()
      const token = yield* provider.accessToken
      yield* clear
      const second = yield* provider.renew(token)
      assert.deepStrictEqual(yield* sent, [tokenEndpoint])
      // A challenge that names an address is always followed.
      yield* clear
      yield* TestClock.adjust("10 seconds")
      yield* provider.renew(second, Challenge.fromHeader(`Bearer resource_metadata="${resourceAtRoot}"`))
      assert.deepStrictEqual(yield* sent, [resourceAtRoot, resourceAtPath, tokenEndpoint])
    }).pipe(Effect.provide(environment())))

  it.scoped.each(
    [
      [
        "at its well-known addresses is one line at Debug",
        {},
        "DEBUG",
        "The metadata of the MCP server was not used: "
      ],
      [
        "at `resourceMetadataUrl` is one warning",
        { resourceMetadataUrl: "https://mcp.example.com/meta?key=s3cret" },
        "WARN",
        "The metadata at `resourceMetadataUrl` was not used: https://mcp.example.com/meta answered 404. "
      ]
    ] as const
  )(
    "metadata that is missing %s",
    ([, options, level, text]) =>
      logging(LogLevel.Debug, (lines) =>
        Effect.gen(function*() {
          const provider = yield* makeProvider(options)
          const token = yield* provider.accessToken
          yield* provider.renew(token)
          const about = lines.filter(({ message }) => message.includes("was not used"))
          expect(about.map(({ level }) => level)).toEqual([level])
          expect(about[0]?.message).toContain(text)
          expect(about[0]?.message).not.toContain("s3cret")
        })).pipe(
          Logger.withMinimumLogLevel(LogLevel.Debug),
          Effect.provide(environment({ mcpServer: { serveMetadataAt: "nowhere" } }))
        )
  )

  it.scoped("`Retry-After` of the metadata is respected although the token is requested without it", () =>
    Effect.gen(function*() {
      const { always, count } = yield* network
      yield* always(to(resourceAtPath), Answer.status(429, { headers: { "retry-after": "300" } }))
      const provider = yield* makeProvider()
      const token = yield* provider.accessToken
      yield* TestClock.adjust("299 seconds")
      const second = yield* provider.renew(token)
      expect(yield* count(to(resourceAtPath))).toBe(1)
      yield* TestClock.adjust("2 seconds")
      yield* provider.renew(second)
      expect(yield* count(to(resourceAtPath))).toBe(2)
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

  it.scoped("one document that was read is remembered when the other one fails", () =>
    Effect.gen(function*() {
      const { script } = yield* network
      yield* script("authorization-server-metadata", Answer.delayed("1 second", Answer.status(503)))
      yield* script(to("https://auth.example.com/.well-known/openid-configuration"), Answer.status(404))
      const provider = yield* makeProvider()
      const error = yield* after(1000, Effect.flip(provider.accessToken))
      assert(error._tag === "DiscoveryError")
      yield* clear
      yield* TestClock.adjust("2 seconds")
      yield* provider.accessToken
      assert.deepStrictEqual(yield* sent, [issuerMetadata, tokenEndpoint])
    }).pipe(Effect.provide(environment())))
})
