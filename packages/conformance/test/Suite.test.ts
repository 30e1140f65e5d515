import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { fileURLToPath } from "node:url"
import * as Suite from "../src/Suite.ts"
import * as Verdict from "../src/Verdict.ts"

const client = fileURLToPath(new URL("fixtures/exits-3.ts", import.meta.url))
const baseline = fileURLToPath(new URL("../baseline.yml", import.meta.url))

describe("Suite", () => {
  it.live(
    "prints the exit code of a failed client in the words that the verdict looks for",
    () =>
      Effect.gen(function*() {
        const run = yield* Suite.run({ scenario: "auth/token-endpoint-auth-basic", client, baseline })
        const { problems } = Verdict.judge(run, new Set(["resource-parameter-in-authorization"]))
        assert.include(problems, "client exited with error (code 3)")
        assert.include(problems, "FAILURE token-endpoint-auth-method: Client did not make a token request")
      }),
    60_000
  )

  it.live("leaves no checks for an unknown scenario, which the verdict reports", () =>
    Effect.gen(function*() {
      const run = yield* Suite.run({ scenario: "auth/no-such-scenario", client })
      assert.deepStrictEqual(Verdict.judge(run, new Set()).problems, ["no check ran", "the suite exited with code 1"])
    }), 60_000)
})
