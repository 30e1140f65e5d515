import { assert, describe, expect, it } from "@effect/vitest"
import {
  type Bundle,
  bundle,
  byModulePath,
  checkFirstProgram,
  firstProgram,
  MAX_FIRST_PROGRAM
} from "../src/bundles.ts"
import { folderWith } from "./support.ts"

const first: Bundle = { name: "first", minified: 0, compressed: MAX_FIRST_PROGRAM, modules: [], external: ["effect"] }

describe("checkFirstProgram", () => {
  it("allows a bundle of the largest size", () => {
    assert.deepStrictEqual(checkFirstProgram(first), [])
  })

  it.each([
    [{ compressed: MAX_FIRST_PROGRAM + 1024 }, /has [\d.]+ KiB, and [\d.]+ KiB are allowed/],
    [{ external: ["jose"] }, /imports jose, and signs nothing/],
    [{ external: ["jose/jwt/sign"] }, /imports jose\/jwt\/sign, and signs nothing/],
    [{ external: ["@effect/platform/FileSystem"] }, /imports @effect\/platform\/FileSystem/],
    [{ modules: ["node_modules/@effect-mcp-auth/storage-file/dist/a.js"] }, /holds .*storage-file/]
  ])("reports %j", (changed, fault) => {
    const faults = checkFirstProgram({ ...first, ...changed })
    expect(faults).toHaveLength(1)
    expect(faults[0]).toMatch(fault)
  })
})

describe("bundle", () => {
  it("holds the modules that the source uses, and imports the external packages", async () => {
    const folder = folderWith({
      "node_modules/a/package.json": JSON.stringify({ type: "module", main: "index.js", sideEffects: false }),
      "node_modules/a/index.js": `export { used } from "./used.js"\nexport { unused } from "./unused.js"`,
      "node_modules/a/used.js": `import { f } from "peer/f"\nexport const used = () => f("used")`,
      "node_modules/a/unused.js": `export const unused = () => import("jose")`
    })
    const source = `import { used } from "a"\nused()`
    const result = await bundle({ name: "a", source }, folder, ["peer", "jose"])
    assert.deepStrictEqual(result.modules, ["node_modules/a/used.js", "<stdin>"])
    assert.deepStrictEqual(result.external, ["peer/f"])
    expect(result.minified).toBeGreaterThan(20)
    expect(result.compressed).toBeGreaterThan(20)
  })
})

describe("the README's first program", () => {
  it("is the first TypeScript block", () => {
    assert.strictEqual(firstProgram("# a\n```sh\nb\n```\n```ts\nc\n```\n```ts\nd\n```\n"), "c\n")
    expect(() => firstProgram("# a")).toThrow("no program")
  })

  it("imports each module by its path on request", () => {
    assert.strictEqual(
      byModulePath(`import { A, B } from "@effect-mcp-auth/core"\nimport { Effect } from "effect"\n`),
      `import * as A from "@effect-mcp-auth/core/A"\nimport * as B from "@effect-mcp-auth/core/B"\n` +
        `import { Effect } from "effect"\n`
    )
  })
})
