import { describe, expect, it } from "@effect/vitest"
import { makeIsSameOrigin } from "../../../src/internal/http/sameOrigin.ts"

describe("makeIsSameOrigin", () => {
  const isSameOrigin = makeIsSameOrigin("https://mcp.example.com/mcp")
  it.each([
    ["https://mcp.example.com", true],
    ["https://mcp.example.com/other", true],
    ["https://mcp.example.com?x=1", true],
    ["https://mcp.example.com#x", true],
    ["HTTPS://MCP.EXAMPLE.COM/mcp", true],
    ["https://mcp.example.com:443/mcp", true],
    ["https://user@mcp.example.com/mcp", true],
    ["http://mcp.example.com/mcp", false],
    ["https://mcp.example.com:8443/mcp", false],
    ["https://mcp.example.com.evil.test/mcp", false],
    ["https://mcp.example.com@evil.test/mcp", false],
    ["https://sub.mcp.example.com/mcp", false],
    ["/mcp", false],
    ["", false]
  ])("%s has the origin of the resource: %s", (url, expected) => {
    expect(isSameOrigin(url)).toBe(expected)
  })
})
