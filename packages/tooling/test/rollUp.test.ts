import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { SourceMap } from "node:module"
import { join } from "node:path"
import { runCompiler, typescript } from "../src/compilers.ts"
import { filesBelow } from "../src/packages.ts"
import { rollUp, SHARED } from "../src/rollUp.ts"
import { folderWith } from "./support.ts"

const sources = {
  "src/index.ts": `export * as A from "./A.ts"\n`,
  "src/A.ts": `import { b } from "./internal/b.ts"\nexport const make = (): number => b() + 1\n`,
  "src/nested/C.ts": `import { b } from "../internal/b.ts"\nexport const make = (): number => b() + 2\n`,
  "src/internal/b.ts": `/** A comment. */\nexport const b = (): number => {\n  throw new Error("from b")\n}\n`,
  "tsconfig.json": JSON.stringify({
    compilerOptions: {
      target: "ES2022",
      module: "NodeNext",
      rootDir: "src",
      outDir: "dist",
      sourceMap: true,
      rewriteRelativeImportExtensions: true
    },
    include: ["src"]
  }),
  "package.json": JSON.stringify({ type: "module" })
}

const rolledUp = async (): Promise<string> => {
  const folder = folderWith(sources)
  assert.strictEqual(runCompiler(typescript, folder, ["-p", "."]), "")
  await rollUp(join(folder, "dist"), ["index.js", "A.js", "nested/C.js"])
  return folder
}

describe("rollUp", () => {
  it("leaves one file for all modules and one for each public module", async () => {
    const dist = join(await rolledUp(), "dist")
    assert.deepStrictEqual(
      filesBelow(dist, ".js"),
      ["A.js", "index.js", SHARED, "nested/C.js"].map((file) => join(dist, file))
    )
  })

  it("leaves the exports of each public module as they were", async () => {
    const dist = join(await rolledUp(), "dist")
    const exportsOf = async (file: string) => Object.keys(await import(join(dist, file)))
    assert.deepStrictEqual(await exportsOf("index.js"), ["A"])
    assert.deepStrictEqual(await exportsOf("A.js"), ["make"])
    assert.deepStrictEqual(await exportsOf("nested/C.js"), ["make"])
  })

  it("writes source maps that lead to the sources", async () => {
    const dist = join(await rolledUp(), "dist")
    const lines = readFileSync(join(dist, SHARED), "utf8").split("\n")
    const line = lines.findIndex((text) => text.includes("from b"))
    const map = new SourceMap(JSON.parse(readFileSync(join(dist, `${SHARED}.map`), "utf8")))
    const origin = map.findEntry(line, lines[line]?.indexOf("throw") ?? 0)
    assert.include(origin, { originalSource: "../../src/internal/b.ts", originalLine: 2 })
  })
})
