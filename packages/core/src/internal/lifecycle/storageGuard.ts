import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { AccessToken } from "../../AccessToken.ts"
import { TokenStorageError } from "../../OAuthError.ts"
import * as OAuthEvent from "../../OAuthEvent.ts"
import type { RefreshPolicy } from "../../RefreshPolicy.ts"
import type { TokenKey } from "../../TokenKey.ts"
import type { TokenStorage } from "../../TokenStorage.ts"
import * as Attempt from "./attempt.ts"
import { double } from "../double.ts"

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
  readonly #failing = new Set<Operation>()
  /** That a lease is long in coming may be its holder's doing, and says nothing of the rest. */
  readonly #pauses = { lease: new Pause(), rest: new Pause() }

  constructor(options: Options) {
    this.#options = options
  }

  get(): Effect.Effect<Option.Option<AccessToken>> {
    const { key, storage } = this.#options
    return Effect.map(this.#use("get", () => Effect.flatMap(storage.get(key), checkToken)), Option.flatten)
  }

  set(token: AccessToken): Effect.Effect<void> {
    const { key, storage } = this.#options
    return Effect.asVoid(this.#use("set", () => storage.set(key, token)))
  }

  remove(token: AccessToken): Effect.Effect<void> {
    const { key, storage } = this.#options
    return Effect.asVoid(this.#use("remove", () => storage.remove(key, token)))
  }

  /**
   * The lease for the scope; or, while others hold that, what `lookAgain` finds. It looks each second: the holder may have
   * stored a token and then died, and many may be in line for a token that is there already.
   */
  lease<A>(lookAgain: Effect.Effect<Option.Option<A>>): Effect.Effect<Option.Option<A>, never, Scope.Scope> {
    return Effect.gen(this, function*() {
      const { clock, key, policy, storage } = this.#options
      if (this.#isPaused("lease")) return Option.none()
      const from = this.#now()
      const elapsed = stopwatch(clock)
      const limit = Duration.toMillis(policy.leaseTimeout)
      const scope = yield* Effect.acquireRelease(Scope.make(), (scope, exit) => this.#release(scope, exit))
      const attempt = yield* Attempt.start(Scope.extend(storage.lease(key), scope), clock)
      return yield* Effect.gen(this, function*() {
        while (true) {
          const left = limit - elapsed()
          const exit = yield* attempt.within(Duration.millis(Math.max(0, Math.min(left, LOOK_INTERVAL))))
          if (exit !== undefined || elapsed() >= limit) {
            yield* this.#conclude("lease", policy.leaseTimeout, from, exit)
            return Option.none()
          }
          // What fails is not asked again and again.
          const found = this.#failing.has("get") ? Option.none() : yield* lookAgain
          if (Option.isSome(found)) return found
        }
      }).pipe(Effect.ensuring(attempt.abandon))
    })
  }

  /** It may take as long as the other operations, and no longer either. That it works says nothing: none may have been had. */
  #release(scope: Scope.CloseableScope, exit: Exit.Exit<unknown, unknown>): Effect.Effect<unknown> {
    const { clock, policy } = this.#options
    return Effect.gen(this, function*() {
      const from = this.#now()
      const attempt = yield* Attempt.start(Scope.close(scope, exit), clock)
      const closed = yield* attempt.within(policy.storageTimeout)
      if (closed === undefined || Exit.isFailure(closed)) {
        yield* this.#conclude("lease", policy.storageTimeout, from, closed)
      }
    })
  }

  #use<A>(
    operation: Exclude<Operation, "lease">,
    work: () => Effect.Effect<A, TokenStorageError>
  ): Effect.Effect<Option.Option<A>> {
    return Effect.gen(this, function*() {
      const { clock, policy } = this.#options
      if (this.#isPaused(operation)) return Option.none()
      const from = this.#now()
      const attempt = yield* Attempt.start(Effect.suspend(work), clock)
      const exit = yield* Effect.ensuring(attempt.within(policy.storageTimeout), attempt.abandon)
      return yield* this.#conclude(operation, policy.storageTimeout, from, exit)
    })
  }

  #isPaused(operation: Operation): boolean {
    const at = this.#now()
    return this.#pauses.rest.isOn(at) || (operation === "lease" && this.#pauses.lease.isOn(at))
  }

  /** `exit`: how the operation ended, or that its time was over first. */
  #conclude<A>(
    operation: Operation,
    limit: Duration.Duration,
    from: number,
    exit: Exit.Exit<A, TokenStorageError> | undefined
  ): Effect.Effect<Option.Option<A>> {
    const { policy, publish } = this.#options
    const pause = this.#pauses[operation === "lease" ? "lease" : "rest"]
    if (exit !== undefined && Exit.isSuccess(exit)) {
      pause.reset()
      const done = Option.some(exit.value)
      return this.#mends(operation) ? Effect.as(publish(OAuthEvent.StorageRecovered()), done) : Effect.succeed(done)
    }
    // Whoever set the limit that ended it, others would wait for it as long.
    const at = this.#now()
    if (at - from >= Math.min(SLOW, Duration.toMillis(limit))) pause.begin(at, policy)
    const error = errorOf(operation, limit, exit)
    // That another was faster is no fault of the storage.
    if (error.reason !== "LeaseLost") this.#failing.add(operation)
    return Effect.as(publish(OAuthEvent.StorageFailed({ error })), Option.none())
  }

  /** Whether nothing fails any more, now that this works. */
  #mends(operation: Operation): boolean {
    if (this.#failing.size === 0) return false
    // It was away as a whole, and who only reads from now on never learns of the rest.
    if (operation === "get" && this.#failing.has("get")) this.#failing.clear()
    // What can be written to can be removed from, which is seldom done.
    if (operation === "set") this.#failing.delete("remove")
    this.#failing.delete(operation)
    return this.#failing.size === 0
  }

  #now(): number {
    return this.#options.clock.unsafeCurrentTimeMillis()
  }
}

/** In milliseconds. */
const LOOK_INTERVAL = 1000

/** The milliseconds from now on, whatever becomes of the wall clock. */
const stopwatch = (clock: Clock.Clock): () => number => {
  const from = clock.unsafeCurrentTimeNanos()
  return () => Number(clock.unsafeCurrentTimeNanos() - from) / 1e6
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

const errorOf = (
  operation: Operation,
  limit: Duration.Duration,
  exit: Exit.Failure<unknown, TokenStorageError> | undefined
): TokenStorageError => {
  if (exit !== undefined) {
    return Option.getOrElse(Cause.failureOption(exit.cause), () =>
      new TokenStorageError({
        operation,
        description: `it died${whereOf(Cause.squash(exit.cause))}. This is a bug in the storage.`
      }))
  }
  const duration = Duration.format(limit)
  return new TokenStorageError({
    operation,
    description: operation === "lease"
      ? `another held it for longer than ${duration} (\`refreshPolicy.leaseTimeout\`), or the storage hangs.`
      : `it took longer than ${duration} (\`refreshPolicy.storageTimeout\`).`
  })
}

/** Its kind and place, and not its words: it may hold what was to be kept. */
const whereOf = (defect: unknown): string => {
  if (!(defect instanceof Error)) return ""
  const frame = /^\s+(at .*)$/m.exec(defect.stack ?? "")?.[1]
  return ` of a ${defect.name}${frame === undefined ? "" : ` ${frame}`}`
}
