import { assert, describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { clean, oneLine, quote, withoutBegun, withoutSecrets } from "../../../src/internal/text/clean.ts"
import { property } from "../../support/property.ts"

describe("clean", () => {
  it.each([
    ["nothing to clean", "a plain text: ü 🌍", "a plain text: ü 🌍"],
    ["control characters", "a\u0000\u0007b\u001b[31mc\u007f\u0085d", "a b [31mc d"],
    ["line breaks", "a\r\nb\nc\u2028d\u2029e", "a b c d e"],
    ["characters that turn the direction of writing", "a\u202eb\u2066c\u200fd", "a b c d"],
    ["characters without width", "a\u200bb\ufeffc", "a b c"],
    ["halves of surrogate pairs", "a\ud83cb\udf0dc 🌍", "a b c 🌍"],
    ["white space at both ends", "  a \n", "a"],
    ["control characters only", "\u0000\n", ""]
  ])("makes one line of a text with %s", (_, text, expected) => {
    expect(clean(text)).toBe(expected)
  })

  it("cuts a text after 200 characters", () => {
    expect(clean("x".repeat(200))).toBe("x".repeat(200))
    expect(clean("x".repeat(201))).toBe(`${"x".repeat(200)}…`)
    expect(clean("x".repeat(10_000))).toHaveLength(201)
  })

  it("does not cut a character in half", () => {
    expect(clean(`${"x".repeat(199)}🌍`)).toBe(`${"x".repeat(199)}…`)
  })

  it("removes every repetition of every secret before it cuts", () => {
    assert.strictEqual(
      clean("a first b second c first", ["first", "second", ""]),
      "a <redacted> b <redacted> c <redacted>"
    )
    const long = clean(`${"x".repeat(195)}a-secret-of-some-length`, ["a-secret-of-some-length"])
    expect(long).toBe(`${"x".repeat(195)}<reda…`)
  })

  it("treats a secret as text, not as a pattern", () => {
    expect(clean("a.cd abcd $&$& $1", ["a.cd", "$&$&"])).toBe("<redacted> abcd <redacted> $1")
  })

  it.each([
    ["lower-case hex digits", "canary%2bp%25c%3ad%2fs%20x%c3%bc"],
    ["percent-encoding twice", "canary%252Bp%2525c%253Ad%252Fs%2520x%25C3%25BC"],
    ["the encoding of a URL's path", "canary+p%c:d/s%20x%C3%BC"],
    ["the encoding of a URL's path, after JSON", "canary+p%c:d//s%20x/u00fc"],
    ["JSON with an escaped slash", "canary+p%c:d\\/s xü"],
    ["JSON in ASCII", "canary+p%c:d/s x\\u00fc"],
    ["JSON in ASCII with upper-case digits", "canary\\u002Bp%c:d/s x\\u00FC"],
    ["a form that was decoded though nobody had encoded it", "canary p%c:d/s xü"]
  ])("removes a secret in %s", (_, spelling) => {
    expect(clean(`no ${spelling}.`, ["canary+p%c:d/s xü"])).toBe("no <redacted>.")
  })

  it("removes a long secret with all that follows without a space", () => {
    const secret = `${"a/".repeat(200)}end`
    expect(clean(`no ${secret.replaceAll("/", "%2f")} more`, [secret])).toBe("no <redacted> more")
  })

  it("leaves other texts alone, whatever characters a secret has", () => {
    expect(clean("a.c abc a-c (ab) [x] a|b", ["a.c*x", "(ab)*+", "[x]?y", "a|b|c"])).toBe("a.c abc a-c (ab) [x] a|b")
    expect(clean("invalid_client temporarily_unavailable", ["invalid_", "temp"])).toBe(
      "invalid_client temporarily_unavailable"
    )
  })

  it("removes a secret in each spelling in which the other side may repeat it", () => {
    const secret = "a b/\"ü"
    for (const spelling of [secret, "a+b%2F%22%C3%BC", "a%20b%2F%22%C3%BC", "a b/\\\"ü"]) {
      expect(clean(`no ${spelling}.`, [secret])).toBe("no <redacted>.")
    }
  })

  const credential = "s3cr3t-of-the-client"
  const base64 = (text: string) => Buffer.from(text).toString("base64")

  it.each([
    ["its first 8 characters", "no s3cr3t-o.", "no <redacted>."],
    ["its last 8 characters", "no e-client.", "no <redacted>."],
    ["a part of 8 characters in the middle", "no t-of-the.", "no <redacted>."],
    ["itself with characters after it", "no s3cr3t-of-the-client-and-more.", "no <redacted>-and-more."],
    ["7 of its characters", "no s3cr3t-, cr3t-of", "no s3cr3t-, cr3t-of"],
    ["an id before it, in base64", `no ${base64(`c:${credential}`)}.`, "no Yz<redacted>==."],
    ["an id after it, in base64", `no ${base64(`${credential}:c`)}.`, "no <redacted>6Yw==."],
    ["invisible characters in it", `no ${credential.split("").join("\u200b")}.`, "no <redacted>."],
    ["line breaks in it", `no ${credential.split("-").join("-\n")}.`, "no <redacted>."],
    ["full stops in it", "no s.3.c.r.3.t.-.o.f.", "no s.3.c.r.3.t.-.o.f."],
    ["itself backwards", "no tneilc-eht-fo-t3rc3s", "no tneilc-eht-fo-t3rc3s"]
  ])("given a text with a secret, namely %s, returns it without what it finds", (_, text, expected) => {
    expect(clean(text, [credential])).toBe(expected)
  })

  it.each([
    ["hunt", "no hunt, aHVudA==, 68756e74", "no <redacted>, <redacted>==, <redacted>"],
    ["hunter2", "no hunter2, hunter, HUNTER2", "no <redacted>, hunter, <redacted>"],
    ["p&ss'wd", "p&amp;ss&#39;wd p%26ss%27wd p\\u0026ss'wd", "<redacted> <redacted> <redacted>"]
  ])("removes the secret %j, which has fewer than 8 characters, as a whole", (secret, text, expected) => {
    expect(clean(text, [secret])).toBe(expected)
  })

  it("removes the beginning of a secret, however short, where it cuts a long text", () => {
    const assertion = "0123456789".repeat(101)
    expect(clean(`no ${assertion} of s3cr3t-of-the-client`, [assertion, credential])).toBe(
      "no <redacted> of <redacted>"
    )
    expect(clean(`no ${assertion} of %`, [assertion, credential])).toBe("no <redacted> of %")
  })

  it("reads a bounded part of a text and of a secret", () => {
    const secret = "ab-cd-ef ".repeat(200_000)
    expect(clean(secret, [secret])).toBe("<redacted>")
    expect(clean("\n".repeat(100_000))).toBe("")
  })

  it("removes a secret that contains another one as a whole", () => {
    expect(clean("wxyz, wxyz-1", ["wxyz", "wxyz-1"])).toBe("<redacted>, <redacted>")
  })

  it("leaves a secret of fewer than 4 characters in the text, which would be unreadable without it", () => {
    expect(clean("profile dev not found", ["dev", "e", "1"])).toBe("profile dev not found")
  })

  it.each([
    ["client", "invalid_client: no client", "invalid_client: no <redacted>"],
    ["invalid", "invalid_scope, xinvalid_scope", "invalid_scope, x<redacted>_scope"],
    ["unavailable", "temporarily_unavailable", "temporarily_unavailable"],
    ["temporarily_unavailable", "temporarily_unavailable", "temporarily_unavailable"],
    ["invalid_client-1", "invalid_client-1", "<redacted>"],
    ["_client", "invalid_client_1", "invalid<redacted>_1"]
  ])("keeps registered error codes whole if the secret is %j", (secret, text, expected) => {
    expect(clean(text, [secret])).toBe(expected)
  })

  property(
    "returns one line without control characters, of bounded length, without the secret",
    [fc.string({ unit: "binary", maxLength: 400 }), fc.string({ minLength: 8, maxLength: 20 }), fc.nat(400)],
    ([text, secret, at]) => {
      const result = clean(text.slice(0, at) + secret + text.slice(at), [secret])
      expect(result.length).toBeLessThanOrEqual(201)
      expect(result).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
      expect(result).not.toContain(secret)
    },
    { numRuns: 500 }
  )
})

describe("a JWT in a text", () => {
  it("is removed, whole or in part", () => {
    const [header, payload] = ["eyJhbGciOiJFUzI1NiJ9", "eyJpc3MiOiJjYW5hcnkifQ"]
    expect(clean(`bad assertion ${header}.${payload}.c2ln, and ${header}.${payload}`)).toBe(
      "bad assertion <redacted>, and <redacted>"
    )
    expect(clean(`x_${header}.${payload}.c2ln, token-${header}`)).toBe("x_<redacted>, token-<redacted>")
  })
})

describe("withoutSecrets", () => {
  it("removes a secret in any encoding, and keeps the rest of a text as it is", () => {
    const text = `error="invalid_token"\n${"x".repeat(300)} a&amp;secret/1 ${btoa("id:a&secret/1")}`
    expect(withoutSecrets(text, ["a&secret/1"])).toBe(
      `error="invalid_token"\n${"x".repeat(300)} <redacted> aWQ6<redacted>==`
    )
    expect(withoutSecrets("x".repeat(20_000), ["a&secret/1"])).toBe("x".repeat(16_384))
  })
})

describe("withoutBegun", () => {
  it("removes the beginning of a secret, in any spelling, from the end of a text", () => {
    const secret = "canary secret".repeat(40)
    for (const kept of [1, 5, 100, secret.length - 1]) {
      expect(withoutBegun(`token: ${secret.slice(0, kept)}`, [secret])).toBe("token: ")
    }
    expect(withoutBegun("token: canary+sec", [secret])).toBe("token: ")
    expect(withoutBegun("token", ["", "other"])).toBe("token")
  })
})

it("quote puts a cleaned text in double quotes", () => {
  expect(quote("a\nb")).toBe("\"a b\"")
})

it("oneLine takes control and format characters out of a text of any length, and halves of surrogate pairs", () => {
  expect(oneLine(`a\r\nb\u202e${"c".repeat(300)}\ud800 🌍`)).toBe(`a b ${"c".repeat(300)}  🌍`)
})
