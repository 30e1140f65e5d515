import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { AccessToken } from "../../AccessToken.ts"
import { type DiscoveryRecord, isDiscoveryRecord } from "../../DiscoveryRecord.ts"
import { TokenStorageError } from "../../OAuthError.ts"
import * as OAuthEvent from "../../OAuthEvent.ts"
import * as RefreshPolicy from "../../RefreshPolicy.ts"
import type { TokenKey } from "../../TokenKey.ts"
import type { TokenStorage } from "../../TokenStorage.ts"
import { isSameIssuer } from "../text/issuer.ts"
import * as BackgroundClock from "../waiting/backgroundClock.ts"
import * as Attempt from "./storageAttempt.ts"

/**
 * How long a storage that hung is not used, since every token request would wait for it again: `storageTimeout`,
 * doubled each time, up to `backoff.max`.
 */
class Pause {
  #times = 0
  #from = 0
  #until = 0

  isOn(at: number): boolean {
    return this.#from <= at && at < this.#until
  }

  begin(at: number, { backoff, storageTimeout }: RefreshPolicy.RefreshPolicy): void {
    this.#from = at
    this.#until = at + RefreshPolicy.doubled(storageTimeout, this.#times++, backoff.max)
  }

  reset(): void {
    this.#times = 0
  }
}

/** An operation that fails after this time, in milliseconds, counts as one that hung. */
const SLOW = 1000

/** While another process holds the lease, the guard looks for its token at this interval, in milliseconds. */
const LOOK_INTERVAL = 1000

type Operation = TokenStorageError["operation"]

/** @internal */
export interface Options {
  readonly storage: TokenStorage.Service
  readonly key: TokenKey
  readonly policy: RefreshPolicy.RefreshPolicy
  readonly clock: Clock.Clock
  readonly publish: (event: OAuthEvent.OAuthEvent) => Effect.Effect<unknown>
}

/**
 * One key of a storage that may fail, hang or die. Each operation ends within its time limit, never fails, and returns
 * nothing when the storage fails. A `StorageFailed` event has the reason.
 *
 * @internal
 */
export class StorageGuard {
  readonly #options: Options
  /** The operations whose last use failed. */
  readonly #failing = new Set<Operation>()
  /** The lease has a pause of its own: a long wait for it may be due to its holder, and not to the storage. */
  readonly #pauses = { lease: new Pause(), rest: new Pause() }

  constructor(options: Options) {
    this.#options = { ...options, clock: BackgroundClock.of(options.clock) }
  }

