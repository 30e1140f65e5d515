import { assert, describe, expect, it } from "@effect/vitest"
import { join } from "node:path"
import { chooseSources, importersOf, isMirror, sourcesOf, testFilesOf } from "../src/sources.ts"
import { packageWith } from "./support.ts"

const all = ["src/A.ts", "src/a/B.ts", "src/a/C.ts"]

describe("chooseSources", () => {
  it("takes all files if none is named", () => {
    assert.deepStrictEqual(chooseSources(all, []), all)
  })

  it("takes files with or without `src/` and `.ts`, and folders, in the order of their names, each once", () => {
    assert.deepStrictEqual(chooseSources(all, ["a/C", "src/a", "A.ts"]), ["src/a/C.ts", "src/a/B.ts", "src/A.ts"])
    assert.deepStrictEqual(chooseSources(all, ["src"]), all)
  })

  it("refuses a name without a file", () => {
    expect(() => chooseSources(all, ["a/D"])).toThrow("No source file of the package is named a/D.")
  })
})

describe("sourcesOf and testFilesOf", () => {
  it("find the files of a package, barrels left out", () => {
    const directory = packageWith({
      "src/index.ts": "",
      "src/a/B.ts": "",
      "src/A.ts": "",
      "test/A.test.ts": "",
      "test/support.ts": ""
    })
    assert.deepStrictEqual(sourcesOf(directory), ["src/A.ts", "src/a/B.ts"])
    assert.deepStrictEqual(testFilesOf(directory), [join(directory, "test/A.test.ts")])
  })
})

describe("importersOf", () => {
  it("has the modules that import a module for its values", () => {
    const directory = packageWith({
      "src/A.ts": "export const a = 1\n",
      "src/a/B.ts": "import {\n  a\n} from \"../A.ts\"\nexport const b = a\n",
      "src/a/C.ts": "import type { a } from \"../A.ts\"\nexport { b } from \"./B.ts\"\nexport type A = typeof a\n"
    })
    const importers = importersOf(directory, all)
    assert.deepStrictEqual(all.map((file) => [...importers.get(file) ?? []]), [["src/a/B.ts"], ["src/a/C.ts"], []])
  })
})

describe("isMirror", () => {
  it.each([
    ["test/a/B.test.ts", true],
    ["test/a/B.part.test.ts", true],
    ["test/a/BC.test.ts", false],
    ["test/B.test.ts", false]
  ])("src/a/B.ts and %s: %s", (file, expected) => {
    expect(isMirror("/package", "src/a/B.ts", `/package/${file}`)).toBe(expected)
  })
})
