/**
 * Many servers and identities in one program, as an agent platform or a gateway has them: a provider for each key, made
 * on first use and let go when it is idle.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as MutableHashMap from "effect/MutableHashMap"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as DiscoveryCache from "./DiscoveryCache.ts"
import * as OAuthFetch from "./OAuthFetch.ts"
import * as OAuthHttpClient from "./OAuthHttpClient.ts"
import { OAuthProvider } from "./OAuthProvider.ts"

/**
 * One provider per key. Keys are compared by `Equal`: a `Data.struct` of server and tenant is as good as a string.
 *
 * @since 0.1.0
 * @category models
 */
export interface OAuthProviders<K, out E = never> {
  /**
   * The key's provider, in use until the scope closes. It is made if there is none; however many ask for it meanwhile,
   * it is made once, and goes on being made if they stop waiting. If it cannot be made, all of them get the error, and
   * the next one tries again.
   */
  readonly get: (key: K) => Effect.Effect<OAuthProvider.Service, E, Scope.Scope>
  /** `get` as a Layer, for programs that need an `OAuthProvider`. */
  readonly layer: (key: K) => Layer.Layer<OAuthProvider, E>
  /** The `HttpClient` of the context, authenticated as the key's provider says (see `OAuthHttpClient`). */
  readonly httpClient: (key: K) => Effect.Effect<HttpClient.HttpClient, E, HttpClient.HttpClient | Scope.Scope>
  /** A `fetch`, authenticated as the key's provider says (see `OAuthFetch`). */
  readonly fetch: (key: K) => Effect.Effect<typeof globalThis.fetch, E, Scope.Scope>
  /**
   * The next one who asks for the key gets a new provider, since the credentials or options have changed. The present one
   * is closed once nobody uses it any more.
   */
  readonly invalidate: (key: K) => Effect.Effect<void>
  /** The keys that have a provider, in use or idle. */
  readonly keys: Effect.Effect<ReadonlyArray<K>>
}

/**
 * - `lookup`: makes the provider of a key, in the context of `make`, whoever asks first. The scope is the provider's. If
 *   it may hang, give it a time limit.
 * - `idleTimeToLive`: how long a provider that nobody uses is kept open. 10 minutes by default.
 * - `capacity`: when there are more providers than that, those that have been idle for longest are let go at once. Those
 *   in use never are, so there may be more. Unlimited by default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<K, E, R> {
  readonly lookup: (key: K) => Effect.Effect<OAuthProvider.Service, E, R>
  readonly idleTimeToLive?: Duration.DurationInput | undefined
  readonly capacity?: number | undefined
}

/**
 * Not that of an `RcMap` (as of Effect 3.22): it keeps a failure for as long as a provider, looks up in the context of
 * whoever asks first, has a fiber for each idle entry, refuses new keys at its capacity though others are idle, and when
 * an invalidated entry has been idle it drops the one that took its place.
 */
interface Entry<K, E> {
  readonly key: K
  provider: Effect.Effect<OAuthProvider.Service, E>
  /** There is none before `lookup` has begun, nor after it was closed. */
  scope: Scope.CloseableScope | undefined
  users: number
  /** Whether `lookup` is under way. */
  making: boolean
  /** Whether it is the one that is found under its key. */
  current: boolean
  /** In epoch milliseconds. */
  idleSince: number
}

/**
 * A set of providers that is open for as long as the scope. When it ends all providers are closed, those in use too.
 *
 * Providers of the same authorization server, and of the same server, share its metadata (see `DiscoveryCache`). What a
 * provider leaves behind when it is let go is its token in the `TokenStorage`, where its successor finds it.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { ClientSecret } from "@effect-mcp-auth/client-secret"
 * import { OAuthProviders, TokenStorage } from "@effect-mcp-auth/core"
 * import { Effect, Redacted } from "effect"
 *
 * class Tenants extends Effect.Service<Tenants>()("gateway/Tenants", {
 *   scoped: OAuthProviders.make({
 *     lookup: (tenant: string) =>
 *       ClientSecret.make({
 *         serverUrl: `https://mcp.example.com/${tenant}`,
 *         issuer: "https://auth.example.com",
 *         clientId: tenant,
 *         clientSecret: Redacted.make("...")
 *       }),
 *     idleTimeToLive: "15 minutes"
 *   }),
 *   dependencies: [TokenStorage.layerMemory]
 * }) {}
 *
 * const report = (tenant: string) =>
 *   Effect.gen(function*() {
 *     const tenants = yield* Tenants
 *     const client = yield* tenants.httpClient(tenant)
 *     return yield* client.get(`https://mcp.example.com/${tenant}/report`)
 *   }).pipe(Effect.scoped)
 * ```
 */
