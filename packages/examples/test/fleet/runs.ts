/**
 * Renewals as a correct run of the fleet makes them.
 */
import { Renewals } from "../../src/fleet/Renewals.ts"

/** The lifetime of a token, in milliseconds. */
export const lifetime = 6000

/**
 * Four renewals. With `kill`, the renewing process is dead after 100 ms, and another requests the token 900 ms later.
 */
export const renewalsOf = (kill: boolean) => {
  const renewals = new Renewals(lifetime)
  for (const at of [0, 5000, 10_000, 15_000]) {
    const renewal = renewals.arrived("the fleet", at)
    if (!kill || at === 0) continue
    renewal.killedAt = at + 100
    renewals.arrived("the fleet", at + 1000)
  }
  return renewals.all
}
