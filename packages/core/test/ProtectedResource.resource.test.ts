import { Answer, TestServers } from "@effect-mcp-auth/testing"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { ProtectedResource } from "../src/index.ts"
import { environment, makeImpatientProvider } from "./support/provider.ts"

const SERVER = "https://mcp.example.com/tenants/a/mcp"

/** The verdict on metadata about a `resource`: the own metadata of the server above, that of a parent, or a miss. */
type Verdict = "own" | "parent" | "miss"

const rows: ReadonlyArray<readonly [what: string, resource: string, verdict: Verdict]> = [
  ["the same identifier", SERVER, "own"],
  ["a slash at the end", `${SERVER}/`, "own"],
  ["the default port", "https://mcp.example.com:443/tenants/a/mcp", "own"],
  ["the scheme in upper case", "HTTPS://mcp.example.com/tenants/a/mcp", "own"],
  ["the host in upper case", "https://MCP.Example.COM/tenants/a/mcp", "own"],
  ["the origin", "https://mcp.example.com", "parent"],
  ["the origin with a slash", "https://mcp.example.com/", "parent"],
  ["a path above", "https://mcp.example.com/tenants/a", "parent"],
  ["a path above with a slash", "https://mcp.example.com/tenants/a/", "parent"],
  ["the path in upper case", "https://mcp.example.com/tenants/A/mcp", "miss"],
  ["a part of a segment", "https://mcp.example.com/tenants/a/m", "miss"],
  ["a path below", `${SERVER}/tools`, "miss"],
  ["a sibling", "https://mcp.example.com/tenants/b", "miss"],
  ["two slashes at the end", `${SERVER}//`, "miss"],
  ["two slashes in the path", "https://mcp.example.com//tenants/a/mcp", "miss"],
  ["two slashes alone", "https://mcp.example.com//", "miss"],
  ["a user name", "https://victim@mcp.example.com/tenants/a/mcp", "miss"],
  ["a user name and a password", "https://victim.example:pw@mcp.example.com/tenants/a/mcp", "miss"],
  ["an empty user name", "https://@mcp.example.com/tenants/a/mcp", "miss"],
  ["an empty user name and password", "https://:@mcp.example.com/tenants/a/mcp", "miss"],
  ["a fragment", `${SERVER}#x`, "miss"],
  ["an empty fragment", `${SERVER}#`, "miss"],
  ["a query", `${SERVER}?x=1`, "miss"],
  ["a query after a path above", "https://mcp.example.com/tenants/a?x=1", "miss"],
  ["a line feed", "https://mcp.example.com/tenants/a\n/mcp", "miss"],
  ["a carriage return and a line feed at the end", `${SERVER}\r\n`, "miss"],
  ["a tab in the host", "https://mcp.exam\tple.com/tenants/a/mcp", "miss"],
  ["a tab at the beginning", `\t${SERVER}`, "miss"],
  ["NUL at the beginning", `\0${SERVER}`, "miss"],
  ["NUL at the end", `${SERVER}\0`, "miss"],
  ["a space at the beginning", ` ${SERVER}`, "miss"],
  ["a space at the end", `${SERVER} `, "miss"],
  ["a space in the path", "https://mcp.example.com/tenants/a /mcp", "miss"],
  ["a no-break space at the end", `${SERVER}\u00a0`, "miss"],
  ["DEL at the end", `${SERVER}\u007f`, "miss"],
  ["a line separator", `${SERVER}\u2028`, "miss"],
  ["a byte order mark", `\ufeff${SERVER}`, "miss"],
  ["backslashes in place of slashes", "https:\\\\mcp.example.com\\tenants\\a\\mcp", "miss"],
  ["a backslash in the path", "https://mcp.example.com/tenants\\a/mcp", "miss"],
  ["a backslash before another host", "https://victim.example\\@mcp.example.com/tenants/a/mcp", "miss"],
  ["no slashes after the scheme", "https:mcp.example.com/tenants/a/mcp", "miss"],
  ["one slash after the scheme", "https:/mcp.example.com/tenants/a/mcp", "miss"],
  ["three slashes after the scheme", "https:///mcp.example.com/tenants/a/mcp", "miss"],
  ["no scheme", "//mcp.example.com/tenants/a/mcp", "miss"],
  ["a path alone", "/tenants/a/mcp", "miss"],
  ["another scheme", "http://mcp.example.com/tenants/a/mcp", "miss"],
  ["a scheme within a scheme", `blob:${SERVER}`, "miss"],
  ["another port", "https://mcp.example.com:8443/tenants/a/mcp", "miss"],
  ["port 0443", "https://mcp.example.com:0443/tenants/a/mcp", "miss"],
  ["an empty port", "https://mcp.example.com:/tenants/a/mcp", "miss"],
  ["a dot at the end of the host", "https://mcp.example.com./tenants/a/mcp", "miss"],
  ["a longer host", "https://mcp.example.com.evil.example/tenants/a/mcp", "miss"],
  ["a percent-encoded letter of the host", "https://%6dcp.example.com/tenants/a/mcp", "miss"],
  ["a full-width letter of the host", "https://\uff4dcp.example.com/tenants/a/mcp", "miss"],
  ["a soft hyphen in the host", "https://m\u00adcp.example.com/tenants/a/mcp", "miss"],
  ["a Cyrillic letter in the host", "https://m\u0441p.example.com/tenants/a/mcp", "miss"],
  ["an ideographic full stop in the host", "https://mcp\u3002example.com/tenants/a/mcp", "miss"],
  ["a percent-encoded slash", "https://mcp.example.com/tenants%2Fa/mcp", "miss"],
  ["a percent-encoded slash at the end", "https://mcp.example.com/tenants/a%2F", "miss"],
  ["a percent-encoded letter of the path", "https://mcp.example.com/tenants/%61/mcp", "miss"],
  ["dot segments that lead to the server", "https://mcp.example.com/tenants/b/../a/mcp", "miss"],
  ["percent-encoded dot segments", "https://mcp.example.com/tenants/b/%2e%2E/a/mcp", "miss"],
  ["half-encoded dot segments", "https://mcp.example.com/tenants/b/.%2e/a/mcp", "miss"],
  ["a dot segment", "https://mcp.example.com/tenants/./a/mcp", "miss"],
  ["dot segments above the root", "https://mcp.example.com/../tenants/a/mcp", "miss"],
  ["a dot segment at the end", "https://mcp.example.com/tenants/a/.", "miss"],
  ["a letter that is not ASCII in the path", "https://mcp.example.com/tenants/\u00e4", "miss"],
  ["a square bracket in the host", "https://[mcp.example.com]/tenants/a/mcp", "miss"],
  ["a list in text", `${SERVER},https://victim.example`, "miss"],
  ["more than 16 KiB", `${SERVER}?${"x".repeat(16 * 1024)}`, "miss"],
  ["nothing", "", "miss"]
]

