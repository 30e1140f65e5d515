/**
 * Many calls with a fault at every turn: a million in virtual time, and as many as fit into ten seconds over loopback.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Client } from "../client.ts"
import { ours } from "../clients.ts"
import { measure, soak as measurement } from "../measurements.ts"
import type { Target } from "../report.ts"
import { slope } from "../statistics.ts"
import { atMost, together, trial } from "../workload.ts"
import type { Bench, Workload } from "../workload.ts"

/** In bytes. A leak in each call would be more. */
const mostBytesPerCall = 1

const workers = 16
const turnMillis = 700
const awayMillis = 300
const tokenLifetimeMillis = 4_000
/**
 * A server that revokes every token soon after its issue looks like one that accepts no token, so most turns revoke
 * none.
 */
const turnsARevocation = 6

/** Calls without a pause, while the authorization server is away or tokens are revoked. No call may fail. */
const overLoopback = async ({ call }: Client, { quick, servers }: Bench) => {
  const until = performance.now() + (quick ? 3_000 : 10_000)
  let calls = 0
  let failed = 0
  const worker = async (): Promise<void> => {
    while (performance.now() < until) {
      calls++
      if (await call().catch(() => 0) !== 200) failed++
    }
  }
  const faults = async (): Promise<number> => {
    let turns = 0
    for (; performance.now() < until - turnMillis; turns++) {
      if ((turns + 1) % turnsARevocation !== 0) {
        await servers.setDown(true)
        await sleep(awayMillis)
        await servers.setDown(false)
        await sleep(turnMillis - awayMillis)
      } else {
        await servers.revokeAll()
        await sleep(turnMillis)
      }
    }
    return turns
  }
  const [turns] = await Promise.all([faults(), ...Array.from({ length: workers }, worker)])
  return { calls, failed, turns }
}

export const soak: Workload = {
  name: "soak",
  sideBySide: true,
  run: async (bench) => {
    const [virtual, loopback] = await Promise.all([
      measure(measurement, { calls: bench.quick ? 50_000 : 1_000_000, seed: Math.floor(bench.random() * 2 ** 31) }),
      together(bench, ours, async (competitor, bench) => {
        const { counters, result } = await trial(bench, competitor, { tokenLifetimeMillis }, async (client) => {
          await client.call()
          return overLoopback(client, bench)
        })
        return { competitor, token: counters.token, ...result }
      })
    ])
    // The first half includes everything that is allocated only once: each of fifty kinds of faults runs code of its own.
    const settled = virtual.heap.slice(Math.floor(virtual.heap.length / 2))
    const bytesPerCall = slope(settled) * 1024
    const name = "OAuthProvider, no network"
    const calls = virtual.calls.toLocaleString("en-US")
    const targets: ReadonlyArray<Target> = [
      atMost(
        { name: "OAuthProvider" },
        `failures not explained, of ${calls} calls with a fault at every turn`,
        virtual.unexplained,
        0
      ),
      {
        client: "OAuthProvider",
        claim: "heap that a call of the soak leaves behind",
        wanted: `at most ${mostBytesPerCall} byte`,
        measured: `${bytesPerCall.toFixed(2)} bytes`,
        met: bytesPerCall <= mostBytesPerCall
      },
      ...loopback.map(({ competitor, failed }) => atMost(competitor, "failures in the soak over loopback", failed, 0))
    ]
    return {
      name: "soak",
      title: `${calls} calls, a fault at every turn`,
      columns: [
        { key: "calls", title: "calls" },
        { key: "turns", title: "turns" },
        { key: "served", title: "served" },
        { key: "interrupted", title: "interrupted" },
        { key: "explained", title: "failed, explained" },
        { key: "unexplained", title: "failed, unexplained" },
        { key: "token", title: "token requests" }
      ],
      lines: [
        { client: name, values: { ...virtual, token: virtual.tokenRequests, heap: undefined, examples: undefined } },
        ...loopback.map(({ calls, competitor, failed, token, turns }) => ({
          client: `${competitor.name}, loopback`,
          values: { calls, turns, served: calls - failed, interrupted: 0, explained: 0, unexplained: failed, token }
        }))
      ],
      targets,
      charts: [{
        kind: "curves",
        name: "soak-heap",
        title: `Heap over ${calls} calls`,
        description: "After a collection; one provider, a fault at every turn",
        x: { title: "thousands of calls", scale: "linear" },
        y: { title: "heap, MiB", scale: "linear" },
        series: [{ name: "heap", points: virtual.heap.map(([calls, kib]) => [calls / 1000, kib / 1024] as const) }]
      }],
      note: [
        `${virtual.virtualHours.toFixed(1)} hours in virtual time, ${
          virtual.cpuSeconds.toFixed(0)
        } s of CPU time; one call ` +
        "in ten is sent through OAuthHttpClient, of the others only what concerns the token is done. Half of the calls " +
        "are made by a client with a pinned issuer, half by one that discovers it. A failure is explained if no token " +
        "lived and the last answer, no longer than a minute ago, was a fault that this client may fail from: a page with " +
        "status 502 in place of the first of two documents explains none.",
        ...virtual.examples.map((example) => `- unexplained: ${example}`)
      ].join("\n\n")
    }
  }
}
