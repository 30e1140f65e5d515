import { assert, describe, expect } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { Challenge } from "../src/index.ts"
import { lenientHeader, pieces, validHeader } from "./support/arbitraries/challenge.ts"
import { mutated } from "./support/arbitraries/mutation.ts"
import { property } from "./support/property.ts"

const read = (header: string) =>
  Challenge.parse(header).map(({ parameters, scheme, token68 }) => ({
    scheme,
    token68,
    parameters: [...parameters]
  }))

/** A damaged header, or a run of pieces that are no header at all. */
const damaged = FastCheck.oneof(
  mutated(validHeader.map(({ header }) => header), pieces),
  mutated(lenientHeader.map(({ header }) => header), pieces),
  FastCheck.array(FastCheck.oneof(FastCheck.constantFrom(...pieces), FastCheck.string({ unit: "binary" })), {
    maxLength: 30
  }).map((pieces) => pieces.join(""))
)

describe("a WWW-Authenticate header (RFC 9110 §11)", () => {
  property("by the grammar: means the same in every spelling", [validHeader], ([{ header, meaning }]) => {
    assert.deepStrictEqual(read(header), meaning)
    // Neither Bearer nor DPoP has a token68, so that one is reported.
    const isOdd = meaning.some(({ scheme, token68 }) => /^(?:bearer|dpop)$/.test(scheme) && token68 !== undefined)
    expect(Challenge.unreadable(header) !== undefined).toBe(isOdd)
  })

  property(
    "with bare, single-quoted and escaped values, and white space as separator: is read as it was meant",
    [lenientHeader],
    ([{ header, meaning }]) => assert.deepStrictEqual(read(header), meaning)
  )

  property("damaged or random: is read without an exception, into well-formed challenges", [damaged], ([header]) => {
    for (const { parameters, scheme, token68 } of Challenge.parse(header)) {
      expect(scheme).toMatch(/^[!#$%&'*+\-.^_`|~0-9a-z]+$/)
      for (const name of parameters.keys()) expect(name).toMatch(/^[!#$%&'*+\-.^_`|~0-9a-z]+$/)
      if (token68 !== undefined) expect(token68).toMatch(/^[0-9A-Za-z\-._~+/]+=*$/)
    }
    for (const challenge of Challenge.allFromHeader(header)) {
      expect(challenge.scheme).toMatch(/^(?:bearer|dpop)$/)
      expect(Challenge.requiredScopes(challenge).every((scope) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope))).toBe(true)
    }
    expect(Challenge.unreadable(header)?.length ?? 0).toBeLessThanOrEqual(201)
  })

  property("damaged or random: the challenges hold no more text than the header", [damaged], ([header]) => {
    const kept = Challenge.parse(header).flatMap(({ parameters, scheme, token68 = "" }) => [
      scheme,
      token68,
      ...[...parameters].flat()
    ])
    expect(kept.join("").length).toBeLessThanOrEqual(header.length)
  })

  property(
    "damaged or random: `fromHeader` picks one of `allFromHeader`, Bearer before DPoP",
    [damaged],
    ([header]) => {
      const all = Challenge.allFromHeader(header)
      const picked = Challenge.fromHeader(header)
      assert.deepStrictEqual(picked, all.find(({ scheme }) => scheme === "bearer") ?? all[0])
    }
  )

  property(
    "damaged, without an open quote: a challenge after a comma is read as if it stood alone",
    [damaged],
    ([junk]) => {
      const last = read(`${junk.replaceAll(/["\\]/g, "")}, Bearer a="b", c=d`).at(-1)
      assert.deepStrictEqual(last?.scheme, "bearer")
      assert.deepStrictEqual(last?.parameters[0], ["a", "b"])
    }
  )
})
