/**
 * 1,000 callers ask for the first token and half of them are interrupted, among them the first one.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Client } from "../client.ts"
import { renewing } from "../clients.ts"
import { shuffled } from "../statistics.ts"
import type { Random } from "../statistics.ts"
import { atMost, clientBars, forEach, promised, requestColumns, trial } from "../workload.ts"
import type { Workload } from "../workload.ts"

const callers = 1_000
const tokenMillis = 100

const askAndInterrupt = async ({ askForToken }: Client, random: Random) => {
  if (askForToken === undefined) return { failed: callers, served: 0, interrupted: 0 }

  const [first = 0, ...others] = Array.from({ length: callers }, (_, i) => i)
  const impatient = new Set([first, ...shuffled(others, random).slice(0, callers / 2 - 1)])

  const asks = await Promise.all(Array.from({ length: callers }, async (_, i) => {
    const controller = new AbortController()
    const answered = askForToken(controller.signal).then(() => true, () => false)
    if (impatient.has(i)) {
      await sleep(random() * tokenMillis)
      controller.abort()
    }
    return { served: await answered, interrupted: impatient.has(i) }
  }))
  return {
    served: asks.filter((ask) => ask.served && !ask.interrupted).length,
    failed: asks.filter((ask) => !ask.served && !ask.interrupted).length,
    interrupted: impatient.size
  }
}

export const interrupted: Workload = {
  name: "interrupted",
  run: async (bench) => {
    const results = await forEach(renewing, async (competitor) => {
      const { counters, result } = await trial(
        bench,
        competitor,
        { tokenMillis },
        (client) => askAndInterrupt(client, bench.random)
      )
      return { competitor, asks: result, counters }
    })
    const lines = results.map(({ asks, competitor, counters }) => ({
      client: competitor.name,
      values: { ...counters, ...asks }
    }))
    return {
      name: "interrupted",
      title: `${callers} ask for a token, ${
        callers / 2
      } of them interrupted within the ${tokenMillis} ms that it takes`,
      columns: [
        { key: "interrupted", title: "interrupted" },
        { key: "served", title: "served" },
        { key: "failed", title: "failed" },
        ...requestColumns
      ],
      lines,
      targets: promised(results, ({ asks, competitor, counters }) => [
        atMost(competitor, `token requests of ${callers} callers, ${callers / 2} interrupted`, counters.token, 1),
        atMost(competitor, "failures among callers not interrupted", asks.failed, 0)
      ]),
      charts: [clientBars({
        name: "interrupted",
        title: `${callers} callers and no token, half of them interrupted`,
        description: "Token requests, and how many of the patient half were failed",
        lines,
        panels: [{ key: "token", title: "token requests", limit: 1 }, { key: "failed", title: "failed" }]
      })]
    }
  }
}
