import type { TokenStorageError } from "@effect-mcp-auth/core/OAuthError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { Client } from "../connection/client.ts"
import * as Scripts from "../scripts.ts"

/** How long Redis remembers a fence after its last lease, in milliseconds: longer than any pause of a process. */
const FENCE_MEMORY = Duration.toMillis("1 day")

/** The shortest wait between two attempts, in milliseconds: a lease that is about to expire causes no busy loop. */
const LEAST_WAIT = 10

/** How long a release may take. After that the lease expires by itself. */
const RELEASE_TIMEOUT = Duration.seconds(2)

/**
 * The leases of one process.
 *
 * @internal
 */
export interface Leases {
  /** Waits for the lease, and holds it until the scope closes. */
  readonly take: (name: string) => Effect.Effect<void, TokenStorageError, Scope.Scope>
  /** The fencing token of a lease that this process holds. */
  readonly fenceOf: (name: string) => number | undefined
}

/**
 * @internal
 */
export interface Options {
  readonly keyOf: (name: string, kind: "lease" | "fence" | "line") => string
  /** The prefix of the channels on which waiters learn that the lease is free. The waiter's id follows it. */
  readonly channelsOf: (name: string) => string
  readonly leaseDuration: Duration.Duration
  readonly pollInterval: Duration.Duration
}

/**
 * @internal
 */
export const make = (client: Client, { channelsOf, keyOf, ...options }: Options): Leases => {
  const [leaseDuration, pollInterval] = [
    Duration.toMillis(options.leaseDuration),
    Duration.toMillis(options.pollInterval)
  ]
  const fences = new Map<string, number>()

  const take = (name: string) =>
    Effect.gen(function*() {
      const holder = crypto.randomUUID()
      const [leaseKey, fenceKey, lineKey] = [keyOf(name, "lease"), keyOf(name, "fence"), keyOf(name, "line")]
      const channels = channelsOf(name)
      const woken = yield* Queue.sliding<void>(1)
      let fence = 0
      // Before the first attempt, because Redis still runs a command whose fiber was interrupted.
      yield* Effect.addFinalizer(() =>
        Effect.suspend(() => {
          if (fences.get(name) === fence) fences.delete(name)
          return client.run("lease", Scripts.release, [leaseKey, lineKey], [holder, channels])
        }).pipe(Effect.interruptible, Effect.timeout(RELEASE_TIMEOUT), Effect.ignore)
      )
      const attempt = client.run("lease", Scripts.acquire, [leaseKey, fenceKey, lineKey], [
        holder,
        leaseDuration,
        FENCE_MEMORY
      ]).pipe(Effect.map(Scripts.decodeAcquired))
      let answer = yield* attempt
      if ("left" in answer) {
        const unsubscribe = client.subscribe(`${channels}${holder}`, () => Queue.unsafeOffer(woken, undefined))
        yield* Effect.addFinalizer(() => Effect.sync(unsubscribe))
        while ("left" in answer) {
          // A holder that died wakes no waiter. Its lease is gone 1 ms after the time that was left.
          const wait = Math.min(pollInterval, Math.max(LEAST_WAIT, answer.left + 1))
          yield* Effect.timeoutOption(Queue.take(woken), Duration.millis(wait))
          answer = yield* attempt
        }
        unsubscribe()
      }
      fence = answer.fence
      fences.set(name, fence)
      const renew = client.run("lease", Scripts.renew, [leaseKey, fenceKey], [holder, leaseDuration, FENCE_MEMORY])
      yield* Effect.either(renew).pipe(
        Effect.delay(Duration.millis(leaseDuration / 4)),
        // A lost lease does not come back, so its renewal ends. A Redis that fails may come back before the lease
        // expires.
        Effect.repeat({ until: (renewed) => Either.isRight(renewed) && renewed.right === 0 }),
        Effect.forkScoped
      )
    })

  return { take, fenceOf: (name) => fences.get(name) }
}
