import { describe, expect, it } from "@effect/vitest"
import { PermittedScopes } from "../../../src/internal/lifecycle/permittedScopes.ts"
import type { ScopeSelection } from "../../../src/index.ts"

interface Row {
  readonly what: string
  readonly scopes?: ReadonlyArray<string>
  readonly stepUp?: ScopeSelection.StepUp
  /** The scopes among `a`, `b` and `c` that a step-up may ask for. */
  readonly inStepUp: string
  /** The scopes among `a`, `b` and `c` that any request may ask for. */
  readonly requestable: string
  readonly name: string | undefined
}

const rows: ReadonlyArray<Row> = [
  { what: "neither option", inStepUp: "abc", requestable: "abc", name: undefined },
  { what: "`scopes`", scopes: ["a"], inStepUp: "a", requestable: "a", name: undefined },
  { what: "an empty list of `scopes`", scopes: [], inStepUp: "", requestable: "", name: undefined },
  {
    what: "`scopes` and `allow`",
    scopes: ["a"],
    stepUp: { allow: ["c", "b"] },
    inStepUp: "abc",
    requestable: "abc",
    name: "allow b c"
  },
  {
    what: "`scopes` and an `allow` of nothing else",
    scopes: ["a"],
    stepUp: { allow: ["a", "a"] },
    inStepUp: "a",
    requestable: "a",
    name: undefined
  },
  { what: "`scopes` and `\"any\"`", scopes: ["a"], stepUp: "any", inStepUp: "abc", requestable: "abc", name: "any" },
  { what: "`scopes` and `false`", scopes: ["a"], stepUp: false, inStepUp: "a", requestable: "a", name: undefined },
  { what: "`allow` alone", stepUp: { allow: ["b"] }, inStepUp: "b", requestable: "abc", name: "allow b" },
  { what: "`\"any\"` alone", stepUp: "any", inStepUp: "abc", requestable: "abc", name: undefined },
  { what: "`false` alone", stepUp: false, inStepUp: "", requestable: "abc", name: "allow " }
]

const all = ["a", "b", "c"]

describe("the scopes that `scopes` and `stepUp` permit", () => {
  it.each(rows)(
    "with $what a step-up may ask for \"$inStepUp\" and any request for \"$requestable\" of \"abc\"",
    (row) => {
      const permitted = new PermittedScopes(row)
      const forbidden = permitted.forbiddenInStepUp(all)
      expect(all.filter((scope) => !forbidden.includes(scope)).join("")).toBe(row.inStepUp)
      expect(permitted.requestable(all).join("")).toBe(row.requestable)
    }
  )

  it.each(rows)("with $what the name of the tokens in a storage has the step-ups $name", (row) => {
    expect(new PermittedScopes(row).name).toBe(row.name)
  })

  it("only `false` turns step-ups off for a configured scope that the token lacks", () => {
    expect(rows.filter((row) => new PermittedScopes(row).isStepUpOff).map(({ stepUp }) => stepUp)).toEqual([
      false,
      false
    ])
  })
})
