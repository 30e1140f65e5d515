/**
 * Tokens that live 2 s from an endpoint that takes 200 ms, under steady load: whether anyone notices a renewal.
 */
import { competitors } from "../clients.ts"
import { atRate } from "../load.ts"
import { atMost, forEach, outcomeColumns, outcomeLine, promised, requestColumns, trial } from "../workload.ts"
import type { Workload } from "../workload.ts"

const tokenLifetimeMillis = 2_000
const tokenMillis = 200
const perSecond = 100
/** A call that waited for the token endpoint took longer than this; one that a busy machine kept waiting did not. */
const longestMillis = tokenMillis / 2

export const shortTokens: Workload = {
  name: "short-tokens",
  run: async (bench) => {
    const seconds = bench.quick ? 5 : 8
    // One for each life, and a life may be cut short by a quarter so that nobody has to wait.
    const mostTokens = 1 + Math.ceil((seconds * 1000) / (tokenLifetimeMillis * 0.75))
    const results = await forEach(competitors, async (competitor) => {
      const settings = { tokenLifetimeMillis, tokenMillis }
      const { counters, result } = await trial(bench, competitor, settings, async ({ call }) => {
        await call()
        return atRate(call, perSecond, seconds)
      })
      return { competitor, outcome: result, counters }
    })
    return {
      name: "short-tokens",
      title: `Tokens live 2 s, the token endpoint takes ${tokenMillis} ms, ${perSecond} calls/s for ${seconds} s`,
      columns: [...outcomeColumns, ...requestColumns],
      lines: results.map(({ competitor, counters, outcome }) => outcomeLine(competitor, outcome, counters)),
      targets: promised(results, ({ competitor, counters, outcome: { failed, p99 } }) => [
        atMost(competitor, "failures under renewal", failed, 0),
        atMost(competitor, "401s under renewal", counters.unauthorized, 0),
        atMost(competitor, `token requests in ${seconds} s, tokens of 2 s`, counters.token, mostTokens),
        {
          client: competitor.name,
          claim: "p99 under renewal: nobody waits for the token endpoint",
          wanted: `below ${longestMillis} ms`,
          measured: `${p99.toFixed(1)} ms`,
          met: p99 < longestMillis
        }
      ])
    }
  }
}
