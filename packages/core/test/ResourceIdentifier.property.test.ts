import { describe, expect } from "@effect/vitest"
import { Either } from "effect"
import * as FastCheck from "effect/FastCheck"
import { ResourceIdentifier } from "../src/index.ts"
import { mutated } from "./support/arbitraries/mutation.ts"
import { address, canonical, spelled } from "./support/arbitraries/url.ts"
import { property } from "./support/property.ts"

const read = (serverUrl: string | URL) => Either.getOrThrow(ResourceIdentifier.fromServerUrl(serverUrl)).resource

describe("the resource identifier (RFC 8707 §2)", () => {
  property(
    "of every spelling: scheme and host in lower case, no default port, no added slash, path and query as written",
    [spelled],
    ([[address, written]]) => {
      expect(read(written)).toBe(canonical(address))
    }
  )

  property("of an identifier is the identifier itself", [spelled], ([[, written]]) => {
    expect(read(read(written))).toBe(read(written))
  })

  property("of a `URL` object is that of its text, without the slash that the platform adds to an origin", [address], ([
    address
  ]) => {
    const path = address.path === "/" ? "" : address.path
    expect(read(new URL(canonical(address)))).toBe(canonical({ ...address, path }))
  })

  property(
    "of a URL with a fragment, a user name or a password does not exist",
    [
      address,
      FastCheck.constantFrom("user@", "user:password@", ":password@"),
      FastCheck.constantFrom("#", "#x", "#?a")
    ],
    ([address, userInfo, fragment]) => {
      for (
        const wrong of [{ ...address, host: userInfo + address.host }, { ...address, query: address.query + fragment }]
      ) {
        const result = ResourceIdentifier.fromServerUrl(canonical(wrong))
        expect(Either.isLeft(result) && result.left._tag).toBe("InvalidOptions")
      }
    }
  )

  property(
    "of damaged text: an identifier without a fragment and credentials, or an error, and never an exception",
    [mutated(address.map(canonical), [
      "#",
      "@",
      ":",
      "//",
      "\\",
      "\0",
      "\n",
      " ",
      "é",
      "%",
      "?",
      "http:",
      "javascript:"
    ])],
    ([text]) => {
      const result = ResourceIdentifier.fromServerUrl(text)
      if (Either.isLeft(result)) {
        expect(result.left._tag).toMatch(/^(?:InvalidOptions|InsecureEndpoint)$/)
        return
      }
      const { resource, url } = result.right
      expect(resource).not.toMatch(/[#\s\0]/)
      expect([url.username, url.password]).toEqual(["", ""])
      // An identifier has no empty query.
      expect(new URL(resource).href).toBe(url.href.replace(/\?$/, ""))
    }
  )
})
