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

/** How long a storage that hung is left alone, in milliseconds: doubled each time, up to the longest backoff. */
const pause = (policy: RefreshPolicy, times: number): number =>
  Math.min(Duration.toMillis(policy.backoff.max), Duration.toMillis(policy.storageTimeout) * 2 ** Math.min(times, 30))

type Operation = TokenStorageError["operation"]

/** @internal */
export interface Options {
  readonly storage: TokenStorage.Service
  readonly key: TokenKey
  readonly policy: RefreshPolicy
  readonly clock: Clock.Clock
  readonly publish: (event: OAuthEvent.OAuthEvent) => Effect.Effect<unknown>
}

/**
 * One key of a storage that may fail, hang or die without anybody else doing so: what fails is said, and done without.
 *
 * @internal
 */
export class SharedStorage {
  readonly #options: Options
  /** The operations that do not work. */
  #failing: ReadonlyArray<Operation> = []
  #hangs = 0
  /** It is not asked in between, lest every token request wait for it to hang. */
  #pausedFrom = 0
  #pausedUntil = 0

  constructor(options: Options) {
    this.#options = options
  }

  get(): Effect.Effect<Option.Option<AccessToken>> {
    const { key, policy, storage } = this.#options
    return Effect.map(this.#degrade("get", policy.storageTimeout, () => storage.get(key)), Option.flatten)
  }

  set(token: AccessToken): Effect.Effect<void> {
    const { key, policy, storage } = this.#options
    return Effect.asVoid(this.#degrade("set", policy.storageTimeout, () => storage.set(key, token)))
  }

  remove(token: AccessToken): Effect.Effect<void> {
    const { key, policy, storage } = this.#options
    return Effect.asVoid(this.#degrade("remove", policy.storageTimeout, () => storage.remove(key, token)))
  }

  lease(): Effect.Effect<void, never, Scope.Scope> {
    const { key, policy, storage } = this.#options
    return Effect.asVoid(this.#degrade("lease", policy.leaseTimeout, () => storage.lease(key)))
  }

  #degrade<A, R>(
    operation: Operation,
    duration: Duration.Duration,
    effect: () => Effect.Effect<A, TokenStorageError, R>
  ): Effect.Effect<Option.Option<A>, never, R> {
    return Effect.suspend(() => {
      if (this.#isPaused()) return Effect.succeedNone
      return Effect.suspend(effect).pipe(
        Effect.timeoutOption(duration),
        Effect.catchAllDefect((cause) =>
          new TokenStorageError({ operation, description: "it died. This is a bug in the storage.", cause })
        ),
        Effect.flatMap((done) => Option.isSome(done) ? this.#worked(operation, done) : this.#hung(operation, duration)),
        Effect.catchAll((error) => {
          if (!this.#failing.includes(operation)) this.#failing = [...this.#failing, operation]
          return Effect.as(this.#options.publish(OAuthEvent.StorageFailed({ error })), Option.none())
        })
      )
    })
  }

  #now(): number {
    return this.#options.clock.unsafeCurrentTimeMillis()
  }

  #isPaused(): boolean {
    const at = this.#now()
    return this.#pausedFrom <= at && at < this.#pausedUntil
  }

  #hung(operation: Operation, duration: Duration.Duration): Effect.Effect<never, TokenStorageError> {
    // That a lease is long in coming may be its holder's doing.
    if (operation !== "lease") {
      this.#pausedFrom = this.#now()
      this.#pausedUntil = this.#pausedFrom + pause(this.#options.policy, this.#hangs++)
    }
    return new TokenStorageError({ operation, description: `it took longer than ${Duration.format(duration)}.` })
  }

  #worked<A>(operation: Operation, done: A): Effect.Effect<A> {
    this.#hangs = 0
    if (this.#failing.length === 0) return Effect.succeed(done)
    // What can be written to can be removed from, which is seldom done.
    const mended = (failed: Operation) => failed === operation || (failed === "remove" && operation === "set")
    this.#failing = this.#failing.filter((failed) => !mended(failed))
    return this.#failing.length > 0
      ? Effect.succeed(done)
      : Effect.as(this.#options.publish(OAuthEvent.StorageRecovered()), done)
  }
}
