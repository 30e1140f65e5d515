import { assert, describe, expect, it } from "@effect/vitest"
import { Either } from "effect"
import { checkPlace, namedPlaces, type Place } from "../../src/Discovery/Place.ts"
import { Challenge } from "../../src/index.ts"

const server = new URL("https://mcp.example.com/mcp")

/** Why an address is not asked; `undefined` if it is. */
const reason = (url: string, source: Place["source"]) =>
  Either.match(checkPlace({ url: new URL(url), source }, server, {}), {
    onLeft: ({ description }) => description.replace(/^.* was not asked, because /, ""),
    onRight: () => undefined
  })

describe("an address of metadata in a challenge", () => {
  it.each([
    ["https://user:canary@a.example/meta", "it has a user name or a password in it"],
    ["http://a.example/meta", "it is not https"],
    ["https://10.0.0.1/meta", "it is on a private address that a public server must not name"],
    ["https://a.example/meta", undefined]
  ])("is checked: %s", (url, expected) => {
    expect(reason(url, "challenge")).toBe(expected)
  })

  it.each(["option", "path", "root"] as const)("is not checked if its source is %s", (source) => {
    for (const url of ["http://a.example/meta", "https://user@10.0.0.1/meta"]) {
      expect(reason(url, source)).toBeUndefined()
    }
  })

  it("is one of the first four, each once, without texts that are no URL", () => {
    const challenges = ["a", "b", "a", "c", "d", "e"].map((name) =>
      `Bearer resource_metadata="https://${name}.example"`
    )
    const places = namedPlaces(Challenge.parse(["Bearer", "Bearer resource_metadata=/x", ...challenges].join(", ")))
    assert.deepStrictEqual(
      places.map(({ source, url }) => `${source} ${url.href}`),
      ["a", "b", "c", "d"].map((name) => `challenge https://${name}.example/`)
    )
  })
})
