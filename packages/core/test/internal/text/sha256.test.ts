import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { createHash } from "node:crypto"
import { sha256 } from "../../../src/internal/text/sha256.ts"

const expected = (text: string) => createHash("sha256").update(text).digest("hex")

describe("sha256", () => {
  it("matches the standard's examples", () => {
    expect(sha256("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    expect(sha256("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  })

  it("is correct for every length around the block borders", () => {
    for (let length = 0; length <= 200; length++) expect(sha256("x".repeat(length))).toBe(expected("x".repeat(length)))
  })

  it("hashes any text in UTF-8", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.string({ unit: "binary", maxLength: 300 }), (text) => {
        expect(sha256(text)).toBe(expected(text))
      })
    )
  })
})
