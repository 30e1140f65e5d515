/**
 * The code for Effect 4 in the documentation compiles, and runs: the program of the page about `McpClient` on real
 * servers, and its tests as they are.
 */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { OAuthHttpClient, TokenStorage } from "@effect-mcp-auth/core"
import { TestServers } from "@effect-mcp-auth/testing"
import { assert, describe, inject, it } from "@effect/vitest"
import { Effect, Layer, type Scope } from "effect"
import type { McpClient } from "effect/ai"
import type { HttpClient } from "effect/http"
import { execFile } from "node:child_process"
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import * as Servers from "../src/Servers.ts"

/** The repository, of which the generated workspace is a part. */
const repository = fileURLToPath(new URL("../../../../../..", import.meta.url))

const workspace = fileURLToPath(new URL("../../..", import.meta.url))

/** The folder of the snippets: inside this package, so that their imports resolve as those of its programs do. */
const folder = fileURLToPath(new URL("../build/docs", import.meta.url))

const page = join(repository, "packages", "core", "docs", "effect4-mcp-client.md")

const documents = [
  join(repository, "README.md"),
  ...globSync("packages/*/{README.md,docs/*.md}", { cwd: repository }).map((path) => join(repository, path))
]

/** The snippets for Effect 4 have their own word after the language. */
const snippetsOf = (document: string): ReadonlyArray<string> =>
  Array.from(readFileSync(document, "utf8").matchAll(/^```ts effect4\n(.*?)^```$/gms), ([, code = ""]) => code)

const tsconfig = {
  extends: "../../../../tsconfig.json",
  include: ["*.ts"],
  compilerOptions: {
    composite: false,
    incremental: false,
    noEmit: true,
    noUnusedLocals: false,
    rewriteRelativeImportExtensions: false,
    allowImportingTsExtensions: true,
    types: ["node"]
  }
}

/** Writes each snippet as a module whose name says where it comes from. Returns the number of modules. */
const writeModules = (): number => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(tsconfig))
  writeFileSync(join(folder, "vitest.config.mjs"), "export default { test: { include: [\"*.test.ts\"] } }")
  let count = 0
  for (const document of documents) {
    for (const [index, code] of snippetsOf(document).entries()) {
      const name = `${relative(repository, document).replaceAll(/[^\w-]+/g, "_")}_${index}`
      writeFileSync(
        join(folder, `${name}.${code.includes("@effect/vitest") ? "test.ts" : "ts"}`),
        `${code}\nexport {}\n`
      )
      count++
    }
  }
  return count
}

const run = (file: string, args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
  promisify(execFile)(process.execPath, [file, ...args], { env: { ...process.env, ...env, VITEST: undefined } })
    .then(
      ({ stdout }) => stdout,
      (error: { readonly stdout: string; readonly stderr: string }) => error.stdout + error.stderr
    )

interface ExtensionSnippet {
  readonly makeClient: Effect.Effect<McpClient.McpClient, unknown, HttpClient.HttpClient | Scope.Scope>
}

/** The authenticated `HttpClient` of servers in memory. */
const InMemory = OAuthHttpClient.layer.pipe(
  Layer.provide(Layer.unwrap(Effect.map(TestServers.TestServers, ClientSecret.layer))),
  Layer.provideMerge(TestServers.layer()),
  Layer.provide(TokenStorage.layerMemory)
)

describe("the code for Effect 4 in the documentation", () => {
  it("compiles", async () => {
    assert.isAtLeast(writeModules(), 6)
    assert.strictEqual(await run(join(workspace, "node_modules", "typescript", "bin", "tsc"), ["-p", folder]), "")
  })

  it("passes where it is a test", async () => {
    writeModules()
    const vitest = join(workspace, "node_modules", "vitest", "vitest.mjs")
    const results = join(folder, "results.json")
    const output = await run(vitest, ["run", "--root", folder, "--reporter", "json", "--outputFile", results])
    const report = JSON.parse(readFileSync(results, "utf8"))
    assert.include(report, { numFailedTestSuites: 0, numFailedTests: 0 }, output)
    assert.isAtLeast(report.numPassedTests, 1)
  })

  for (const protocol of ["v2025_11_25", "v2026_07_28"]) {
    it.effect(`declares the extension of its page to a server with ${protocol}`, () =>
      Effect.gen(function*() {
        const code = snippetsOf(page).find((code) => code.includes("export const makeClient")) ?? ""
        const file = join(folder, "..", `extension_${protocol}.ts`)
        writeFileSync(file, code.replace("McpProtocol.v2026_07_28", `McpProtocol.${protocol}`))
        const { makeClient } = yield* Effect.promise((): Promise<ExtensionSnippet> => import(file))
        const { network } = yield* TestServers.TestServers
        yield* makeClient
        const [first] = (yield* network.requests).filter(({ endpoint }) => endpoint === "resource")
        assert.include(first?.body, "\"extensions\":{\"io.modelcontextprotocol/oauth-client-credentials\":{}}")
      }).pipe(Effect.provide(InMemory)))
  }

  it.live("prints what the tool answered, where it is the program of the page about McpClient", () =>
    Effect.gen(function*() {
      const servers = yield* Servers.make(inject("control"), { sdk: 2 })
      const { clientId, clientSecret, issuer, serverUrl } = servers.settings
      const [program = ""] = snippetsOf(page)
      const file = join(folder, "..", "program.ts")
      writeFileSync(
        file,
        program.replace("https://mcp.example.com/mcp", serverUrl).replace("https://auth.example.com", issuer)
          .replace("\"nightly-report\",\n  clientSecret", `"${clientId}",\n  clientSecret`)
          .replace("Redacted.make(\"...\")", `Redacted.make("${clientSecret}")`)
      )
      const output = yield* Effect.promise(() => run(file, []))
      assert.deepStrictEqual(JSON.parse(output), [
        { type: "text", text: JSON.stringify({ day: "today", orders: 1_204, returns: 17 }) }
      ])
    }))
})