describe("a `resource` in the metadata of a server (RFC 9728 §3.3)", () => {
  it.each(rows)("with %s (%j) is accepted as its verdict says: %s", (_, resource, verdict) => {
    expect({
      parent: ProtectedResource.covers(resource, new URL(SERVER)),
      identical: ProtectedResource.covers(resource, new URL(SERVER), "identical")
    }).toEqual({ parent: verdict !== "miss", identical: verdict === "own" })
  })

  it.each([
    ["http://127.0.0.1:8080/mcp", true],
    ["http://127.1:8080/mcp", false],
    ["http://0x7f.0.0.1:8080/mcp", false],
    ["http://0177.0.0.1:8080/mcp", false],
    ["http://2130706433:8080/mcp", false],
    ["http://127.0.0.1.:8080/mcp", false],
    ["http://localhost:8080/mcp", false],
    ["http://127.0.0.1:08080/mcp", false]
  ])("%s names a server at an address: %s", (resource, isAccepted) => {
    expect(ProtectedResource.covers(resource, new URL("http://127.0.0.1:8080/mcp"))).toBe(isAccepted)
  })

  it.each([
    ["http://[::1]:8080/mcp", true],
    ["http://[0:0:0:0:0:0:0:1]:8080/mcp", false],
    ["http://[::0001]:8080/mcp", false],
    ["http://[::ffff:127.0.0.1]:8080/mcp", false]
  ])("%s names a server at an IPv6 address: %s", (resource, isAccepted) => {
    expect(ProtectedResource.covers(resource, new URL("http://[::1]:8080/mcp"))).toBe(isAccepted)
  })

  // A miss for a parent is one for `"identical"`, too.
  const sent = rows.flatMap(([what, resource, verdict]) => [
    ["parent", what, resource, verdict !== "miss"] as const,
    ...(verdict === "miss" ? [] : [["identical", what, resource, verdict === "own"] as const])
  ])

  it.scoped.each(sent)("with `resourceMatch: \"%s\"` and %s is sent only if it was accepted", (
    [resourceMatch, , resource, isAccepted]
  ) =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      yield* network.always(
        "protected-resource-metadata",
        Answer.json({ resource, authorization_servers: ["https://auth.example.com"] })
      )
      for (const issuer of ["https://auth.example.com", "discover"]) {
        const provider = yield* makeImpatientProvider({ serverUrl: SERVER, issuer, resourceMatch })
        yield* Effect.either(provider.accessToken)
      }
      const named = (yield* network.requestsTo("token")).map(({ body }) => new URLSearchParams(body).get("resource"))
      expect(new Set(named)).toEqual(new Set(isAccepted ? [resource] : named.filter((one) => one === SERVER)))
    }).pipe(Effect.provide(environment({ serverUrl: SERVER }))))
})
