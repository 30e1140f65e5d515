import { Answer, TestNetwork } from "@effect-mcp-auth/testing"
import { assert, describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Either, Fiber, type Scope, TestClock } from "effect"
import { defaultLimits } from "../../src/authoring/HttpExchange.ts"
import {
  Challenge,
  Discovery,
  DiscoveryCache,
  type DiscoveryRecord,
  OAuthError,
  ResourceIdentifier
} from "../../src/index.ts"
import { issuerMetadata, resourceAtPath, resourceAtRoot, server } from "../support/discovery.ts"
import { sent, serve, to } from "../support/wire.ts"

const issuer = "https://auth.example.com"
const other = "https://other.example.com"
const otherMetadata = "https://other.example.com/.well-known/oauth-authorization-server"
const named = "https://mcp.example.com/meta/mcp"
const missing = Answer.status(404)

const document = (resource = server, servers: ReadonlyArray<string> = [issuer]) =>
  Answer.json({ resource, authorization_servers: servers })

const metadata = (of = issuer) => Answer.json({ issuer: of, token_endpoint: `${of}/token` })

const challengeOf = (header: string): Challenge.Challenge | undefined => Challenge.fromHeader(header)

const naming = `Bearer resource_metadata="${named}"`

/** A new discovery in a network where the server's metadata is at its usual address, or as `answers` says. */
const started = (
  answers: Readonly<Record<string, Answer.Answer>> = {},
  more: Partial<Discovery.Options> = {}
) =>
  Effect.gen(function*() {
    const network = yield* serve({
      [resourceAtPath]: document(),
      [issuerMetadata]: metadata(),
      [otherMetadata]: metadata(other),
      ...answers
    })
    const discovery = Discovery.make({
      cache: yield* DiscoveryCache.make(),
      client: network.httpClient,
      server: Either.getOrThrow(ResourceIdentifier.fromServerUrl(server)),
      issuer: "discover",
      follow: false,
      onChange: () => Effect.void,
      limits: defaultLimits,
      timeout: Duration.seconds(30),
      ...more
    })
    const answer = (url: string, answer: Answer.Answer) => network.always(to(url), answer)
    return { discovery, answer }
  })

/** The requests of an effect. */
const requestsOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const network = yield* TestNetwork.TestNetwork
    yield* network.clear
    yield* effect
    return yield* sent
  })

const run = <A, E>(test: Effect.Effect<A, E, TestNetwork.TestNetwork | Scope.Scope>) =>
  test.pipe(Effect.scoped, Effect.provide(TestNetwork.layer))

describe("the metadata of a server that is read again after a rejected token", () => {
  it.effect("must name the issuer of the token if no issuer was chosen yet", () =>
    run(Effect.gen(function*() {
      const { discovery } = yield* started({ [resourceAtPath]: document(server, [other]) })
      const error = yield* Effect.flip(discovery.reread(undefined, issuer))
      expect(error).toMatchObject({ _tag: "IssuerMismatch", reason: "Changed", expected: issuer, actual: [other] })
    })))

  it.effect("is searched at the address in the challenge, and the server is not asked for another challenge", () =>
    run(Effect.gen(function*() {
      const { discovery } = yield* started({ [resourceAtPath]: missing })
      const requests = yield* requestsOf(Effect.flip(discovery.reread(challengeOf(naming), issuer)))
      assert.deepStrictEqual(requests, [named, resourceAtPath, resourceAtRoot])
    })))

  it.effect("is searched with the server's challenge if the challenge in hand names no address", () =>
    run(Effect.gen(function*() {
      const { discovery } = yield* started({ [resourceAtPath]: missing })
      const requests = yield* requestsOf(Effect.flip(discovery.reread(challengeOf("Bearer"), issuer)))
      assert.deepStrictEqual(requests, [resourceAtPath, server, server, resourceAtRoot])
    })))

  it.effect("comes with the challenge that names its address, of several in the answer of the server", () =>
    run(Effect.gen(function*() {
      const challenges = [
        `Bearer scope="a", resource_metadata="https://mcp.example.com/nothing"`,
        `${naming}, scope="b"`
      ]
      const { discovery } = yield* started({
        [resourceAtPath]: missing,
        [server]: Answer.status(401, { headers: { "www-authenticate": ["Bearer", ...challenges] } }),
        [named]: document()
      })
      const { challenge } = yield* discovery.get
      assert.deepStrictEqual(challenge && Challenge.requiredScopes(challenge), ["b"])
    })))

  it.effect("comes with the challenge in hand if no challenge names its address", () =>
    run(Effect.gen(function*() {
      const { discovery } = yield* started()
      const { challenge } = yield* discovery.reread(challengeOf("Bearer scope=\"a\""), issuer)
      assert.deepStrictEqual(challenge && Challenge.requiredScopes(challenge), ["a"])
    })))
})

