import type { TokenStorageError } from "@effect-mcp-auth/core/OAuthError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { Client } from "./client.ts"
import * as Scripts from "./scripts.ts"

/** How long a fence is remembered after its last lease, in milliseconds: longer than any process is paused. */
const FENCE_MEMORY = Duration.toMillis("1 day")

/** Between two looks, in milliseconds: a lease that ends just now is not asked for over and over. */
const LEAST_WAIT = 10

/** How long the end of a lease may take; it ends by itself soon enough. */
const RELEASE_TIMEOUT = Duration.seconds(2)

/**
 * The leases of one process. `take` waits for one and holds it for the scope; `fenceOf` is the fencing token of one that
 * is held.
 *
 * @internal
 */
export interface Leases {
  readonly take: (name: string) => Effect.Effect<void, TokenStorageError, Scope.Scope>
  readonly fenceOf: (name: string) => number | undefined
}

/**
 * Times in milliseconds.
 *
 * @internal
 */
export const make = (client: Client, options: {
  readonly keyOf: (name: string, kind: "lease" | "fence" | "line") => string
  /** What the channels begin with on which those who wait for this lease are told of its end. */
  readonly channelsOf: (name: string) => string
  readonly leaseDuration: number
  readonly pollInterval: number
}): Leases => {
  const { channelsOf, keyOf, leaseDuration, pollInterval } = options
  const fences = new Map<string, number>()

  const take = (name: string) =>
    Effect.gen(function*() {
      const holder = crypto.randomUUID()
      const [leaseKey, fenceKey, lineKey] = [keyOf(name, "lease"), keyOf(name, "fence"), keyOf(name, "line")]
      const channels = channelsOf(name)
      const woken = yield* Queue.sliding<void>(1)
      let fence = 0
      // First, since a command that is under way when its fiber is interrupted is carried out all the same.
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
          // Whoever died with the lease wakes nobody. It is over in the millisecond after its last one.
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
        // What is lost does not come back; a Redis that is away may, before the lease has ended.
        Effect.repeat({ until: (kept) => Either.isRight(kept) && kept.right === 0 }),
        Effect.forkScoped
      )
    })

  return { take, fenceOf: (name) => fences.get(name) }
}
