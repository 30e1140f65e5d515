/**
 * Tokens that live 2 s from an endpoint that takes 200 ms, under steady load: whether calls notice a renewal.
 *
 * Beside each client, in the same seconds, a plain `fetch` runs under the same load with a token that does not expire,
 * against servers of its own. A busy machine delays both, and the ratio of their p99 is what renewals add.
 */
import { RefreshPolicy } from "@effect-mcp-auth/core"
import * as Duration from "effect/Duration"
import { competitors, ours, plainFetch } from "../clients.ts"
import { atRate, pooled } from "../load.ts"
import {
  apart,
  atMost,
  clientBars,
  forEach,
  outcomeColumns,
  participants,
  promised,
  requestColumns,
  trial
} from "../workload.ts"
import type { Workload } from "../workload.ts"

const tokenLifetimeMillis = 2_000
const tokenMillis = 200
const perSecond = 100
const mostRatio = 1.5
/**
 * A token may be put to use for so long before it may be renewed: the shortest life of which one request is expected.
 */
const shortestLifeMillis = tokenLifetimeMillis -
  Duration.toMillis(RefreshPolicy.standard.advisoryWindow(Duration.millis(tokenLifetimeMillis)))

export const shortTokens: Workload = {
  name: "short-tokens",
  turns: 2,
  run: async (bench) => {
    const seconds = bench.quick ? 4 : 8
    const results = await forEach(participants(bench, competitors), async (competitor) => {
      // Clients with a promise about their p99 run longer.
      const rounds = ours.includes(competitor) && !bench.quick ? 2 : 1
      const trials = await forEach(Array.from({ length: rounds }), () =>
        Promise.all([
          trial(bench, competitor, { tokenLifetimeMillis, tokenMillis }, async ({ call }) => {
            await call()
            return atRate(call, perSecond, seconds)
          }),
          apart(bench, (bench) =>
            trial(bench, plainFetch, {}, async ({ call }) => {
              await call()
              return atRate(call, perSecond, seconds)
            }))
        ]))
      const outcome = pooled(trials.map(([own]) => own.result))
      const base = pooled(trials.map(([, base]) => base.result))
      const count = (key: "token" | "unauthorized") => trials.reduce((sum, [{ counters }]) => sum + counters[key], 0)
      return {
        competitor,
        outcome,
        counters: { token: count("token"), unauthorized: count("unauthorized") },
        // The first token of each round begins a life and ends none.
        perLife: (count("token") - rounds) / (rounds * seconds * 1000 / shortestLifeMillis),
        ratio: outcome.p99 / base.p99,
        baseP99: base.p99
      }
    })
    const lines = results.map((
      { baseP99, competitor, counters, outcome: { calls, failed, p50, p99 }, perLife, ratio }
    ) => ({
      client: competitor.name,
      values: { calls, failed, p50, p99, baseP99, ratio, ...counters, perLife: competitor.renews ? perLife : undefined }
    }))
    return {
      name: "short-tokens",
      title: `Tokens live 2 s, the token endpoint takes ${tokenMillis} ms, ${perSecond} calls/s`,
      columns: [
        ...outcomeColumns,
        { key: "baseP99", title: "p99 of fetch beside it", digits: 1 },
        {
          key: "ratio",
          title: "ratio",
          digits: 2,
          compared: { better: "less", title: "p99, as a ratio to fetch beside it" }
        },
        ...requestColumns.filter(({ key }) => key === "token" || key === "unauthorized"),
        { key: "perLife", title: "token requests per life", digits: 2 }
      ],
      lines,
      targets: promised(results, ({ competitor, counters, outcome, perLife, ratio }) => [
        atMost(competitor, "failures under renewal", outcome.failed, 0),
        atMost(competitor, "401s under renewal", counters.unauthorized, 0),
        {
          client: competitor.name,
          claim: "token requests per life of 2 s",
          wanted: "at most 1",
          measured: perLife.toFixed(2),
          met: perLife <= 1
        },
        {
          client: competitor.name,
          claim: "p99 under renewal, as a ratio to fetch with a token that does not expire",
          wanted: `at most ${mostRatio}`,
          measured: `${ratio.toFixed(2)} (${outcome.p99.toFixed(1)} ms)`,
          met: ratio <= mostRatio
        }
      ]),
      charts: [clientBars({
        name: "short-tokens",
        title: `Tokens of 2 s, ${perSecond} calls a second`,
        description:
          `The token endpoint takes ${tokenMillis} ms; the ratio is to fetch with a token that does not expire`,
        lines,
        panels: [
          { key: "failed", title: "failed" },
          { key: "unauthorized", title: "401s" },
          { key: "p99", title: "p99, ms" },
          { key: "ratio", title: "p99, ratio", digits: 1, limit: mostRatio }
        ]
      })],
      note: `A life counts until its earliest renewal, after ${shortestLifeMillis} ms. Beside each client a plain ` +
        "`fetch` runs under the same load in the same seconds."
    }
  }
}
