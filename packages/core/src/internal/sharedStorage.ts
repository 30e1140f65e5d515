import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { AccessToken } from "../AccessToken.ts"
import { TokenStorageError } from "../OAuthError.ts"
import * as OAuthEvent from "../OAuthEvent.ts"
import type { RefreshPolicy } from "../RefreshPolicy.ts"
import type { TokenKey, TokenStorage } from "../TokenStorage.ts"
import { double } from "./double.ts"

/**
 * What hung is left alone for a while, or every token request would wait for it: doubled each time, up to the longest
 * backoff.
 */
class Pause {
  #times = 0
  #from = 0
  #until = 0

  isOn(at: number): boolean {
    return this.#from <= at && at < this.#until
  }

  begin(at: number, { backoff, storageTimeout }: RefreshPolicy): void {
    this.#from = at
    this.#until = at + double(storageTimeout, this.#times++, backoff.max)
  }

  reset(): void {
    this.#times = 0
  }
}

/** What fails after so long, in milliseconds, hung rather than said no. */
const SLOW = 1000

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
  /** That a lease is long in coming may be its holder's doing, and says nothing of the rest. */
  readonly #pauses = { lease: new Pause(), rest: new Pause() }

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
    // To give it back may take as long as the other operations, and no longer either. It is done in any case.
    const release = (scope: Scope.CloseableScope, exit: Exit.Exit<unknown, unknown>) =>
      this.#attempt("lease", policy.storageTimeout, () => Scope.close(scope, exit))
    return Effect.flatMap(
      Effect.acquireRelease(Scope.make(), release),
      (scope) =>
        Effect.asVoid(this.#degrade("lease", policy.leaseTimeout, () => Scope.extend(storage.lease(key), scope)))
    )
  }

  #degrade<A, R>(
    operation: Operation,
    duration: Duration.Duration,
    effect: () => Effect.Effect<A, TokenStorageError, R>
  ): Effect.Effect<Option.Option<A>, never, R> {
    return Effect.suspend(() => {
      const at = this.#now()
      const isPaused = this.#pauses.rest.isOn(at) || (operation === "lease" && this.#pauses.lease.isOn(at))
      return isPaused ? Effect.succeedNone : this.#attempt(operation, duration, effect)
    })
  }

  #attempt<A, R>(
    operation: Operation,
    duration: Duration.Duration,
    effect: () => Effect.Effect<A, TokenStorageError, R>
  ): Effect.Effect<Option.Option<A>, never, R> {
    return Effect.suspend(() => {
      const pause = this.#pauses[operation === "lease" ? "lease" : "rest"]
      const from = this.#now()
      return Effect.suspend(effect).pipe(
        // What cannot be interrupted goes on by itself when its time is over.
        Effect.disconnect,
        Effect.interruptible,
        Effect.timeoutOption(duration),
        Effect.catchAllDefect((cause) =>
          new TokenStorageError({ operation, description: "it died. This is a bug in the storage.", cause })
        ),
        Effect.flatMap((done) => {
          if (Option.isSome(done)) {
            pause.reset()
            return this.#worked(operation, done)
          }
          return new TokenStorageError({ operation, description: `it took longer than ${Duration.format(duration)}.` })
        }),
        Effect.catchAll((error) => {
          // Whoever set the limit that ended it, others would wait for it as long.
          const at = this.#now()
          if (at - from >= Math.min(SLOW, Duration.toMillis(duration))) pause.begin(at, this.#options.policy)
          if (!this.#failing.includes(operation)) this.#failing = [...this.#failing, operation]
          return Effect.as(this.#options.publish(OAuthEvent.StorageFailed({ error })), Option.none())
        })
      )
    })
  }

  #now(): number {
    return this.#options.clock.unsafeCurrentTimeMillis()
  }

  #worked<A>(operation: Operation, done: A): Effect.Effect<A> {
    if (this.#failing.length === 0) return Effect.succeed(done)
    // What can be written to can be removed from, which is seldom done.
    const mended = (failed: Operation) => failed === operation || (failed === "remove" && operation === "set")
    this.#failing = this.#failing.filter((failed) => !mended(failed))
    return this.#failing.length > 0
      ? Effect.succeed(done)
      : Effect.as(this.#options.publish(OAuthEvent.StorageRecovered()), done)
  }
}
