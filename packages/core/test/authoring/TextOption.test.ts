import { assert, describe, expect, it } from "@effect/vitest"
import { Either, Redacted } from "effect"
import * as TextOption from "../../src/authoring/TextOption.ts"

describe("TextOption.check", () => {
  it.each(["a", " a ", "a b", "Müller", "🤖", "a\u00a0b", "a\u200bb"])("accepts %j as it is", (text) => {
    expect(TextOption.check("tenant", text)).toEqual(Either.right(text))
    expect(TextOption.checkOptional("tenant", text)).toEqual(Either.right(text))
    assert.deepStrictEqual(
      Either.map(TextOption.checkSecret("key", Redacted.make(text)), Redacted.value),
      Either.right(text)
    )
  })

  it("accepts an option that is left out where that is allowed", () => {
    expect(TextOption.checkOptional("tenant", undefined)).toEqual(Either.right(undefined))
    expect(Either.isLeft(TextOption.checkOptional("tenant", null))).toBe(true)
  })

  it("refuses a wiped secret", () => {
    const secret = Redacted.make("canary-wiped")
    Redacted.unsafeWipe(secret)
    const error = Either.flip(TextOption.checkSecret("key", secret))
    expect(Either.getOrThrow(error).message).toContain("its `Redacted` holds undefined")
  })
})

describe("TextOption.checkOneOf", () => {
  it.each([
    ["basic", Either.right("basic")],
    ["Basic", "`method`: \"Basic\" is not one of the allowed values. Write \"basic\" or \"post\"."],
    ["x\ny", "`method`: \"x y\" is not one of the allowed values. Write \"basic\" or \"post\"."],
    [
      undefined,
      "`method`: undefined is not one of the allowed values. Write \"basic\" or \"post\". If it comes from a variable, check " +
      "that the variable is set."
    ],
    [Redacted.make("canary"), "`method`: a `Redacted` is not one of the allowed values. Write \"basic\" or \"post\"."]
  ])("decides about %s", (value, expected) => {
    const checked = TextOption.checkOneOf("method", value, ["basic", "post"])
    expect(Either.isRight(checked) ? checked : checked.left.message).toEqual(expected)
  })
})

describe("TextOption.quoteUrl", () => {
  it.each([
    ["https://user:canary@a.example/b?c#d", "\"https://a.example/b\""],
    ["a.example/b?key=canary", "\"a.example/b\""],
    ["localhost:3000/mcp", "\"localhost:3000/mcp\""],
    ["ftp://a.example/b?key=canary", "\"ftp://a.example/b\""],
    ["a\nb", "\"a b\""],
    [`https://a.example/${"b".repeat(300)}`, `"https://a.example/${"b".repeat(182)}…"`]
  ])("shows %j as %s", (text, shown) => {
    expect(TextOption.quoteUrl(text)).toBe(shown)
  })

  it.each(["user:canary@a.example", "https//user:ca?nary@a.example", "htps://user:canary@a.example", "a?b=x@canary"])(
    "shows nothing of %j",
    (text) => {
      expect(TextOption.quoteUrl(text)).toBe(
        "the text (not shown here, because a text with \"@\" may hold a password)"
      )
    }
  )
})
