import { describe, expect, it } from "@effect/vitest"
import { HttpClient, type HttpClientError } from "@effect/platform"
import { Effect } from "effect"
import { OAuthError } from "../../src/index.ts"
import type { Rule } from "./Facts.ts"
import * as Schedule from "./Schedule.ts"
import { quickly, testSeeds } from "./seeds.ts"
import * as Simulation from "./Simulation.ts"
import { issuer } from "./World.ts"

testSeeds(1)

describe("the simulation", () => {
  it("makes the same trace twice for the same seed", () =>
    quickly(async () => {
      for (let seed = 1; seed <= 40; seed++) {
        const traces = [await Simulation.run(Schedule.make(seed)), await Simulation.run(Schedule.make(seed))]
        expect(traces[0]?.trace).toEqual(traces[1]?.trace)
        expect(traces[0]?.trace.length).toBeGreaterThan(1)
      }
    }))

  it("lets no secret into errors", async () => {
    const traces: Array<string> = []
    for (let seed = 1; seed <= 20; seed++) traces.push(...(await Simulation.run(Schedule.make(seed))).trace)
    // The recorder of these tests searches all errors for secrets, so there must be some.
    expect(traces.filter((line) => line.includes("\"Failed\""))).not.toEqual([])
  })
})

describe("the simulation finds a planted fault", () => {
  const made = new OAuthError.TokenEndpointError({ reason: "Unavailable", url: issuer, description: "made up" })

  const faults: ReadonlyArray<readonly [name: string, fault: Simulation.Options, rule: Rule]> = [
    ["two token requests at once", {
      client: (client) =>
        HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(
          Effect.flatMap((request) =>
            request.url.endsWith("/token")
              ? Effect.map(
                Effect.all([client.execute(request), client.execute(request)], { concurrency: 2 }),
                ([a]) => a
              )
              : client.execute(request)
          ),
          Effect.succeed
        )
    }, "one token request at a time"],
    ["a token that is used forever", {
      provider: (provider) => {
        let first = provider.unsafeFresh()
        return { ...provider, unsafeFresh: () => first ??= provider.unsafeFresh() }
      }
    }, "expired token sent"],
    ["a rejected token that stays in use", {
      provider: (provider) => ({ ...provider, renew: (rejected) => Effect.succeed(rejected) })
    }, "401 that could be avoided"],
    ["a failure while a token is held", {
      provider: (provider) => ({
        ...provider,
        unsafeFresh: () => undefined,
        accessToken: Effect.suspend(() => provider.unsafeFresh() === undefined ? provider.accessToken : made)
      })
    }, "failed while a valid token was held"],
    ["an error that names no cause", {
      provider: (provider) => ({ ...provider, accessToken: Effect.mapError(provider.accessToken, () => made) })
    }, "error without its cause"],
    ["a wait while a fresh token is held", {
      provider: (provider) => ({
        ...provider,
        unsafeFresh: () => undefined,
        accessToken: Effect.delay(provider.accessToken, 10)
      })
    }, "waited while a fresh token was held"],
    ["a token that is thrown away", {
      provider: (provider) => ({
        ...provider,
        unsafeFresh: () => undefined,
        accessToken: Effect.flatMap(provider.accessToken, (token) => provider.renew(token))
      })
    }, "token request without need"],
    ["a caller that waits forever", {
      provider: (provider) => ({ ...provider, accessToken: Effect.never })
    }, "call never ended"],
    ["a caller that is interrupted", {
      provider: (provider) => ({ ...provider, accessToken: Effect.interrupt })
    }, "call ended by somebody else"],
    ["a fiber that lives on", {
      provider: (provider) => ({
        ...provider,
        accessToken: Effect.tap(provider.accessToken, () => Effect.forkDaemon(Effect.never))
      })
    }, "fiber left behind"]
  ]

  it.each(faults)("%s", (_, fault, rule) =>
    quickly(async () => {
      const found = new Set<Rule>()
      for (let seed = 1; seed <= 40 && !found.has(rule); seed++) {
        for (const broken of (await Simulation.run(Schedule.make(seed), fault)).violations) found.add(broken.rule)
      }
      expect([...found]).toContain(rule)
    }))

  it("reports a violation with the fewest steps that lead to it, and with the command that runs them again", () =>
    quickly(async () => {
      const fault: Simulation.Options = { provider: (provider) => ({ ...provider, accessToken: Effect.never }) }
      const schedule = Schedule.make(7)
      const shown = await Simulation.explain(await Simulation.run(schedule, fault), fault)
      expect(shown).toContain("seed 7 breaks a rule: call never ended")
      expect(shown).toContain("SIMULATION_SEED=7 pnpm vitest run --project core simulation")
      expect(shown.split("\n").filter((line) => line.startsWith("  {\"_tag\":"))).toHaveLength(1)
      expect(schedule.steps.length).toBeGreaterThan(1)
    }))
})
