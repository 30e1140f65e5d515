import { describe, expect, it } from "vitest"
import { snippetsOf, withSnippets } from "../src/snippets.ts"

const page = "Text\n\n```ts\nconst a = 1\n\nconst b = 2\n```\n\nMore\n\n```sh\nnpm i\n```\n\n```ts\na\n```\n"

const docstring = "  /**\n   * Text\n   *\n   * ```ts\n   * const a = 1\n   *\n   * const b = 2\n   * ```\n   */\n"

describe("snippets", () => {
  it("finds the TypeScript of a page, and no other block", () => {
    expect(snippetsOf(page).map(({ code }) => code)).toEqual(["const a = 1\n\nconst b = 2\n", "a\n"])
  })

  it("takes the stars of a docstring off its code", () => {
    expect(snippetsOf(docstring).map(({ code }) => code)).toEqual(["const a = 1\n\nconst b = 2\n"])
  })

  it.each([["page", page], ["docstring", docstring]])(
    "puts the same code back into a %s without a change",
    (_, text) => {
      expect(withSnippets(text, snippetsOf(text).map(({ code }) => code))).toBe(text)
    }
  )

  it("puts other code behind the stars of a docstring", () => {
    expect(withSnippets(docstring, ["one\n\ntwo\n"])).toBe(
      docstring.replace("const a = 1", "one").replace("const b = 2", "two")
    )
  })
})
