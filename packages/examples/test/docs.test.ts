/**
 * The code in the documentation compiles, and passes where it is a test: the programs in the READMEs and docs pages, and
 * the `@example`s of the published packages.
 */
import { filesBelow, isPublished, readPackages } from "@effect-mcp-auth/tooling/packages"
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const root = fileURLToPath(new URL("../../..", import.meta.url))

/** The folder of the snippets: inside this package, so that their imports resolve as those of its programs do. */
const folder = fileURLToPath(new URL("../build/docs", import.meta.url))

/** The README of the repository; README, docs pages and source modules of each published package. */
const documents = [
  join(root, "README.md"),
  ...readPackages(root).filter(isPublished).flatMap(({ directory }) => [
    ...[join(directory, "README.md")].filter((file) => existsSync(file)),
    ...filesBelow(join(directory, "docs"), ".md"),
    ...filesBelow(join(directory, "src"), ".ts").filter((file) => !file.endsWith("index.ts"))
  ])
]

/** The code between the fences, in pages and in docstrings alike. */
const snippetsOf = (document: string): ReadonlyArray<string> => {
  const text = readFileSync(document, "utf8").replaceAll(/^ \* ?/gm, "")
  return Array.from(text.matchAll(/^```ts\n(.*?)^```$/gms), ([, code]) => code ?? "")
}

/** Files that the snippets import, and that their readers write. */
const readersFiles = {
  "auth.ts": `import type { OAuthProvider } from "@effect-mcp-auth/core"
import type { HttpClient } from "@effect/platform"
import type { Layer } from "effect"
export declare const Auth: Layer.Layer<OAuthProvider.OAuthProvider, never, HttpClient.HttpClient>`,
  "program.ts": `import type { OAuthProvider } from "@effect-mcp-auth/core"
import type { Effect } from "effect"
export declare const program: Effect.Effect<void, never, OAuthProvider.OAuthProvider>`
}

const tsconfig = {
  extends: "../../../../tsconfig.json",
  include: ["*.ts"],
  compilerOptions: {
    composite: false,
    incremental: false,
    noEmit: true,
    noUnusedLocals: false,
    types: ["node"],
    rewriteRelativeImportExtensions: false,
    allowImportingTsExtensions: true
  }
}

/** Writes each snippet as a module whose name says where it comes from. The result is their number. */
const writeModules = (): number => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
  write("tsconfig.json", JSON.stringify(tsconfig))
  write("vitest.config.mjs", "export default { test: { include: [\"*.test.ts\"] } }")
  for (const [name, text] of Object.entries(readersFiles)) write(name, text)
  let count = 0
  for (const document of documents) {
    const name = relative(root, document).replaceAll(/[^\w-]+/g, "_")
    for (const [index, code] of snippetsOf(document).entries()) {
      const extension = /from "(?:@effect\/)?vitest"/.test(code) ? "test.ts" : "ts"
      write(`${name}_${index}.${extension}`, `${code}\nexport {}\n`)
      count++
    }
  }
  return count
}

describe("the code in the documentation", () => {
  it("compiles in every README, docs page and docstring of the published packages", { timeout: 120_000 }, async () => {
    assert.isAbove(writeModules(), 10)
    const compiler = join(root, "node_modules", "typescript", "bin", "tsc")
    // A compiler that finds mistakes prints them, exits 1, and so rejects the promise.
    const { stdout } = await promisify(execFile)(process.execPath, [compiler, "-p", folder]).catch(
      (error: { readonly stdout: string }) => error
    )
    assert.strictEqual(stdout, "")
  })

  it("passes where it is a test", { timeout: 120_000 }, async () => {
    writeModules()
    const vitest = join(root, "node_modules", "vitest", "vitest.mjs")
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [vitest, "run", "--root", folder, "--reporter", "json"],
      { env: { ...process.env, VITEST: undefined } }
    ).catch((error: { readonly stdout: string }) => error)
    const { numFailedTestSuites, numPassedTests, numTotalTests } = JSON.parse(stdout)
    assert.strictEqual(numFailedTestSuites, 0, stdout)
    assert.strictEqual(numPassedTests, numTotalTests, stdout)
    assert.isAbove(numPassedTests, 3)
  })
})
