import { Answer, TestServers } from "@effect-mcp-auth/testing"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Option, TestClock, type Tracer } from "effect"
import { AccessToken, TokenStorage } from "../../../src/index.ts"
import { environment, makeImpatientProvider, makeProvider, many, settle } from "../../support/provider.ts"
import { makeTracer } from "../../support/tracing.ts"

/** Passes the test an array of its spans, which grows as they start. */
const tracing = <A, E, R>(test: (spans: ReadonlyArray<Tracer.Span>) => Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const spans: Array<Tracer.Span> = []
    return Effect.flatMap(makeTracer((span) => spans.push(span)), (tracer) => Effect.withTracer(test(spans), tracer))
  })

const named = (spans: ReadonlyArray<Tracer.Span>, name: string) => spans.filter((span) => span.name === name)

const parentOf = (span: Tracer.Span | undefined) => Option.getOrUndefined(span?.parent ?? Option.none())

const linkedTo = (span: Tracer.Span | undefined) => span?.links.map((link) => link.span)

const attributesOf = (span: Tracer.Span | undefined) => Object.fromEntries(span?.attributes ?? [])

/** How the span ended, or that it has not ended. */
const outcomeOf = (span: Tracer.Span | undefined) =>
  span?.status._tag === "Ended" ? span.status.exit._tag : span?.status._tag

const hour = environment({ tokenLifetime: "1 hour" })

