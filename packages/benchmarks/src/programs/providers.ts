/**
 * Ten thousand providers in one process: their heap, the CPU time to make them, and an hour of their renewals.
 */
import { VirtualClock } from "@effect-mcp-auth/testing"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Scope from "effect/Scope"
import * as Fleet from "../fleet.ts"
import { answer, cpuMicros, heapUsed, providers as measurement } from "../measurements.ts"
import * as MemoryServers from "../memoryServers.ts"

const start = Date.UTC(2027, 0, 1)
const hourMillis = 3_600_000
/** Renewals of the same tenth of a second run side by side, so that the clock itself costs less. */
const clock = VirtualClock.make({ start, tick: 100 })
const now = () => clock.machineTime
const runtime = ManagedRuntime.make(clock.layer)

let renewals: Array<number> = []
const servers = MemoryServers.make({
  now,
  tokenLifetimeMillis: hourMillis,
  onTokenRequest: () => renewals.push(now() - start)
})

const askAll = (fleet: ReadonlyArray<Fleet.Provider>) =>
  runtime.runPromise(Effect.forEach(fleet, ({ accessToken }) => accessToken, { concurrency: 32, discard: true }))

const open = async () => {
  const scope = await runtime.runPromise(Scope.make())
  return {
    add: (tenants: number) => runtime.runPromise(Scope.extend(Fleet.make(servers.client, tenants), scope)),
    close: () => runtime.runPromise(Scope.close(scope, Exit.void))
  }
}

const fill = async (tenants: number) => {
  const { add, close } = await open()
  const before = heapUsed()
  const cpu = process.cpuUsage()
  const fleet = await add(tenants)
  const buildMicros = cpuMicros(cpu) / tenants
  const heapOfEach = () => (heapUsed() - before) / 1024 / tenants
  const builtKib = heapOfEach()
  const cpuOfTokens = process.cpuUsage()
  await askAll(fleet)
  const firstTokenMicros = cpuMicros(cpuOfTokens) / tenants
  return { fleet, close, size: { providers: tenants, buildMicros, builtKib, heldKib: heapOfEach(), firstTokenMicros } }
}

/** Releases everything, so that the next measurement starts from an empty heap. */
const fillAndClose = async (tenants: number) => {
  const { close, size } = await fill(tenants)
  await close()
  // Lets interrupted fibers run their finalizers.
  await clock.advance(1)
  return size
}

/** All providers got their first tokens at once, so only the jitter spreads the renewals. */
const hourOf = async (fleet: ReadonlyArray<Fleet.Provider>) => {
  const from = now() - start
  const before = process.cpuUsage()
  renewals = []
  // Each token is used halfway. A token without use is not renewed.
  await clock.advance(hourMillis / 2)
  await askAll(fleet)
  await clock.advance(hourMillis / 2)
  const micros = cpuMicros(before)
  // With fewer providers several seconds count as one: with few renewals a second, chance alone makes one stand out.
  const secondsEach = Math.max(1, Math.round(10_000 / fleet.length))
  const seconds = new Map<number, number>()
  for (const at of renewals) {
    const second = Math.floor((at - from) / 1000 / secondsEach) * secondsEach
    seconds.set(second, (seconds.get(second) ?? 0) + 1)
  }
  const [first, last] = [Math.min(...seconds.keys()), Math.max(...seconds.keys())]
  const fresh = fleet.filter((provider) => provider.unsafeFresh() !== undefined).length
  return {
    renewals: renewals.length,
    cpuMicrosPerRenewal: micros / renewals.length,
    cpuSeconds: micros / 1e6,
    failed: fleet.length - fresh,
    perSecond: Array.from(
      { length: 3600 / secondsEach },
      (_, i) => [i * secondsEach / 60, (seconds.get(i * secondsEach) ?? 0) / secondsEach] as const
    ),
    busiestSecond: Math.max(...seconds.values()) / secondsEach,
    meanPerSecond: renewals.length / (last - first + secondsEach)
  }
}

await answer(measurement, async ({ sizes }) => {
  // During the first round V8 compiles the code.
  await fillAndClose(Math.min(500, ...sizes))
  const smaller: Array<Awaited<ReturnType<typeof fillAndClose>>> = []
  for (const size of sizes.slice(0, -1)) smaller.push(await fillAndClose(size))
  const largest = await fill(sizes.at(-1) ?? 0)
  return { sizes: [...smaller, largest.size], hour: await hourOf(largest.fleet) }
})
