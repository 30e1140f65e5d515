import { describe, expect, it } from "@effect/vitest"
import { Either, Redacted } from "effect"
import { createHash } from "node:crypto"
import { readThumbprint } from "../../../src/internal/signing/thumbprint.ts"

const cases = [["x5t", "sha1"], ["x5tS256", "sha256"]] as const

const digest = (hash: string, text = "certificate") => createHash(hash).update(text).digest()

const pairs = (hex: string): ReadonlyArray<string> => hex.match(/../g) ?? []

describe.each(cases)("a thumbprint in %s", (option, hash) => {
  const bytes = digest(hash)
  const hex = bytes.toString("hex")
  it.each([
    ["base64url", bytes.toString("base64url")],
    ["base64url with padding", `${bytes.toString("base64url")}=`],
    ["base64", bytes.toString("base64")],
    ["base64 with a line break", `${bytes.toString("base64")}\n`],
    ["hex in lower case", hex],
    ["hex in upper case", hex.toUpperCase()],
    ["hex with colons", pairs(hex).join(":")],
    ["hex in upper case with colons", pairs(hex.toUpperCase()).join(":")],
    ["hex with spaces", pairs(hex).join(" ")],
    ["hex with hyphens", pairs(hex).join("-")],
    ["hex behind an invisible character, as Windows copies it", `\u200e${pairs(hex).join(" ")}`],
    ["the output of OpenSSL", `${hash} Fingerprint=${pairs(hex.toUpperCase()).join(":")}\n`],
    ["the output of an older OpenSSL", `SHA1 Fingerprint=${pairs(hex.toUpperCase()).join(":")}`]
  ])("is read from %s", (_, text) => {
    expect(readThumbprint(option, text)).toEqual(Either.right(bytes.toString("base64url")))
  })

  it.each<readonly [what: string, value: unknown, says: string]>([
    ["a number", 7, "it is a number. Give a string."],
    ["null", null, "it is null. Give a value"],
    ["a secret", Redacted.make("canary"), "it is a `Redacted`"],
    ["nothing", "", "it is neither base64url nor hex"],
    ["other characters", "not a thumbprint!", "it is neither base64url nor hex"],
    ["hex that is cut", hex.slice(0, -2), `it has ${bytes.length - 1} bytes, and a`],
    ["hex of MD5", digest("md5").toString("hex"), "it has 16 bytes, and a"],
    ["base64 of hex", Buffer.from(hex).toString("base64"), `it has ${hex.length} bytes, and a`],
    ["the certificate's serial number", "0A1B2C", "it has 3 bytes, and a"]
  ])("is not read from %s", (_, value, says) => {
    const error = Either.getOrThrow(Either.flip(readThumbprint(option, value)))
    expect(error.option).toBe(option)
    expect(error.description).toContain(says)
  })
})

describe("a thumbprint", () => {
  it("in the wrong option is refused with the name of the right one", () => {
    const [sha1, sha256] = [digest("sha1").toString("hex"), digest("sha256").toString("base64url")]
    expect(Either.getOrThrow(Either.flip(readThumbprint("x5t", sha256))).message).toBe(
      "`x5t`: it has 32 bytes, and a SHA-1 thumbprint has 20 (RFC 7515 §4.1.7). The value is a SHA-256 thumbprint: give it " +
        "as `x5tS256`."
    )
    expect(Either.getOrThrow(Either.flip(readThumbprint("x5tS256", sha1))).message).toContain("give it as `x5t`.")
  })

  it("that is left out stays so", () => {
    expect(readThumbprint("x5t", undefined)).toEqual(Either.right(undefined))
  })

  it("of many certificates is the same in every spelling", () => {
    for (let i = 0; i < 500; i++) {
      const bytes = digest("sha1", String(i))
      const right = Either.right(bytes.toString("base64url"))
      for (const text of [bytes.toString("base64url"), bytes.toString("base64"), bytes.toString("hex")]) {
        expect(readThumbprint("x5t", text)).toEqual(right)
      }
    }
  })
})
