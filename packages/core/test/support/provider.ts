import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { TestServers } from "@effect-mcp-auth/testing"
import { Chunk, Duration, Effect, Fiber, Layer, Redacted, Stream, TestClock } from "effect"
import type { OAuthEvent } from "../../src/index.ts"
import { ClientAuthentication, Grant, OAuthProvider, TokenStorage } from "../../src/index.ts"

/** The environment of most tests: servers in memory and an empty storage. */
export const environment = (options?: TestServers.TestServers.Options) =>
  Layer.merge(TestServers.layer(options), TokenStorage.layerMemory)

/** A provider of the test servers' own client, with some options changed. */
export const makeProvider = (options: Partial<ClientSecret.Options> = {}) =>
  Effect.flatMap(
    TestServers.TestServers,
    ({ clientId, clientSecret, issuer, serverUrl }) =>
      ClientSecret.make({ serverUrl, issuer, clientId, clientSecret, ...options })
  )

/**
 * A provider that may follow its server to another authorization server. No test server checks the binding of a proof,
 * so this one is the secret under the name of a method that is bound to its receiver.
 */
export const makeFollowingProvider = (
  options: Partial<Omit<OAuthProvider.MakeOptions, "authorizationServerChange">> & {
    readonly authorizationServerChange?: "refuse" | "follow"
  } = {}
) =>
  Effect.flatMap(TestServers.TestServers, ({ clientId, clientSecret, serverUrl }) =>
    OAuthProvider.make({
      serverUrl,
      issuer: "discover",
      grant: Grant.clientCredentials,
      clientAuthentication: {
        ...ClientAuthentication.clientSecretBasic({ clientId, clientSecret }),
        method: "tls_client_auth"
      },
      authorizationServerChange: "follow",
      ...impatient,
      ...options
    }))

/** With these options, callers without a token fail with the first failure. */
export const impatient: Partial<ClientSecret.Options> = {
  refreshPolicy: { patience: { withToken: Duration.seconds(1), withoutToken: Duration.zero } }
}

export const makeImpatientProvider = (options: Partial<ClientSecret.Options> = {}) =>
  makeProvider({ ...impatient, ...options })

export const layerProvider = (options?: Partial<ClientSecret.Options>) =>
  Layer.scoped(OAuthProvider.OAuthProvider, makeProvider(options))

/** Runs every fiber as far as it can go at the present time. */
export const settle = TestClock.adjust(0)

/** Collects the provider's events from now on; run the result to see those so far. */
export const watch = (provider: OAuthProvider.OAuthProvider.Service) =>
  Effect.gen(function*() {
    const seen: Array<OAuthEvent.OAuthEvent> = []
    yield* Effect.forkScoped(Stream.runForEach(provider.events, (event) => Effect.sync(() => seen.push(event))))
    yield* settle
    return Effect.as(settle, seen as ReadonlyArray<OAuthEvent.OAuthEvent>)
  })

export const tags = (events: ReadonlyArray<OAuthEvent.OAuthEvent>): ReadonlyArray<string> =>
  events.map(({ _tag }) => _tag)

export const valueOf = (token: { readonly value: Redacted.Redacted }): string => Redacted.value(token.value)

/** Forks an effect many times and returns the fibers. */
export const many = <A, E, R>(count: number, effect: Effect.Effect<A, E, R>) =>
  Effect.map(
    Effect.replicateEffect(Effect.fork(effect), count),
    (fibers) => Chunk.toReadonlyArray(Chunk.fromIterable(fibers))
  )

export const outcomes = <A, E>(fibers: ReadonlyArray<Fiber.RuntimeFiber<A, E>>) => Effect.forEach(fibers, Fiber.await)