export const make = <K, E, R>(
  options: Options<K, E, R>
): Effect.Effect<OAuthProviders<K, E>, never, R | Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Effect.clock
    const idleTimeToLive = Duration.toMillis(options.idleTimeToLive ?? "10 minutes")
    const capacity = options.capacity ?? Number.POSITIVE_INFINITY
    const cache = yield* DiscoveryCache.makeDefault
    const scope = yield* Scope.make()
    yield* Effect.addFinalizer((exit) =>
      Effect.suspend(() => {
        closed = true
        MutableHashMap.clear(entries)
        idle.clear()
        return Scope.close(scope, exit)
      })
    )
    // A provider is nobody's in particular: it must not inherit from, or end with, the one who asked for it first.
    const runtime = yield* Effect.provideService(Effect.runtime<R>(), DiscoveryCache.DiscoveryCache, cache)
    const runFork = <A, E>(work: Effect.Effect<A, E, R>) => Runtime.runFork(runtime)(work, { scope })

    const entries = MutableHashMap.empty<K, Entry<K, E>>()
    /** Those without users, in the order in which they lost the last one. */
    const idle = new Set<Entry<K, E>>()
    let sweeping = false
    let closed = false

    // ---- from first use to the last ----------------------------------------------------------------------------------

    const start = (key: K): Entry<K, E> => {
      const entry: Entry<K, E> = {
        key,
        provider: isClosed,
        scope: undefined,
        users: 1,
        making: true,
        current: true,
        idleSince: 0
      }
      MutableHashMap.set(entries, key, entry)
      const fiber = runFork(
        Effect.flatMap(Scope.fork(scope, ExecutionStrategy.sequential), (scope) => {
          entry.scope = scope
          return Scope.extend(Effect.interruptible(Effect.suspend(() => options.lookup(key))), scope)
        })
      )
      entry.provider = Effect.flatten(Fiber.await(fiber))
      fiber.addObserver((exit) => {
        entry.provider = exit
        entry.making = false
        if (Exit.isSuccess(exit)) settle(entry)
        else letGo(entry)
      })
      makeRoom()
      return entry
    }

    const acquire = (key: K): Effect.Effect<Entry<K, E>> =>
      Effect.suspend(() => {
        if (closed) return isClosed
        const entry = Option.getOrUndefined(MutableHashMap.get(entries, key))
        if (entry === undefined) return Effect.succeed(start(key))
        entry.users++
        idle.delete(entry)
        return Effect.succeed(entry)
      })

    const release = (entry: Entry<K, E>): Effect.Effect<void> =>
      Effect.sync(() => {
        entry.users--
        settle(entry)
      })

    const settle = (entry: Entry<K, E>): void => {
      if (closed || entry.users > 0 || entry.making) return
      if (!entry.current || idleTimeToLive <= 0) return letGo(entry)
      entry.idleSince = clock.unsafeCurrentTimeMillis()
      idle.add(entry)
      makeRoom()
      if (sweeping || !Number.isFinite(idleTimeToLive)) return
      sweeping = true
      runFork(sweep)
    }

    // ---- letting go --------------------------------------------------------------------------------------------------

    const remove = (entry: Entry<K, E>): void => {
      if (entry.current) MutableHashMap.remove(entries, entry.key)
      entry.current = false
      idle.delete(entry)
    }

    const letGo = (entry: Entry<K, E>): void => {
      if (closed) return
      remove(entry)
      if (entry.scope === undefined) return
      runFork(Effect.uninterruptible(Scope.close(entry.scope, Exit.void)))
      entry.scope = undefined
    }

    const makeRoom = (): void => {
      for (const entry of idle) {
        if (MutableHashMap.size(entries) <= capacity) return
        letGo(entry)
      }
    }

    /** One fiber for all: it waits for the one that has been idle for longest, and ends when none is idle. */
    const sweep: Effect.Effect<void> = Effect.suspend(() => {
      const now = clock.unsafeCurrentTimeMillis()
      for (const entry of idle) {
        const left = entry.idleSince + idleTimeToLive - now
        // No longer than the time itself, in case the clock went back, and than a timer can wait.
        if (left > 0) return Effect.zipRight(Effect.sleep(Math.min(left, idleTimeToLive, 2 ** 31 - 1)), sweep)
        letGo(entry)
      }
      sweeping = false
      return Effect.void
    })

    // ---- what callers get --------------------------------------------------------------------------------------------

    const get = (key: K): Effect.Effect<OAuthProvider.Service, E, Scope.Scope> =>
      Effect.flatMap(Effect.acquireRelease(acquire(key), release), ({ provider }) =>
        // A caller that nobody interrupted is not told that it was, when the set ends under it.
        Effect.catchAllCause(
          provider,
          (cause) => closed && Cause.isInterruptedOnly(cause) ? isClosed : Effect.failCause(cause)
        ))

    const withProvider = <A, R>(effect: Effect.Effect<A, never, R | OAuthProvider>, key: K) =>
      Effect.flatMap(get(key), (provider) => Effect.provideService(effect, OAuthProvider, provider))

    return {
      get,
      layer: (key) => Layer.scoped(OAuthProvider, get(key)),
      httpClient: (key) => withProvider(OAuthHttpClient.make, key),
      fetch: (key) => withProvider(OAuthFetch.make, key),
      invalidate: (key) =>
        Effect.sync(() => {
          const entry = Option.getOrUndefined(MutableHashMap.get(entries, key))
          if (entry === undefined) return
          remove(entry)
          settle(entry)
        }),
      keys: Effect.sync(() => MutableHashMap.keys(entries))
    }
  })

const isClosed = Effect.dieSync(() =>
  new Error("These OAuthProviders are closed: their scope has ended. Keep it open for as long as they are used.")
)
