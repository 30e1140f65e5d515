import { assert, describe, expect, it } from "@effect/vitest"
import { Challenge, ScopeSelection } from "../src/index.ts"

const challenge = (scope?: string) => Challenge.fromHeader(scope === undefined ? "Bearer" : `Bearer scope="${scope}"`)

describe("select (MCP authorization, \"Scope Selection Strategy\"; RFC 6749 §3.3)", () => {
  const cases: ReadonlyArray<
    readonly [name: string, sources: ScopeSelection.Sources, expected: ReadonlyArray<string>]
  > = [
    ["without any source no scope is selected", {}, []],
    [
      "the caller's scopes come before those of challenge and metadata",
      { configured: ["mine"], challenges: [challenge("a")], supported: ["b"] },
      ["mine"]
    ],
    [
      "an empty list of the caller selects no scope, whatever the server names",
      { configured: [], challenges: [challenge("a")], supported: ["b"] },
      []
    ],
    [
      "the challenge's scope comes before that of the metadata (RFC 6750 §3)",
      { challenges: [challenge("a c")], supported: ["b"] },
      ["a", "c"]
    ],
    ["the first challenge with a scope counts", { challenges: [undefined, challenge(), challenge("a")] }, ["a"]],
    [
      "challenges without a scope leave the choice to `scopes_supported`",
      { challenges: [undefined, challenge(), challenge("")], supported: ["b"] },
      ["b"]
    ],
    [
      "entries of `scopes_supported` that are not scope tokens are left out",
      { supported: ["a", "no scope", "", "b\""] },
      ["a"]
    ],
    [
      "additional scopes are added to the caller's, each once",
      { configured: ["a", "b"], additional: ["b", "c"] },
      ["a", "b", "c"]
    ],
    ["additional scopes are asked for where no source names any", { additional: ["c"] }, ["c"]],
    ["a scope that the caller wrote twice is asked for once", { configured: ["a", "a"] }, ["a"]]
  ]
  it.each(cases)("%s", (_, sources, expected) => {
    assert.deepStrictEqual(ScopeSelection.select(sources), expected)
  })
})

describe("isScope: one scope token (RFC 6749 §3.3)", () => {
  it.each([["a:b/c", true], ["", false], ["a b", false], ["a\"", false], ["a\\", false], ["ä", false]] as const)(
    "%j: %s",
    (text, expected) => {
      expect(ScopeSelection.isScope(text)).toBe(expected)
    }
  )
})
