import { describe, expect } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { ProtectedResource } from "../src/index.ts"
import { mutated } from "./support/arbitraries/mutation.ts"
import { type Address, address, canonical, segment } from "./support/arbitraries/url.ts"
import { property } from "./support/property.ts"

const hrefs = (server: string) => ProtectedResource.wellKnownUrls(new URL(server)).map(({ href }) => href)

const withoutSlash = (path: string) => path.replace(/\/$/, "")

const originOf = ({ host, port }: Address) => `https://${host}${port}`

/** An address without a query, which many rules on paths need. */
const plain = address.map((address) => ({ ...address, query: "" }))

/** A server below an address: the same, or one with further segments. */
const below = (address: Address, segments: ReadonlyArray<string>): Address => ({
  ...address,
  path: [withoutSlash(address.path), ...segments].join("/")
})

const covers = (resource: Address, server: Address, match?: ProtectedResource.ResourceMatch) =>
  ProtectedResource.covers(canonical(resource), new URL(canonical(server)), match)

const segments = FastCheck.array(segment, { maxLength: 3 })

describe("the well-known addresses of a server's metadata (RFC 9728 §3.1)", () => {
  property(
    "are that of the path with its query as written, that without its slash, and the root, each once",
    [address],
    ([
      address
    ]) => {
      const root = `${originOf(address)}/.well-known/oauth-protected-resource`
      const path = address.path === "/" ? "" : address.path
      const expected = [`${root}${path}${address.query}`, `${root}${withoutSlash(path)}${address.query}`, root]
      expect(hrefs(canonical(address))).toEqual([...new Set(expected)])
    }
  )
})

describe("the `resource` of the metadata", () => {
  property("covers the server that it names, with or without a slash at the end of either path", [address], ([
    address
  ]) => {
    // A document with a character that no URL may hold is never used (RFC 3986 §2).
    FastCheck.pre(!/[{}|]/.test(address.query))
    const [open, closed] = [withoutSlash(address.path), `${withoutSlash(address.path)}/`]
    for (const [a, b] of [[open, open], [open, closed], [closed, open], [closed, closed]] as const) {
      for (const match of ["parent", "identical"] as const) {
        expect(covers({ ...address, path: a }, { ...address, path: b }, match)).toBe(true)
      }
    }
  })

  property("covers servers below it, unless the match is to be identical", [plain, segments, address], ([
    resource,
    segments,
    { query }
  ]) => {
    const server = { ...below(resource, segments), query }
    expect(covers(resource, server)).toBe(true)
    expect(covers(resource, server, "identical")).toBe(segments.length === 0 && query === "")
  })

  property("covers what a resource below it covers", [plain, segments, segments], ([top, first, second]) => {
    const middle = below(top, first)
    const server = below(middle, second)
    expect([covers(top, middle), covers(middle, server), covers(top, server)]).toEqual([true, true, true])
  })

  property("covers no server above or beside it: only whole segments count", [plain, segments, segment], ([
    server,
    segments,
    more
  ]) => {
    expect(covers(below(server, [...segments, more]), server)).toBe(false)
    FastCheck.pre(withoutSlash(server.path) !== "")
    expect(covers(server, { ...server, path: `${withoutSlash(server.path)}${more}` })).toBe(false)
  })

  property("covers no server of another origin, whatever the paths are", [plain, address], ([resource, server]) => {
    FastCheck.pre(originOf(resource) !== originOf(server))
    expect(covers(resource, server)).toBe(false)
    expect(covers({ ...resource, path: "" }, server)).toBe(false)
    expect(ProtectedResource.covers(`http://${resource.host}`, new URL(originOf(resource)))).toBe(false)
  })

  property(
    "with a query covers no server but its own",
    [address, segments, address],
    ([resource, segments, { query }]) => {
      FastCheck.pre(resource.query !== "" && (segments.length > 0 || query !== resource.query))
      expect(covers(resource, { ...below(resource, segments), query })).toBe(false)
    }
  )

  property(
    "damaged: covers only servers of its own origin, and never with a fragment, credentials or a character of no URL",
    [address, mutated(address.map(canonical), ["#", "@", "//", "\\", "\0", "\n", " ", "..", "/./", "%2e", "é", "?"])],
    ([address, text]) => {
      const server = new URL(canonical(address))
      const covered = ProtectedResource.covers(text, server)
      if (/[#\s\0\\é<>"{}|^`]/.test(text) || /^[^/]*\/\/[^/?]*@/.test(text)) expect(covered).toBe(false)
      if (covered) expect(new URL(text).origin).toBe(server.origin)
      if (covered) expect(server.pathname.startsWith(withoutSlash(new URL(text).pathname))).toBe(true)
    }
  )
})