describe("the spans of a provider", () => {
  const acquisitionName = "oauth.client.token.acquire"

  it.scoped("an acquisition has a trace of its own, linked to the caller that started it", () =>
    tracing((spans) =>
      Effect.gen(function*() {
        const provider = yield* Effect.withSpan(makeProvider(), "making")
        yield* Effect.withSpan(provider.accessToken, "calling")
        yield* settle
        const [acquisition, ...others] = named(spans, acquisitionName)
        expect(others).toEqual([])
        expect(parentOf(acquisition)).toBe(undefined)
        expect(linkedTo(acquisition)).toEqual(named(spans, "calling"))
        expect(outcomeOf(acquisition)).toBe("Success")
        for (const name of ["oauth.client.discovery", "oauth.client.token.request"]) {
          const children = named(spans, name)
          expect(children.length).toBeGreaterThan(0)
          for (const child of children) expect(parentOf(child)).toBe(acquisition)
        }
        const making = spans.filter((span) => parentOf(span)?.spanId === named(spans, "making")[0]?.spanId)
        expect(making).toEqual([])
      })
    ).pipe(Effect.provide(hour)))

  it.scoped("a renewal in the background has no links, and no caller has a span for a wait", () =>
    tracing((spans) =>
      Effect.gen(function*() {
        const provider = yield* Effect.withSpan(makeProvider(), "making")
        yield* Effect.withSpan(provider.accessToken, "calling")
        yield* TestClock.adjust("59 minutes")
        const [, scheduled] = named(spans, acquisitionName)
        expect(attributesOf(scheduled)).toMatchObject({ "oauth.reason": "scheduled", "oauth.outcome": "success" })
        expect(parentOf(scheduled)).toBe(undefined)
        expect(linkedTo(scheduled)).toEqual([])
        expect(named(spans, "oauth.client.token.wait")).toHaveLength(1)
      })
    ).pipe(Effect.provide(hour)))

  it.scoped("a wait has a span in its caller's trace, if there is one, linked to the acquisition", () =>
    tracing((spans) =>
      Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const provider = yield* makeProvider()
        yield* network.script("token", Answer.delayed("1 second", Answer.proceed))
        const first = yield* Effect.fork(Effect.withSpan(provider.accessToken, "first"))
        const untraced = yield* Effect.fork(provider.accessToken)
        yield* settle
        const second = yield* Effect.fork(Effect.withSpan(provider.accessToken, "second"))
        yield* settle
        yield* Fiber.interrupt(second)
        yield* TestClock.adjust("1 second")
        yield* Effect.forEach([first, untraced], Fiber.join)
        const waits = named(spans, "oauth.client.token.wait")
        expect(waits.map(parentOf)).toEqual([...named(spans, "first"), ...named(spans, "second")])
        for (const wait of waits) expect(linkedTo(wait)).toEqual(named(spans, acquisitionName))
        expect(waits.map(outcomeOf)).toEqual(["Success", "Failure"])
        // A token from memory costs no span.
        const before = spans.length
        yield* Effect.withSpan(provider.accessToken, "third")
        expect(spans.slice(before).map(({ name }) => name)).toEqual(["third"])
      })
    ).pipe(Effect.provide(hour)))

  it.scoped("a token found under a lease that takes long to release: its waiters are linked, and its span ends with them", () =>
    tracing((spans) =>
      Effect.gen(function*() {
        const memory = yield* TokenStorage.makeMemory
        yield* makeProvider().pipe(
          Effect.flatMap(({ accessToken }) => accessToken),
          Effect.scoped,
          Effect.provideService(TokenStorage.TokenStorage, memory)
        )
        let looks = 0
        const provider = yield* Effect.provideService(makeProvider(), TokenStorage.TokenStorage, {
          ...memory,
          // Another process stores its token after the first look, and before the lease is granted.
          get: (key) => Effect.delay(looks++ === 0 ? Effect.succeedNone : memory.get(key), "1 second"),
          lease: () => Effect.acquireRelease(Effect.void, () => Effect.sleep("2 seconds"))
        })
        const callers = yield* many(2, Effect.withSpan(provider.accessToken, "caller"))
        yield* TestClock.adjust("2 seconds")
        const acquisition = named(spans, acquisitionName).at(-1)
        expect(attributesOf(acquisition)).not.toHaveProperty("oauth.outcome")
        yield* TestClock.adjust("2 seconds")
        yield* Effect.forEach(callers, Fiber.join)
        expect(attributesOf(acquisition)).toMatchObject({
          "oauth.outcome": "success",
          "oauth.token.source": "storage",
          "oauth.token.expires_in": 3596
        })
        const waits = named(spans, "oauth.client.token.wait")
        expect(waits).toHaveLength(2)
        for (const wait of waits) expect(linkedTo(wait)).toEqual([acquisition])
      })
    ).pipe(Effect.provide(hour)))

  it.scoped("the attributes of spans name client, reason, source and outcome, and no query of the server's URL", () =>
    tracing((spans) =>
      Effect.gen(function*() {
        const { clientId, issuer, serverUrl } = yield* TestServers.TestServers
        const provider = yield* makeProvider({ serverUrl: `${serverUrl}?tenant=7` })
        const token = yield* provider.accessToken
        expect(attributesOf(named(spans, acquisitionName)[0])).toEqual({
          "oauth.resource": serverUrl,
          "oauth.client.id": clientId,
          "oauth.reason": "first",
          "oauth.outcome": "success",
          "oauth.token.source": "authorization_server",
          "oauth.issuer": issuer,
          "oauth.token.fingerprint": AccessToken.fingerprint(token),
          "oauth.token.expires_in": 3600
        })
        expect(attributesOf(named(spans, "oauth.client.token.request")[0])).toEqual({
          "oauth.grant.type": "client_credentials",
          "oauth.reason": "first",
          "oauth.outcome": "success",
          "oauth.issuer": issuer,
          "server.address": new URL(issuer).hostname
        })
        // The well-known address with the path and the query has no document here, so the one at the root is a second step.
        const documents = named(spans, "oauth.client.discovery").map(attributesOf)
        expect(documents.map((attributes) => String(attributes["oauth.discovery.document"])).toSorted()).toEqual([
          "authorization_server",
          "protected_resource",
          "protected_resource"
        ])
      })
    ).pipe(Effect.provide(hour)))

  it.scoped("a failure shows in the spans of request and acquisition, and no log line is written into them", () =>
    tracing((spans) =>
      Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const provider = yield* makeImpatientProvider()
        yield* network.always("token", Answer.status(503))
        yield* Effect.flip(provider.accessToken)
        for (const name of [acquisitionName, "oauth.client.token.request"]) {
          const [span] = named(spans, name)
          expect(outcomeOf(span)).toBe("Failure")
          expect(attributesOf(span)).toMatchObject({ "oauth.outcome": "failure", "error.type": "503" })
        }
        const [request] = named(spans, "oauth.client.token.request")
        expect(request && Reflect.get(request, "events")).toEqual([])
      })
    ).pipe(Effect.provide(hour)))
})
