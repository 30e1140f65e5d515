import { describe, expect, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { make, makeRefusals, type Refusals } from "../../../src/internal/tokenRequest/assertionRotation.ts"

const reported = (refusals: Refusals) => refusals.report((refused) => Effect.succeed(refused.map(Redacted.value)))

describe("refused assertions", () => {
  it.effect("are reported to the provider once, all together", () =>
    Effect.gen(function*() {
      const refusals = makeRefusals()
      const first = Redacted.make("canary-1")
      for (const assertion of [first, first, Redacted.make("canary-2")]) yield* refusals.add(assertion)
      expect(yield* reported(refusals)).toEqual(["canary-1", "canary-2"])
      expect(yield* reported(refusals)).toEqual([])
    }))

  it.effect("are reported to every request that begins before one has succeeded", () =>
    Effect.gen(function*() {
      const refusals = makeRefusals()
      yield* refusals.add(Redacted.make("canary"))
      const both = yield* refusals.report(() => reported(refusals))
      expect(both).toEqual(["canary"])
    }))

  it.effect("are `Redacted`: other values are not reported", () =>
    Effect.gen(function*() {
      const refusals = makeRefusals()
      yield* refusals.add(undefined)
      yield* refusals.add("canary")
      expect(yield* reported(refusals)).toEqual([])
    }))
})

describe("an assertion that is none", () => {
  const context = {
    authorizationServer: {
      issuer: "https://auth.example.com",
      tokenEndpoint: new URL("https://auth.example.com/token"),
      metadata: { issuer: "https://auth.example.com", token_endpoint: "https://auth.example.com/token" }
    },
    resource: "https://mcp.example.com/mcp",
    resourceParameter: undefined,
    scopes: []
  }

  it.effect.each<readonly [what: string, value: unknown, says: string]>([
    ["undefined", undefined, "it is undefined. Give a value"],
    ["a plain string", "canary-assertion", "it is a plain string. Wrap it in `Redacted.make`."],
    ["a wrapped undefined", Redacted.make(undefined), "its `Redacted` holds undefined"],
    ["empty", Redacted.make(""), "it is empty. Check where it comes from."],
    ["with a line break at the end", Redacted.make("canary-assertion\n"), "it ends with a line break"]
  ])("is not sent: %s", ([_, value, says]) =>
    Effect.gen(function*() {
      for (const issuerUnnamed of [true, false]) {
        const untyped = Object.assign({ value: Redacted.make("") }, { value }).value
        const assertions = make({ assertionProvider: () => Effect.succeed(untyped) })
        const error = yield* Effect.flip(assertions.next({ ...context, issuerUnnamed }))
        expect(error.reason).toBe("Malformed")
        expect(error.message).toContain(`The \`AssertionProvider\` returned an assertion that was not sent: ${says}`)
        expect(error.message).not.toContain("canary")
      }
    }))
})
