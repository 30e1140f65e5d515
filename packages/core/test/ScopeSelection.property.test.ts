import { describe, expect } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { Challenge, ScopeSelection } from "../src/index.ts"
import { notScope, scopes } from "./support/arbitraries/scope.ts"
import { property } from "./support/property.ts"

const maybe = <A>(of: FastCheck.Arbitrary<A>) => FastCheck.option(of, { nil: undefined })

const challengeOf = (scopes: ReadonlyArray<string>) =>
  Challenge.fromHeader(scopes.length === 0 ? "Bearer" : `Bearer scope="${scopes.join(" ")}"`)

interface Sources {
  readonly configured: ReadonlyArray<string> | undefined
  readonly challenges: ReadonlyArray<ReadonlyArray<string> | undefined>
  /** Scopes, and entries that are none. */
  readonly supported: readonly [ReadonlyArray<string>, ReadonlyArray<string>] | undefined
  readonly additional: ReadonlyArray<string> | undefined
}

const sources = FastCheck.record<Sources>({
  configured: maybe(scopes),
  challenges: FastCheck.array(maybe(scopes), { maxLength: 3 }),
  supported: maybe(FastCheck.tuple(scopes, FastCheck.array(notScope, { maxLength: 2 }))),
  additional: maybe(scopes)
})

const select = ({ additional, challenges, configured, supported }: Sources) =>
  ScopeSelection.select({
    configured,
    challenges: challenges.map((scopes) => scopes && challengeOf(scopes)),
    supported: supported && [...supported[1], ...supported[0]],
    additional
  })

describe("the scopes of a token request", () => {
  property(
    "are those of the first source that has any: configured, then the challenges, then `scopes_supported`",
    [sources],
    ([sources]) => {
      const named = sources.challenges.find((scopes) => scopes !== undefined && scopes.length > 0)
      const base = sources.configured ?? named ?? sources.supported?.[0] ?? []
      expect(select(sources)).toEqual([...new Set([...base, ...sources.additional ?? []])])
    }
  )

  property("have the additional ones at the end, and are scope tokens, each once", [sources], ([sources]) => {
    const selected = select(sources)
    expect(selected.every(ScopeSelection.isScope)).toBe(true)
    expect(new Set(selected).size).toBe(selected.length)
    const base = select({ ...sources, additional: undefined })
    expect(selected.slice(0, base.length)).toEqual(base)
  })
})
