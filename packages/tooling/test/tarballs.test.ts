import { assert, describe, it } from "@effect/vitest"
import { readUnpacked } from "../src/packing.ts"
import { checkTarball, publicModules } from "../src/tarballs.ts"
import { folderWith } from "./support.ts"

const manifest = JSON.stringify({
  name: "@effect-mcp-auth/a",
  exports: {
    "./package.json": "./package.json",
    ".": { types: "./dist/index.d.ts", default: "./dist/index.js" },
    "./internal/*": null,
    "./*": { types: "./dist/*.d.ts", default: "./dist/*.js" }
  }
})

const files = {
  "package.json": manifest,
  "README.md": "[docs](docs/a.md#part), [elsewhere](https://example.com), [here](#here)",
  LICENSE: "",
  "docs/a.md": "",
  "dist/index.d.ts": `export * as A from "./A.ts"`,
  "dist/index.js": "",
  "dist/A.d.ts": `export { b } from "./internal/b.ts"`,
  "dist/A.js": "",
  "dist/authoring/C.d.ts": "",
  "dist/authoring/C.js": "",
  "dist/internal/b.d.ts": "",
  "dist/internal/b.js": "",
  "dist/internal/all.js": "",
  "src/index.ts": "",
  "src/A.ts": "",
  "src/authoring/C.ts": "",
  "src/internal/b.ts": ""
}

const check = (changed: Readonly<Record<string, string>>) =>
  checkTarball(readUnpacked(folderWith({ ...files, ...changed })))

describe("checkTarball", () => {
  it("reports nothing about a whole tarball", () => {
    assert.deepStrictEqual(check({}), [])
  })

  it("reports a missing license", () => {
    const { LICENSE: _, ...others } = files
    assert.deepStrictEqual(checkTarball(readUnpacked(folderWith(others))), ["@effect-mcp-auth/a: LICENSE is missing"])
  })

  it.each([
    [{ "src/index.ts.tpl": "" }, "src/index.ts.tpl is a template"],
    [{ "src/A.test.ts": "" }, "src/A.test.ts is a test"],
    [{ "test/support.ts": "" }, "test/support.ts is a test"],
    [{ "dist/Moved.js": "" }, "dist/Moved.js has no source; delete `dist` and `build` and build again"],
    [{ "README.md": "[docs](docs/b.md)" }, "README.md links docs/b.md, which is not in the tarball"],
    [
      { "dist/A.d.ts": `import type { B } from "./internal/b.ts"` },
      "dist/A.d.ts names a type of dist/internal/b.ts, which is internal"
    ],
    [
      { "dist/authoring/C.d.ts": `export declare const c: import("../internal/b.ts").B` },
      "dist/authoring/C.d.ts names a type of dist/internal/b.ts, which is internal"
    ]
  ])("reports %j", (changed, fault) => {
    assert.deepStrictEqual(check(changed), [`@effect-mcp-auth/a: ${fault}`])
  })
})

it("the public modules are those of the exports, nested ones included and hidden ones left out", () => {
  assert.deepStrictEqual(publicModules(readUnpacked(folderWith(files))), [
    { specifier: "@effect-mcp-auth/a", types: "dist/index.d.ts" },
    { specifier: "@effect-mcp-auth/a/A", types: "dist/A.d.ts" },
    { specifier: "@effect-mcp-auth/a/authoring/C", types: "dist/authoring/C.d.ts" }
  ])
})
