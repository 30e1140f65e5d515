import { TokenStorageError } from "@effect-mcp-auth/core/OAuthError"
import type * as RecordTokenStorage from "@effect-mcp-auth/core/RecordTokenStorage"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Client } from "../connection/client.ts"
import * as Scripts from "../scripts.ts"
import * as Leases from "./leases.ts"

/**
 * How often another process may replace the record between reading and writing, before something else must be wrong.
 */
const MAX_ATTEMPTS = 100

/**
 * @internal
 */
export interface Options {
  readonly prefix: string
  readonly leaseDuration: Duration.Duration
  readonly pollInterval: Duration.Duration
}

/**
 * The records and leases of all tokens in one Redis.
 *
 * @internal
 */
export const make = (client: Client, { leaseDuration, pollInterval, prefix }: Options): RecordTokenStorage.Store => {
  const keyOf = (name: string, kind: "record" | "fence" | "lease" | "line") => `${prefix}{${name}}:${kind}`
  const channelsOf = (name: string) => `${prefix}{${name}}:released:`
  const leases = Leases.make(client, { keyOf, channelsOf, leaseDuration, pollInterval })

  return {
    get: (name) => client.get("get", keyOf(name, "record")),
    modify: (name, operation, change) =>
      Effect.gen(function*() {
        const keys = [keyOf(name, "record"), keyOf(name, "fence")]
        for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
          const current = yield* client.get(operation, keyOf(name, "record"))
          const made = yield* change(current)
          if (made._tag === "Keep") return
          const [record, keepFor] = made._tag === "Write" ? [made.record, Math.ceil(made.keepFor)] : ["", 0]
          const outcome = yield* client.run(operation, Scripts.replace, keys, [
            Option.getOrElse(current, () => ""),
            record,
            // Redis refuses an expiry of 0 ms.
            Math.max(1, keepFor),
            leases.fenceOf(name) ?? ""
          ])
          if (outcome === 1) return
          if (outcome === -1) {
            return yield* new TokenStorageError({
              operation,
              reason: "LeaseLost",
              description: "another process has taken the lease, so the token of this process was not stored. " +
                "If this happens often, this process pauses for longer than `leaseDuration`: raise it."
            })
          }
        }
        return yield* new TokenStorageError({
          operation,
          description: `other processes replaced the record ${MAX_ATTEMPTS} times before this process could. ` +
            "Check that no other program writes under this `prefix`."
        })
      }),
    lease: leases.take
  }
}