describe("metadata that cannot be read again", () => {
  /** A discovery that has read the metadata, and then finds this answer at each address of the server. */
  const broken = (answer: Answer.Answer, more: Partial<Discovery.Options> = {}) =>
    Effect.gen(function*() {
      const { answer: change, discovery } = yield* started({}, more)
      yield* discovery.get
      for (const url of [resourceAtPath, resourceAtRoot, server]) yield* change(url, answer)
      return { discovery, change }
    })

  const all = [resourceAtPath, server, server, resourceAtRoot]

  it.effect("because of an outage is read again a minute later at the earliest", () =>
    run(Effect.gen(function*() {
      const { discovery } = yield* broken(Answer.status(503))
      const again = requestsOf(discovery.reread(undefined, issuer))
      assert.deepStrictEqual(yield* again, all)
      assert.deepStrictEqual(yield* again, [])
      yield* TestClock.adjust("59 seconds")
      assert.deepStrictEqual(yield* again, [])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* again, all)
    })))

  it.effect("because of an outage is read immediately if a challenge names an address, and only then", () =>
    run(Effect.gen(function*() {
      const { change, discovery } = yield* broken(Answer.status(503))
      yield* discovery.reread(undefined, issuer)
      yield* change(named, document())
      assert.deepStrictEqual(yield* requestsOf(discovery.reread(challengeOf("Bearer"), issuer)), [])
      assert.deepStrictEqual(yield* requestsOf(discovery.reread(challengeOf(naming), issuer)), [named])
    })))

  it.effect.each<readonly [string, Answer.Answer]>([["404", missing], [
    "a document of another server",
    document("https://mcp.example.com/other")
  ]])(
    "because of %s stays in use, and the next attempt reads it again",
    ([, answer]) =>
      run(Effect.gen(function*() {
        const { change, discovery } = yield* broken(answer)
        // An answer of the server itself could explain the failure better than the document.
        yield* change(server, missing)
        expect((yield* discovery.reread(undefined, issuer)).protectedResource?.url).toBe(resourceAtPath)
        expect((yield* requestsOf(discovery.reread(undefined, issuer)))[0]).toBe(resourceAtPath)
      }))
  )

  it.effect("within half the time limit of a request stays in use, and counts as an outage", () =>
    run(Effect.gen(function*() {
      const { discovery } = yield* broken(Answer.never)
      const fiber = yield* Effect.fork(discovery.reread(undefined, issuer))
      yield* TestClock.adjust("5 seconds")
      expect((yield* Fiber.join(fiber)).protectedResource?.url).toBe(resourceAtPath)
      assert.deepStrictEqual(yield* requestsOf(discovery.reread(undefined, issuer)), [])
    })))
})

describe("the record of an earlier process", () => {
  const remembering = (record: DiscoveryRecord.DiscoveryRecord | undefined) => {
    const doubts: Array<string> = []
    return {
      doubts,
      memory: { load: Effect.succeed(record), keep: () => {}, doubt: (document: string) => void doubts.push(document) }
    }
  }

  it.effect("that no address had metadata does not count if the server names its authorization server", () =>
    run(Effect.gen(function*() {
      const { memory } = remembering({
        issuer,
        confirmedAt: 0,
        protectedResource: { readAt: 0, freshUntil: 1000, url: "", metadata: null }
      })
      const { discovery } = yield* started({}, { memory })
      expect((yield* discovery.get).protectedResource?.url).toBe(resourceAtPath)
    })))

  it.effect.each([["an outage", Answer.status(503), []], ["a 404", missing, ["protectedResource"]]] as const)(
    "is in doubt after %s of the authorization server's metadata: %j",
    ([, answer, expected]) =>
      run(Effect.gen(function*() {
        const { doubts, memory } = remembering(undefined)
        const { discovery } = yield* started({ [issuerMetadata]: answer }, { memory })
        const error = yield* Effect.flip(discovery.get)
        expect(OAuthError.isTransient(error)).toBe(expected.length === 0)
        assert.deepStrictEqual(doubts, [...expected])
      }))
  )
})

it.effect("the error about an address that the caller gave names the option", () =>
  run(Effect.gen(function*() {
    const { discovery } = yield* started({}, { resourceMetadataUrl: new URL(named) })
    expect((yield* Effect.flip(discovery.get)).message).toContain("Check `resourceMetadataUrl`.")
  })))
