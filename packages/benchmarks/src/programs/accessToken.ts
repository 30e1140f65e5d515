/**
 * A fresh token in memory, asked for by a fiber that has nothing else to do.
 */
import * as Effect from "effect/Effect"
import * as Fleet from "../fleet.ts"
import { accessToken as measurement, answer, cpuMicros } from "../measurements.ts"
import * as MemoryServers from "../memoryServers.ts"

const servers = MemoryServers.make({ now: Date.now, tokenLifetimeMillis: 3_600_000 })

interface Way {
  readonly name: string
  readonly ask: (provider: Fleet.Provider, times: number) => Effect.Effect<void, unknown>
}

const ways: ReadonlyArray<Way> = [
  {
    name: "accessToken, yield* in Effect.gen",
    ask: ({ accessToken }, times) =>
      Effect.gen(function*() {
        for (let i = 0; i < times; i++) yield* accessToken
      })
  },
  {
    name: "accessToken, Effect.whileLoop",
    ask: ({ accessToken }, times) =>
      Effect.suspend(() => {
        let i = 0
        return Effect.whileLoop({ while: () => i++ < times, body: () => accessToken, step: () => {} })
      })
  },
  {
    name: "unsafeFresh, without a fiber",
    ask: ({ unsafeFresh }, times) =>
      Effect.sync(() => {
        for (let i = 0; i < times; i++) {
          if (unsafeFresh() === undefined) throw new Error("the token is gone")
        }
      })
  },
  {
    name: "to compare: Effect.sync, yield* in Effect.gen",
    ask: (provider, times) => {
      const same = Effect.sync(() => provider)
      return Effect.gen(function*() {
        for (let i = 0; i < times; i++) yield* same
      })
    }
  }
]

await answer(measurement, ({ perRound, rounds }) =>
  Effect.runPromise(Effect.scoped(Effect.gen(function*() {
    const provider = yield* Effect.head(Fleet.make(servers.client, 1))
    yield* provider.accessToken
    const measured = ways.map(({ name }) => ({ name, perSecond: new Array<number>() }))
    // The first two rounds are the compiler's.
    for (let round = -2; round < rounds; round++) {
      for (const [i, { ask }] of ways.entries()) {
        const before = process.cpuUsage()
        yield* ask(provider, perRound)
        if (round >= 0) measured[i]?.perSecond.push(perRound * 1e6 / cpuMicros(before))
      }
    }
    return { ways: measured }
  }))))
