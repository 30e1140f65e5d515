import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { AccessToken } from "../AccessToken.ts"
import { TokenStorageError } from "../OAuthError.ts"
import * as OAuthEvent from "../OAuthEvent.ts"
import type { RefreshPolicy } from "../RefreshPolicy.ts"
import type { TokenKey, TokenStorage } from "../TokenStorage.ts"
import * as Attempt from "./attempt.ts"
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
    const look = () => Effect.flatMap(storage.get(key), checkToken)
    return Effect.map(this.#degrade("get", policy.storageTimeout, look), Option.flatten)
  }

  set(token: AccessToken): Effect.Effect<void> {
    const { key, policy, storage } = this.#options
    return Effect.asVoid(this.#degrade("set", policy.storageTimeout, () => storage.set(key, token)))
  }

  remove(token: AccessToken): Effect.Effect<void> {
    const { key, policy, storage } = this.#options
    return Effect.asVoid(this.#degrade("remove", policy.storageTimeout, () => storage.remove(key, token)))
  }

  /**
   * The lease for the scope; or, while others hold that, what `lookAgain` finds. It looks each second: the holder may have
   * stored a token and then died, and many may be in line for a token that is there already.
   */
  lease<A>(lookAgain: Effect.Effect<Option.Option<A>>): Effect.Effect<Option.Option<A>, never, Scope.Scope> {
    const { key, policy, storage } = this.#options
    // To give it back may take as long as the other operations, and no longer either. It is done in any case.
    const release = (scope: Scope.CloseableScope, exit: Exit.Exit<unknown, unknown>) =>
      this.#attempt("lease", policy.storageTimeout, () => Scope.close(scope, exit))
    return Effect.acquireRelease(Scope.make(), release).pipe(
      Effect.flatMap((scope) =>
        this.#degrade<A | void>("lease", policy.leaseTimeout, () => Scope.extend(storage.lease(key), scope), lookAgain)
      ),
      Effect.map(Option.flatMapNullable((found) => found ?? undefined))
    )
  }

  #degrade<A>(
    operation: Operation,
    duration: Duration.Duration,
    work: () => Effect.Effect<A, TokenStorageError>,
    lookAgain?: Effect.Effect<Option.Option<A>>
  ): Effect.Effect<Option.Option<A>> {
    return Effect.suspend(() => {
      const at = this.#now()
      const isPaused = this.#pauses.rest.isOn(at) || (operation === "lease" && this.#pauses.lease.isOn(at))
      return isPaused ? Effect.succeedNone : this.#attempt(operation, duration, work, lookAgain)
    })
  }

  #attempt<A>(
    operation: Operation,
    duration: Duration.Duration,
    work: () => Effect.Effect<A, TokenStorageError>,
    lookAgain?: Effect.Effect<Option.Option<A>>
  ): Effect.Effect<Option.Option<A>> {
    return Effect.gen(this, function*() {
      const from = this.#now()
      const attempt = yield* Attempt.start(Effect.suspend(work), this.#options.clock)
      const exit = yield* outcomeOf(attempt, duration, lookAgain).pipe(Effect.onInterrupt(() => attempt.abandon))
      const pause = this.#pauses[operation === "lease" ? "lease" : "rest"]
      if (exit !== undefined && Exit.isSuccess(exit)) {
        pause.reset()
        yield* this.#worked(operation)
        return Option.some(exit.value)
      }
      // Whoever set the limit that ended it, others would wait for it as long.
      const at = this.#now()
      if (at - from >= Math.min(SLOW, Duration.toMillis(duration))) pause.begin(at, this.#options.policy)
      if (!this.#failing.includes(operation)) this.#failing = [...this.#failing, operation]
      yield* this.#options.publish(OAuthEvent.StorageFailed({ error: errorOf(operation, duration, exit) }))
      return Option.none()
    })
  }

  #now(): number {
    return this.#options.clock.unsafeCurrentTimeMillis()
  }

  #worked(operation: Operation): Effect.Effect<unknown> {
    if (this.#failing.length === 0) return Effect.void
    // What can be written to can be removed from, which is seldom done.
    const mended = (failed: Operation) => failed === operation || (failed === "remove" && operation === "set")
    this.#failing = this.#failing.filter((failed) => !mended(failed))
    return this.#failing.length > 0 ? Effect.void : this.#options.publish(OAuthEvent.StorageRecovered())
  }
}

const isToken = Schema.is(AccessToken)

/** A storage of somebody's own may have kept what it was given as it saw fit. */
const checkToken = (stored: Option.Option<AccessToken>): Effect.Effect<typeof stored, TokenStorageError> =>
  Option.isNone(stored) || isToken(stored.value)
    ? Effect.succeed(stored)
    : new TokenStorageError({
      operation: "get",
      reason: "Damaged",
      description:
        "what it gave is no AccessToken. The next token replaces it. A storage of your own that leaves the " +
        "process is made by `TokenStorage.makeRecords`, which turns tokens into text and back."
    })

/** In milliseconds. */
const LOOK_INTERVAL = 1000

/** How it ended, or what is found meanwhile; `undefined`, and abandoned, if neither is there within the duration. */
const outcomeOf = <A>(
  attempt: Attempt.Attempt<A, TokenStorageError>,
  duration: Duration.Duration,
  lookAgain: Effect.Effect<Option.Option<A>> | undefined
) =>
  Effect.gen(function*() {
    const interval = lookAgain === undefined ? Number.POSITIVE_INFINITY : LOOK_INTERVAL
    for (let left = Duration.toMillis(duration); left > 0; left -= interval) {
      const exit = yield* attempt.within(Duration.millis(Math.min(left, interval)))
      if (exit !== undefined) return exit
      const found = lookAgain === undefined ? Option.none() : yield* lookAgain
      if (Option.isNone(found)) continue
      yield* attempt.abandon
      return Exit.succeed(found.value)
    }
    yield* attempt.abandon
    return undefined
  })

const errorOf = (
  operation: Operation,
  duration: Duration.Duration,
  exit: Exit.Failure<unknown, TokenStorageError> | undefined
): TokenStorageError => {
  if (exit === undefined) {
    const limit = Duration.format(duration)
    return new TokenStorageError({
      operation,
      description: operation === "lease"
        ? `another held it for longer than ${limit} (\`refreshPolicy.leaseTimeout\`), or the storage hangs.`
        : `it took longer than ${limit} (\`refreshPolicy.storageTimeout\`).`
    })
  }
  return Option.getOrElse(Cause.failureOption(exit.cause), () =>
    new TokenStorageError({
      operation,
      description: "it died. This is a bug in the storage.",
      cause: Cause.squash(exit.cause)
    }))
}
