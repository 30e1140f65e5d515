import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { AccessToken } from "../AccessToken.ts"
import { TokenStorageError } from "../OAuthError.ts"
import * as OAuthEvent from "../OAuthEvent.ts"
import type { RefreshPolicy } from "../RefreshPolicy.ts"
import type { TokenKey, TokenStorage } from "../TokenStorage.ts"

/**
 * One key of a storage that may fail, hang or die without anybody else doing so: what fails is said, and done without.
 *
 * @internal
 */
export interface SharedStorage {
  readonly get: Effect.Effect<Option.Option<AccessToken>>
  readonly set: (token: AccessToken) => Effect.Effect<void>
  readonly remove: Effect.Effect<void>
  readonly lease: Effect.Effect<void, never, Scope.Scope>
}

/** How long a storage that hung is left alone, in milliseconds: doubled each time, up to the longest backoff. */
const pause = (policy: RefreshPolicy, times: number): number =>
  Math.min(Duration.toMillis(policy.backoff.max), Duration.toMillis(policy.storageTimeout) * 2 ** Math.min(times, 30))

/** @internal */
export const make = (options: {
  readonly storage: TokenStorage.Service
  readonly key: TokenKey
  readonly policy: RefreshPolicy
  readonly clock: Clock.Clock
  readonly publish: (event: OAuthEvent.OAuthEvent) => Effect.Effect<unknown>
}): SharedStorage => {
  const { clock, key, policy, publish, storage } = options
  /** The operations that do not work. */
  const failing = new Set<TokenStorageError["operation"]>()
  let hangs = 0
  /** It is not asked before, lest every token request wait for it to hang. */
  let pausedFrom = 0
  let pausedUntil = 0

  const isPaused = (): boolean => {
    const at = clock.unsafeCurrentTimeMillis()
    return pausedFrom <= at && at < pausedUntil
  }

  const hung = Effect.sync(() => {
    pausedFrom = clock.unsafeCurrentTimeMillis()
    pausedUntil = pausedFrom + pause(policy, hangs++)
  })

  const worked = (operation: TokenStorageError["operation"]) =>
    Effect.suspend(() => {
      hangs = 0
      if (failing.size === 0) return Effect.void
      failing.delete(operation)
      // What can be written to can be removed from, which is seldom done.
      if (operation === "set") failing.delete("remove")
      return failing.size === 0 ? publish(OAuthEvent.StorageRecovered()) : Effect.void
    })

  const degrade = <A, R>(
    operation: TokenStorageError["operation"],
    duration: Duration.Duration,
    effect: () => Effect.Effect<A, TokenStorageError, R>
  ): Effect.Effect<Option.Option<A>, never, R> => {
    const timeout = Effect.suspend(() =>
      Effect.zipRight(
        // That a lease is long in coming may be its holder's doing.
        operation === "lease" ? Effect.void : hung,
        new TokenStorageError({ operation, description: `it took longer than ${Duration.format(duration)}.` })
      )
    )
    return Effect.suspend(() =>
      isPaused()
        ? Effect.succeedNone
        : Effect.suspend(effect).pipe(
          Effect.timeoutOption(duration),
          Effect.catchAllDefect((cause) =>
            Effect.fail(
              new TokenStorageError({ operation, description: "it died. This is a bug in the storage.", cause })
            )
          ),
          Effect.flatMap(
            Option.match({ onNone: () => timeout, onSome: (value) => Effect.as(worked(operation), value) })
          ),
          Effect.matchEffect({
            onFailure: (error) => {
              failing.add(operation)
              return Effect.as(publish(OAuthEvent.StorageFailed({ error })), Option.none())
            },
            onSuccess: (value) => Effect.succeedSome(value)
          })
        )
    )
  }

  return {
    get: Effect.map(degrade("get", policy.storageTimeout, () => storage.get(key)), Option.flatten),
    set: (token) => Effect.asVoid(degrade("set", policy.storageTimeout, () => storage.set(key, token))),
    remove: Effect.asVoid(degrade("remove", policy.storageTimeout, () => storage.remove(key))),
    lease: Effect.asVoid(degrade("lease", policy.leaseTimeout, () => storage.lease(key)))
  }
}
