import { join } from "node:path"
import { repository } from "@effect-mcp-auth/tooling/packages"
import { describe, expect, it } from "vitest"
import { makeExists } from "../src/effect4Exports.ts"
import { tables } from "../src/tables/index.ts"
import { makeStaleNames, rewriteTexts, textRows } from "../src/texts.ts"

const page = "packages/core/README.md"

const ignored = (): void => {}

describe("texts of documents", () => {
  it.each(textRows)("the row changes its text, and changes the result no further: %s", (row) => {
    const rewritten = rewriteTexts(page, `before ${row} after`, ignored)
    expect(rewritten).not.toContain(row)
    expect(rewriteTexts(page, rewritten, ignored)).toBe(rewritten)
  })

  it("finds a text across a line break of a page and of a docstring", () => {
    expect(rewriteTexts(page, "fails with a\n`RequestError`", ignored)).toBe("fails with an `HttpClientError`")
    expect(rewriteTexts("src/A.ts", " * fails with a\n * `RequestError`", ignored)).toBe(
      " * fails with an `HttpClientError`"
    )
  })

  it("reports the rows that a document needed, and no others", () => {
    const used: Array<string> = []
    rewriteTexts(page, "Provide NodeContext.layer.", (row) => used.push(row))
    expect(used).toEqual(["NodeContext.layer"])
  })

  it("leaves the pages alone that are about both lines", () => {
    const text = "| `RequestError` | a `RequestError` |"
    expect(rewriteTexts("packages/core/docs/effect-3-and-4.md", text, ignored)).toBe(text)
  })
})

describe("names of Effect 3 in documents", () => {
  const in3 = makeExists(join(repository, "packages/effect4/node_modules"), "dist/dts")
  const gone = new Set(["effect/Config#string", "effect/Effect#tagMetrics"])
  const staleNames = makeStaleNames(tables.modules, in3, (module, name) => !gone.has(`${module}#${name}`))

  it("finds a name that Effect 4 does not export, with its line", () => {
    expect(staleNames(page, "Read it\nwith `Config.string`.")).toEqual([{ line: 2, name: "Config.string" }])
  })

  it("finds a module that has another name in Effect 4", () => {
    expect(staleNames(page, "Provide NodeContext.layer.")).toEqual([{ line: 1, name: "NodeContext.layer" }])
  })

  it("finds the package that Effect 4 does not have, and not the packages whose names begin like its name", () => {
    expect(staleNames(page, "`@effect/platform` and `@effect/platform-node`")).toEqual([
      { line: 1, name: "@effect/platform" }
    ])
  })

  it("lets names stand that both lines have, and names of other libraries", () => {
    expect(staleNames(page, "`Effect.provide`, `HttpClient.retryTransient`, `Session.string`")).toEqual([])
  })

  it("reads the comments of a module and not its code", () => {
    expect(staleNames("src/A.ts", "/**\n * As `Config.string`.\n */\nconst a = Config.string")).toEqual([
      { line: 2, name: "Config.string" }
    ])
  })
})
