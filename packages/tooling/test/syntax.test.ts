import { assert, describe, expect, it } from "@effect/vitest"
import { readSyntax } from "../src/syntax.ts"

const read = (text: string) => readSyntax("a.ts", text)

describe("imports of a source", () => {
  it.each([
    `import { a } from "./b.ts"`,
    `import type { A } from "./b.ts"`,
    `import "./b.ts"`,
    `import { type A } from "./b.ts"`,
    `const a = await import("./b.ts")`,
    `type A = import("./b.ts").A`
  ])("include %s", (text) => {
    assert.deepStrictEqual(read(text).imports, [{ specifier: "./b.ts", isExport: false }])
  })

  it.each([
    `export * from "./b.ts"`,
    `export * as b from "./b.ts"`,
    `export { a } from "./b.ts"`,
    `export type { A } from "./b.ts"`
  ])("include %s, as an export", (text) => {
    assert.deepStrictEqual(read(text).imports, [{ specifier: "./b.ts", isExport: true }])
  })

  it("do not include what a comment or a string shows", () => {
    assert.deepStrictEqual(read("// import \"./b.ts\"\nconst text = 'import \"./b.ts\"'").imports, [])
  })
})

describe("functions of a source", () => {
  it.each([
    ["function f() {\n}", "f", 1],
    ["\nconst f = () => {\n}", "f", 2],
    ["class C {\n  f(\n) {}\n}", "f", 2],
    ["class C {\n  f = () => {\n}\n}", "f", 2],
    ["const o = {\n  f(\n) {}\n}", "f", 2],
    ["const f = Effect.gen(function*() {\n})", "f", 1],
    ["run(() => {\n})", "the module", 1]
  ])("%j has a function of two lines", (text, name, line) => {
    assert.deepStrictEqual(read(text).functions, [{ name, line, lines: 2 }])
  })

  it("are counted separately when one is inside another", () => {
    const { functions } = read("const outer = () => {\n  const inner = () => {\n  }\n}")
    assert.deepStrictEqual(functions, [
      { name: "outer", line: 1, lines: 4 },
      { name: "inner", line: 2, lines: 2 }
    ])
  })
})

describe("lines of a source", () => {
  it("count as code if code stands beside a comment, and comments are counted apart", () => {
    const text = "/**\n * a\n */\nconst a = 1 // a\n\n// b\nconst b = `//`\n"
    assert.deepStrictEqual(read(text).lineCount, { code: 2, comment: 4, blank: 1 })
  })
})

it("a source with a wrong syntax is an error that names the file", () => {
  expect(() => read("const =")).toThrow(/^a\.ts: /)
})
