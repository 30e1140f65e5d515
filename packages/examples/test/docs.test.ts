/**
 * What the documentation shows compiles: the programs of the READMEs, and the `@example`s of the published packages.
 */
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const root = fileURLToPath(new URL("../../..", import.meta.url))
// Inside the package, so that imports resolve as they do for its programs.
const folder = fileURLToPath(new URL("../build/docs", import.meta.url))

const sources = [
  join(root, "README.md"),
  join(root, "packages", "core", "docs", "observability.md"),
  join(root, "packages", "core", "docs", "token-life.md"),
  join(root, "packages", "testing", "docs", "identity-providers.md"),
  ...["core", "client-secret", "private-key-jwt", "jwt-bearer", "workload-identity", "storage-redis", "testing"]
    .flatMap((name) => {
      const src = join(root, "packages", name, "src")
      const readme = join(root, "packages", name, "README.md")
      return [readme].filter((file) => existsSync(file)).concat(
        readdirSync(src, { recursive: true, encoding: "utf8" })
          .filter((file) => file.endsWith(".ts") && file !== "index.ts")
          .map((file) => join(src, file))
      )
    })
]

const snippetsOf = (file: string): ReadonlyArray<string> => {
  const text = readFileSync(file, "utf8").replaceAll(/^ \* ?/gm, "")
  return Array.from(text.matchAll(/^```ts\n(.*?)^```$/gms), ([, code]) => code ?? "")
}

/** What the programs of the READMEs import from files of their reader's. */
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

describe("the documentation's code", () => {
  it("compiles", { timeout: 120_000 }, async () => {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
    Object.entries(readersFiles).forEach(([name, text]) => write(name, text))
    write("tsconfig.json", JSON.stringify(tsconfig))
    const snippets = sources.flatMap((file) =>
      snippetsOf(file).map((code, index) => {
        write(`${relative(root, file).replaceAll(/[^\w-]+/g, "_")}_${index}.ts`, `${code}\nexport {}\n`)
        return code
      })
    )
    assert.isAbove(snippets.length, 10)
    const compiler = join(root, "node_modules", "typescript", "bin", "tsc")
    const { stdout } = await promisify(execFile)(process.execPath, [compiler, "-p", folder]).catch((
      error: { readonly stdout: string }
    ) => error)
    assert.strictEqual(stdout, "")
  })
})
