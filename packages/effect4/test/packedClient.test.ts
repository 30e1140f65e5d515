import { withTemporaryFolder } from "@effect-mcp-auth/tooling/packing"
import { assert, describe, it } from "@effect/vitest"
import { readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { compile, tarballOf } from "../src/packedClient.ts"

/** Calls a function with a folder that has these empty files. */
const withFiles = <A>(names: ReadonlyArray<string>, use: (folder: string) => A) =>
  withTemporaryFolder((folder) => {
    for (const name of names) writeFileSync(join(folder, name), "")
    return use(folder)
  })

describe("tarballOf", () => {
  it("finds the tarball of a package whose name begins like another one's", async () => {
    const names = ["effect-mcp-auth-core-4.0.0.tgz", "effect-mcp-auth-core-extra-4.0.0.tgz"]
    assert.strictEqual(await withFiles(names, (folder) => tarballOf(folder, "core").slice(folder.length + 1)), names[0])
  })

  it("without a tarball, says what to run", () =>
    withFiles([], (folder) => {
      assert.throws(() => tarballOf(folder, "core"), "has no tarball of core: run `pnpm effect4` first")
    }))

  it("refuses to choose between two versions", () =>
    withFiles(["effect-mcp-auth-core-4.0.0.tgz", "effect-mcp-auth-core-4.0.1.tgz"], (folder) => {
      assert.throws(() => tarballOf(folder, "core"), "two tarballs of core")
    }))
})

describe("compile", () => {
  it("reports the errors of both compilers, for example of packages that are not installed", () =>
    withFiles(["package.json"], (folder) => {
      writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }))
      const errors = compile(folder)
      const missing = /program\.ts\(\d+,\d+\): error TS2307: Cannot find module '@effect-mcp-auth\/core'/
      for (const compiler of ["TypeScript 5.9", "TypeScript 7"]) {
        assert.isTrue(errors.some((error) => error.startsWith(`${compiler}: `) && missing.test(error)), compiler)
      }
      assert.include(readdirSync(join(folder, "src")), "runScenarios.ts")
    }))
})
