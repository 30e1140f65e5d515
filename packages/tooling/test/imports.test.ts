import { assert, describe, it } from "@effect/vitest"
import { checkImports } from "../src/imports.ts"
import { packagesWith } from "./support.ts"

const check = (files: Readonly<Record<string, string>>) => checkImports(packagesWith(files))

describe("checkImports", () => {
  it("reports nothing when imports point down", () => {
    assert.deepStrictEqual(
      check({
        "src/index.ts": `export * as A from "./A.ts"`,
        "src/A.ts": `import "./internal/http/a.ts"\nimport "@effect-mcp-auth/core/OAuthError"`,
        "src/internal/http/a.ts": `import "./b.ts"\nimport "../text/c.ts"`,
        "src/internal/http/b.ts": `import "../text/c.ts"`,
        "src/internal/text/c.ts": `import "effect"`,
        "test/A.test.ts": `import "../src/internal/http/a.ts"\nimport "../../../vitest.config.ts"`
      }),
      []
    )
  })

  it("reports a circle of type imports", () => {
    assert.deepStrictEqual(
      check({ "src/A.ts": `import type { B } from "./B.ts"`, "src/B.ts": `export type { A } from "./A.ts"` }),
      ["packages/a: circle of imports: src/A.ts → src/B.ts → src/A.ts"]
    )
  })

  it("reports a circle through the package's own name", () => {
    assert.deepStrictEqual(
      check({ "src/index.ts": `export * as A from "./A.ts"`, "src/A.ts": `import "@effect-mcp-auth/a"` }),
      ["packages/a: circle of imports: src/A.ts → src/index.ts → src/A.ts"]
    )
    assert.deepStrictEqual(
      check({ "src/A.ts": `import "./B.ts"`, "src/B.ts": `import "@effect-mcp-auth/a/A"` }),
      ["packages/a: circle of imports: src/A.ts → src/B.ts → src/A.ts"]
    )
  })

  it("reports a circle of rooms whose files have no circle", () => {
    assert.deepStrictEqual(
      check({
        "src/internal/http/a.ts": `import "../text/a.ts"`,
        "src/internal/http/b.ts": "",
        "src/internal/text/a.ts": "",
        "src/internal/text/deep/b.ts": `import "../../http/b.ts"`
      }),
      [
        "packages/a: circle of rooms: src/internal/http/ → src/internal/text/ → src/internal/http/ " +
        "(src/internal/http/a.ts imports src/internal/text/a.ts, " +
        "src/internal/text/deep/b.ts imports src/internal/http/b.ts)"
      ]
    )
  })

  it("reports a circle between a module and the room authoring", () => {
    assert.deepStrictEqual(
      check({
        "src/Grant.ts": `import "./authoring/Exchange.ts"`,
        "src/authoring/Exchange.ts": "",
        "src/authoring/Memory.ts": `import "../Grant.ts"`
      }),
      [
        "packages/a: circle of rooms: src/Grant.ts → src/authoring/ → src/Grant.ts " +
        "(src/Grant.ts imports src/authoring/Exchange.ts, src/authoring/Memory.ts imports src/Grant.ts)"
      ]
    )
  })

  it.each(["@effect-mcp-auth/core/internal/text", "../../core/src/internal/text.ts", "../../core/test/support.ts"])(
    "reports an import of %s from another package",
    (specifier) => {
      assert.deepStrictEqual(check({ "src/A.ts": "", "test/A.test.ts": `import "${specifier}"` }), [
        `packages/a/test/A.test.ts: "${specifier}" reaches into another package; ` +
        "import a public module by its package name"
      ])
    }
  )
})
