/**
 * The documents about both lines, compared with what the generator does and with what it writes into manifests.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { firstProgram } from "@effect-mcp-auth/tooling/bundles"
import { repository } from "@effect-mcp-auth/tooling/packages"
import { describe, expect, it } from "vitest"
import { rewriteFile } from "../src/rewriteFile.ts"
import { rules, wraps } from "../src/rules/index.ts"
import { sourceProgram } from "../src/sourceProgram.ts"
import { tables } from "../src/tables/index.ts"
import { EFFECT } from "../src/workspace.ts"
import { oneLine, rewritten } from "./support/rewritten.ts"

const page = readFileSync(join(repository, "packages/core/docs/effect-3-and-4.md"), "utf8")

/** The cells of the rows of the table in a section. */
const rowsOf = (heading: string): ReadonlyArray<ReadonlyArray<string>> => {
  const [, section = ""] = page.split(`## ${heading}\n`)
  const [table = ""] = section.trim().split("\n\n")
  return table.split("\n").slice(2).map((row) => row.slice(2, -2).split(" | "))
}

const codeIn = (cell = ""): ReadonlyArray<string> => Array.from(cell.matchAll(/`([^`]+)`/g), ([, code = ""]) => code)

describe("the page about Effect 3 and Effect 4", () => {
  const names = rowsOf("Change the names").map(([before, after]) => ({
    before: codeIn(before)[0] ?? "",
    after: codeIn(after)[0] ?? ""
  }))
  const results = rewritten(names)

  it.each(names.map((row, index) => ({ ...row, text: results[index]?.text })))(
    "has for $before what the generator makes of it",
    ({ after, text }) => {
      expect(text).toBe(oneLine(after))
    }
  )

  const imports = rowsOf("Change the imports").flatMap(([used, from = "", to = ""]) =>
    codeIn(used).map((name) => ({ name, from: codeIn(from)[0] ?? "", to: codeIn(to)[0] ?? "" }))
  )

  it.each(imports)("imports $name from $from and $to, as the table of modules does", ({ from, name, to }) => {
    expect(tables.modules.get(`${from}/${name}`)).toBe(`${to}/${name}`)
  })

  it("has rows in both tables", () => {
    expect(names.length).toBeGreaterThan(10)
    expect(imports.length).toBeGreaterThan(5)
  })

  it("names the versions that the generator writes into manifests", () => {
    const versions = new Map(rowsOf("Choose a line").map(([what = "", , four = ""]) => [what, four]))
    expect(versions.get("peers")).toBe(`\`effect@${EFFECT.range}\``)
    expect(versions.get("Node.js")).toBe(`${EFFECT.nodes.slice(2).replace(/\.0$/, "")} or later`)
    expect(versions.get("tests")).toContain(`\`@effect/vitest@${EFFECT.vitest.split(".")[0]}\``)
  })
})

describe("the README", () => {
  const readme = readFileSync(join(repository, "README.md"), "utf8")

  it("has for its first program what the generator makes of it", () => {
    const [, shown] = /^```ts effect4\n(.*?)^```$/ms.exec(readme) ?? []
    const file = join(repository, "packages/examples/snippets/first.ts")
    const program = sourceProgram(repository, [file], new Map([[file, firstProgram(readme)]]))
    const source = program.getSourceFile(file)
    if (source === undefined) throw new Error("the program has no source")
    const shared = { checker: program.getTypeChecker(), rules, wraps, tables, exists: () => true, used: () => {} }
    expect(shown).toBe(rewriteFile(source, shared).text)
  })

  it("installs the versions that the packages accept", () => {
    expect(readme).toContain(`npm install effect@${EFFECT.range} @effect-mcp-auth/core@4`)
    expect(readme).toContain(`@effect/platform-node@${EFFECT.range}`)
    expect(readme).toContain(`vitest@5 @effect/vitest@${EFFECT.vitest.split(".")[0]}`)
  })
})
