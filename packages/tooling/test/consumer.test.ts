import { assert, describe, it } from "@effect/vitest"
import { compile, load } from "../src/consumer.ts"
import { folderWith } from "./support.ts"

const compileTypes = (types: string) => {
  const folder = folderWith({
    "package.json": JSON.stringify({ type: "module" }),
    "node_modules/a/package.json": JSON.stringify({ name: "a", type: "module", types: "./index.d.ts" }),
    "node_modules/a/index.d.ts": types
  })
  return compile(folder, [{ specifier: "a", types: "index.d.ts" }])
}

describe("a consumer of the published types", () => {
  it("compiles under each compiler when every type exists", () => {
    assert.deepStrictEqual(compileTypes("export declare const a: number"), [])
  })

  it("fails under each compiler when a type is missing", () => {
    assert.deepStrictEqual(compileTypes("export declare const a: Missing"), [
      "TypeScript 5.9: a/index.d.ts(1,25): error TS2304: Cannot find name 'Missing'.",
      "TypeScript 7: a/index.d.ts(1,25): error TS2304: Cannot find name 'Missing'."
    ])
  })
})

describe("a program that loads the published modules", () => {
  const loadModule = (text: string) => {
    const folder = folderWith({
      "package.json": JSON.stringify({ type: "module" }),
      "node_modules/a/package.json": JSON.stringify({ name: "a", type: "module", main: "./index.js" }),
      "node_modules/a/index.js": text
    })
    return load(folder, [{ specifier: "a", types: "index.d.ts" }])
  }

  it("ends without an error when every module loads", () => {
    assert.deepStrictEqual(loadModule("export const a = 1"), [])
  })

  it("reports the error of a module that does not load", () => {
    assert.deepStrictEqual(loadModule(`throw new TypeError("no")`), [`Node ${process.version}: TypeError: no`])
  })
})