  get(): Effect.Effect<Option.Option<AccessToken>> {
    const { key, storage } = this.#options
    return Effect.map(this.#use("get", () => Effect.flatMap(storage.get(key), checkToken(key))), Option.flatten)
  }

  set(token: AccessToken): Effect.Effect<void> {
    const { key, storage } = this.#options
    return Effect.asVoid(this.#use("set", () => storage.set(key, token)))
  }

  remove(token: AccessToken): Effect.Effect<void> {
    const { key, storage } = this.#options
    return Effect.asVoid(this.#use("remove", () => storage.remove(key, token)))
  }

  /** The discovery record of an earlier process; none if the storage is for tokens only. */
  getDiscovery(): Effect.Effect<Option.Option<DiscoveryRecord>> {
    const { key, storage: { discovery } } = this.#options
    if (discovery === undefined) return Effect.succeedNone
    return Effect.map(
      this.#use("get", () => Effect.flatMap(discovery.get(discoveryKey(key)), checkDiscovery)),
      Option.flatten
    )
  }

  /** Returns whether the storage has taken the record. */
  setDiscovery(record: DiscoveryRecord): Effect.Effect<boolean> {
    const { key, storage: { discovery } } = this.#options
    return discovery === undefined
      ? Effect.succeed(false)
      : Effect.map(this.#use("set", () => discovery.set(discoveryKey(key), record)), Option.isSome)
  }

  /**
   * Takes the lease for as long as the scope lasts. While others hold the lease, returns what `lookAgain` finds. The
   * guard looks again each second: the holder may store a token and then die, and many processes may be in line for a
   * token that is already there.
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
          // A failing storage is not read again each second.
          const found = this.#failing.has("get") ? Option.none() : yield* lookAgain
          if (Option.isSome(found)) return found
        }
      }).pipe(Effect.ensuring(attempt.interruptFork))
    })
  }

  /**
   * Releases the lease, within the time limit of the other operations. A successful release proves nothing: the lease
   * may never have been granted.
   */
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

  #use<A>(operation: Exclude<Operation, "lease">, work: () => Effect.Effect<A, TokenStorageError>) {
    return Effect.gen(this, function*() {
      const { clock, policy } = this.#options
      if (this.#isPaused(operation)) return Option.none()
      const from = this.#now()
      const attempt = yield* Attempt.start(Effect.suspend(work), clock)
      const exit = yield* Effect.ensuring(attempt.within(policy.storageTimeout), attempt.interruptFork)
      return yield* this.#conclude(operation, policy.storageTimeout, from, exit)
    })
  }

  #isPaused(operation: Operation): boolean {
    const at = this.#now()
    return this.#pauses.rest.isOn(at) || (operation === "lease" && this.#pauses.lease.isOn(at))
  }

  /** `exit`: how the operation ended, or `undefined` if its time limit came first. */
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
      return this.#isRecoveredBy(operation)
        ? Effect.as(publish(OAuthEvent.StorageRecovered()), done)
        : Effect.succeed(done)
    }
    // The storage's own time limit may have ended the operation. Other operations would still wait as long.
    const at = this.#now()
    if (at - from >= Math.min(SLOW, Duration.toMillis(limit))) pause.begin(at, policy)
    const error = errorOf(operation, limit, exit)
    // A lost lease means that another process was faster, and not that the storage failed.
    if (error.reason !== "LeaseLost") this.#failing.add(operation)
    return Effect.as(publish(OAuthEvent.StorageFailed({ error })), Option.none())
  }

  /** Whether the success of this operation ends the failure of the storage. */
  #isRecoveredBy(operation: Operation): boolean {
    if (this.#failing.size === 0) return false
    // The whole storage was away, and a provider that only reads from now on would never learn that writing works.
    if (operation === "get" && this.#failing.has("get")) this.#failing.clear()
    // Removing is rare. Where writing works, removing works too.
    if (operation === "set") this.#failing.delete("remove")
    this.#failing.delete(operation)
    return this.#failing.size === 0
  }

  #now(): number {
    return this.#options.clock.unsafeCurrentTimeMillis()
  }
}

/** The milliseconds from now on, by the monotonic clock. */
const stopwatch = (clock: Clock.Clock): () => number => {
  const from = clock.unsafeCurrentTimeNanos()
  return () => Number(clock.unsafeCurrentTimeNanos() - from) / 1e6
}

const isToken = Schema.is(AccessToken)

/** A storage that a user has written may return something else than the token that it was given. */
const checkToken =
  ({ issuer }: TokenKey) => (stored: Option.Option<AccessToken>): Effect.Effect<typeof stored, TokenStorageError> => {
    if (Option.isNone(stored)) return Effect.succeed(stored)
    if (!isToken(stored.value)) {
      return new TokenStorageError({
        operation: "get",
        reason: "Damaged",
        description:
          "it returned something that is not an AccessToken. The next token replaces it. If your storage keeps tokens " +
          "outside the process, make it with `RecordTokenStorage.make`, which turns tokens into text and back."
      })
    }
    return issuer === "discover" || isSameIssuer(stored.value.issuer, issuer)
      ? Effect.succeed(stored)
      : new TokenStorageError({
        operation: "get",
        reason: "Foreign",
        description:
          "the stored token is of another authorization server than `issuer`, and was not used. The next token replaces " +
          "it. Find out who else writes to the storage."
      })
  }

const checkDiscovery = (
  stored: Option.Option<DiscoveryRecord>
): Effect.Effect<typeof stored, TokenStorageError> =>
  Option.isNone(stored) || isDiscoveryRecord(stored.value)
    ? Effect.succeed(stored)
    : new TokenStorageError({
      operation: "get",
      reason: "Damaged",
      description:
        "`discovery.get` returned something that is not a DiscoveryRecord, or is too large. The next discovery " +
        "replaces it."
    })

/** Providers that differ only in subject, scopes or parameters discover the same, so they share the record. */
const discoveryKey = (key: TokenKey): TokenKey => ({ ...key, subject: "", scopes: [], parameters: [] })

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
      ? `another process held it for longer than ${duration} (\`refreshPolicy.leaseTimeout\`), or the storage hangs.`
      : `it took longer than ${duration} (\`refreshPolicy.storageTimeout\`).`
  })
}

/** The kind and place of a defect, and not its message, which may hold the token. */
const whereOf = (defect: unknown): string => {
  if (!(defect instanceof Error)) return ""
  const frame = /^[ \t]+(at .*)$/m.exec(defect.stack ?? "")?.[1]
  return ` of a ${defect.name}${frame === undefined ? "" : ` ${frame}`}`
}
