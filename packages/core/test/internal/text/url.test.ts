import { describe, expect, it } from "@effect/vitest"
import { parseUrl } from "../../../src/internal/text/url.ts"

describe("parseUrl", () => {
  it("reads a URL with a letter between U+0080 and U+00FF the 20,000th time as the first", () => {
    // With `URL.canParse`, Node 20 and 22 refuse this URL after some 4,000 calls.
    const texts = new Set(Array.from({ length: 20_000 }, () => parseUrl("https://münchen.example/ü")?.href))
    expect([...texts]).toEqual(["https://xn--mnchen-3ya.example/%C3%BC"])
  })

  it("reads a relative reference against its base", () => {
    expect(parseUrl("../b?x=1", "https://mcp.example.com/a/c")?.href).toBe("https://mcp.example.com/b?x=1")
  })

  it.each(["", "b", "https://", "https://a b", "https://[::1"])("returns undefined for %j", (text) => {
    expect(parseUrl(text)).toBeUndefined()
  })
})
