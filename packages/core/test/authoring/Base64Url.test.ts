import * as Base64Url from "@effect-mcp-auth/core/authoring/Base64Url"
import { describe, expect, it } from "@effect/vitest"
import { Option } from "effect"

describe("Base64Url", () => {
  it.each([
    ["", []],
    ["-_8", [251, 255]],
    ["-_8=", [251, 255]],
    ["AQ", [1]],
    ["AQ==", [1]],
    ["AQID", [1, 2, 3]],
    ["AQ\r\nID\n", [1, 2, 3]]
  ])("decodes %j with all of its padding or none, and without its line breaks", (text, bytes) => {
    expect(Option.map(Base64Url.decode(text), (decoded) => [...decoded])).toEqual(Option.some(bytes))
  })

  it.each(["A", "AQIDA", "AQ=", "AQ===", "=", "A+8", "A/8", "A Q", "AQ.ID", "ä"])(
    "does not decode %j, and makes no error that holds the text",
    (text) => {
      expect(Base64Url.decode(text)).toEqual(Option.none())
      expect(Base64Url.decodeString(text)).toEqual(Option.none())
    }
  )

  it("reads a text as UTF-8", () => {
    expect(Base64Url.decodeString("w6Q")).toEqual(Option.some("ä"))
  })
})
