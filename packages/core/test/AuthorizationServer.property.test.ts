import { describe, expect } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { AuthorizationServer } from "../src/index.ts"
import { mutated } from "./support/arbitraries/mutation.ts"
import { address, canonical } from "./support/arbitraries/url.ts"
import { property } from "./support/property.ts"

const issuer = address.map((address) => canonical({ ...address, query: "" }))

describe("the well-known addresses of an issuer's metadata (RFC 8414 §3.1, OpenID Connect Discovery 1.0 §4.1)", () => {
  property("insert the path after the well-known name, then append the name to the path", [address], ([address]) => {
    const origin = `https://${address.host}${address.port}`
    const path = address.path.replace(/\/$/, "")
    const expected = [
      `${origin}/.well-known/oauth-authorization-server${path}`,
      `${origin}/.well-known/openid-configuration${path}`,
      `${origin}${path}/.well-known/openid-configuration`
    ]
    const urls = AuthorizationServer.wellKnownUrls(new URL(canonical({ ...address, query: "" })))
    // Without a path, the last two are the same address.
    expect(urls.map(({ href }) => href)).toEqual([...new Set(expected)])
  })

  property(
    "are on the issuer's own origin, whatever slashes its path has",
    [
      FastCheck.domain(),
      FastCheck.array(FastCheck.constantFrom("/", "//", "a", ".", "..", "evil.test", "@", "%2f", "\\"))
    ],
    ([host, pieces]) => {
      const url = new URL(`https://${host}/${pieces.join("")}`)
      for (const wellKnown of AuthorizationServer.wellKnownUrls(url)) expect(wellKnown.origin).toBe(url.origin)
    }
  )
})

describe("issuer identifiers", () => {
  property(
    "are the same if they are equal, or differ in one slash at the end, in either order",
    [issuer],
    ([issuer]) => {
      const bare = issuer.replace(/\/$/, "")
      const same = AuthorizationServer.isSameIssuer
      expect([same(issuer, issuer), same(bare, `${bare}/`), same(`${bare}/`, bare)]).toEqual([true, true, true])
      expect([same(bare, `${bare}//`), same(`${bare}//`, bare)]).toEqual([false, false])
    }
  )

  property("are different after any other change", [issuer, mutated(issuer, ["/", "#", "?", "@", ":443", "A", " "])], ([
    issuer,
    other
  ]) => {
    const isClose = issuer === other || `${issuer}/` === other || issuer === `${other}/`
    expect(AuthorizationServer.isSameIssuer(issuer, other)).toBe(isClose)
    expect(AuthorizationServer.isSameIssuer(issuer, issuer.replace("https", "HTTPS"))).toBe(false)
  })

  property(
    "damaged: are read as printable ASCII without query, fragment and credentials, or not at all",
    [mutated(issuer, ["#", "?", "@", "\0", "\n", "\u001b[31m", " ", "é", "\u202e", "//", "\\"])],
    ([text]) => {
      const url = AuthorizationServer.parseIssuer(text)
      if (url === undefined) return
      expect(text).toMatch(/^[\x21-\x7e]+$/)
      expect(text).not.toMatch(/[?#]/)
      expect([url.search, url.hash, url.username, url.password]).toEqual(["", "", "", ""])
    }
  )

  property("token endpoints keep their query as it was written (RFC 6749 §3.2)", [address], ([address]) => {
    const written = canonical({ ...address, path: address.path === "" ? "/token" : address.path })
    expect(AuthorizationServer.parseTokenEndpoint(written)?.href).toBe(written)
  })
})
