/**
 * A fresh token in memory, asked for by a fiber that does nothing else.
 */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { OAuthProvider, TokenStorage } from "@effect-mcp-auth/core"
import { TestServers } from "@effect-mcp-auth/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { accessToken as measurement, answer, cpuMicros } from "../measurements.ts"

type Provider = OAuthProvider.OAuthProvider.Service

const Auth = Layer.unwrapEffect(Effect.map(TestServers.TestServers, ClientSecret.layer)).pipe(
  Layer.provide(TestServers.layer()),
  Layer.provide(TokenStorage.layerMemory)
)

interface Way {
  readonly name: string
  readonly ask: (provider: Provider, times: number) => Effect.Effect<void, unknown>
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
  Effect.runPromise(
    Effect.gen(function*() {
      const provider = yield* OAuthProvider.OAuthProvider
      yield* provider.accessToken
      const measured = ways.map(({ name }) => ({ name, perSecond: new Array<number>() }))
      // In the first two rounds V8 compiles the code.
      for (let round = -2; round < rounds; round++) {
        for (const [i, { ask }] of ways.entries()) {
          const before = process.cpuUsage()
          yield* ask(provider, perRound)
          if (round >= 0) measured[i]?.perSecond.push(perRound * 1e6 / cpuMicros(before))
        }
      }
      return { ways: measured }
    }).pipe(Effect.provide(Auth))
  ))
