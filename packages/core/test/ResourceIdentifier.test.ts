import { assert, describe, expect, it } from "@effect/vitest"
import { Either } from "effect"
import { ResourceIdentifier } from "../src/index.ts"

const read = (serverUrl: string | URL) =>
  Either.match(ResourceIdentifier.fromServerUrl(serverUrl), {
    onLeft: (error) => error,
    onRight: ({ resource }) => resource
  })

describe("fromServerUrl: the canonical identifier (RFC 8707 §2; MCP \"Canonical Server URI\")", () => {
  it.each([
    ["https://mcp.example.com/mcp", "https://mcp.example.com/mcp"],
    ["https://mcp.example.com", "https://mcp.example.com"],
    ["https://mcp.example.com/", "https://mcp.example.com/"],
    ["https://mcp.example.com/mcp/", "https://mcp.example.com/mcp/"],
    ["HTTPS://MCP.Example.COM", "https://mcp.example.com"],
    ["HTTPS://MCP.Example.COM/Mcp", "https://mcp.example.com/Mcp"],
    ["https://mcp.example.com:443", "https://mcp.example.com"],
    ["https://mcp.example.com:443/mcp", "https://mcp.example.com/mcp"],
    ["https://mcp.example.com:8443", "https://mcp.example.com:8443"],
    ["https://mcp.example.com:", "https://mcp.example.com"],
    ["http://localhost:80", "http://localhost"],
    ["http://localhost:3000/mcp", "http://localhost:3000/mcp"],
    ["http://[::1]:3000", "http://[::1]:3000"],
    ["https://mcp.example.com?tenant=a", "https://mcp.example.com?tenant=a"],
    ["https://mcp.example.com/?tenant=a", "https://mcp.example.com/?tenant=a"],
    ["https://mcp.example.com/mcp?tenant=a", "https://mcp.example.com/mcp?tenant=a"],
    ["https://mcp.example.com/a/../mcp", "https://mcp.example.com/mcp"],
    ["https://münchen.example/ü", "https://xn--mnchen-3ya.example/%C3%BC"],
    ["  https://mcp.example.com  ", "https://mcp.example.com"],
    ["https:mcp.example.com", "https://mcp.example.com"]
  ])("the identifier of %s is %s", (written, resource) => {
    expect(read(written)).toBe(resource)
  })

  it("the identifier of a URL object without a path has no slash, since the caller wrote none", () => {
    expect(read(new URL("https://mcp.example.com"))).toBe("https://mcp.example.com")
    expect(read(new URL("https://mcp.example.com/mcp"))).toBe("https://mcp.example.com/mcp")
  })

  it.each([
    ["mcp.example.com/mcp", "InvalidOptions", "\"mcp.example.com/mcp\" is not a URL."],
    ["", "InvalidOptions", "\"\" is not a URL."],
    ["/mcp", "InvalidOptions", "Write it whole, as in https://mcp.example.com/mcp."],
    ["https://", "InvalidOptions", "\"https://\" is not a URL."],
    ["https://mcp.example.com/mcp#tools", "InvalidOptions", "has a fragment"],
    ["https://mcp.example.com/mcp#", "InvalidOptions", "has a fragment"],
    ["https://user@mcp.example.com/mcp", "InvalidOptions", "the URL holds a user name or password."],
    ["https://:canary@mcp.example.com/mcp", "InvalidOptions", "the URL holds a user name or password."],
    ["http://mcp.example.com/mcp", "InsecureEndpoint", "The server \"http://mcp.example.com/mcp\" is not https."],
    ["http://10.0.0.1/mcp", "InsecureEndpoint", "The server \"http://10.0.0.1/mcp\" is not https."],
    ["ftp://mcp.example.com/mcp", "InvalidOptions", "\"ftp://mcp.example.com/mcp\""],
    ["localhost:3000/mcp", "InvalidOptions", "\"localhost:3000/mcp\" is not a URL. Write it whole"]
  ])("the server URL %j fails with %s, whose message contains %j", (written, tag, message) => {
    const error = read(written)
    assert(typeof error === "object")
    expect(error._tag).toBe(tag)
    expect(error.message).toContain(message)
  })
})

describe("canonicalUrl", () => {
  it("keeps the slash after a bare origin only if the written text has one", () => {
    const url = new URL("https://mcp.example.com/")
    expect(ResourceIdentifier.canonicalUrl(url, "https://mcp.example.com")).toBe("https://mcp.example.com")
    expect(ResourceIdentifier.canonicalUrl(url, "https://mcp.example.com/")).toBe("https://mcp.example.com/")
  })
})

describe("resourceParameter (RFC 8707 §2)", () => {
  const resource = "https://mcp.example.com/mcp"
  it.each(
    [
      [undefined, resource],
      ["send", resource],
      ["omit", undefined],
      [{ value: "https://api.example.com" }, "https://api.example.com"]
    ] as const
  )("the choice %j gives %s", (choice, expected) => {
    expect(ResourceIdentifier.resourceParameter(choice, resource)).toBe(expected)
  })
})
