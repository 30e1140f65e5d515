/**
 * The published types compile in a program with ioredis 5 or 6, under TypeScript 5.9 and 7, without `skipLibCheck`.
 */
import { describe, expect, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const place = fileURLToPath(new URL("../build/types", import.meta.url))

const compilers = { "TypeScript 5.9": "typescript-5.9/lib/tsc.js", "TypeScript 7": "typescript/bin/tsc" }
const clients = { "ioredis 5": "ioredis", "ioredis 6": "ioredis-6" }

const program = `
import { RedisTokenStorage } from "./dist/index.js"
import { Duration, Redacted } from "effect"

export const Storage = RedisTokenStorage.layer({
  url: [Redacted.make("rediss://redis.example.com")],
  encryptionKey: Redacted.make("..."),
  redis: { password: "...", tls: { ca: "..." } },
  cluster: { natMap: {} },
  leaseDuration: "5 seconds",
  pollInterval: Duration.millis(100),
  commandTimeout: 500
})
`

/** Compiles with a configuration beside the program. Returns what the compiler prints. */
const compile = (compiler: string, name: string, config: object) => {
  const file = join(place, `tsconfig.${name.replaceAll(/\W+/g, "-")}.json`)
  writeFileSync(file, JSON.stringify({ extends: "../../../../tsconfig.json", references: [], ...config }))
  return new Promise<string>((resolve) => {
    const args = [join(root, "node_modules", compiler), "-p", file]
    execFile(process.execPath, args, (error, stdout) => resolve(error === null ? "" : stdout))
  })
}

const alone = { composite: false, incremental: false, rootDir: "../../..", types: ["node"] }

const withClient = (client: string) => ({
  ...alone,
  noEmit: true,
  allowImportingTsExtensions: true,
  rewriteRelativeImportExtensions: false,
  paths: { ioredis: [`../../node_modules/${client}/built/index.d.ts`] }
})

describe("the types of storage-redis", { timeout: 600_000 }, () => {
  it("name nothing internal, and compile with ioredis 5 and 6 under TypeScript 5.9 and 7", async () => {
    rmSync(place, { recursive: true, force: true })
    mkdirSync(place, { recursive: true })
    writeFileSync(join(place, "program.ts"), program)
    const declarations = { stripInternal: true, emitDeclarationOnly: true, declarationMap: false, sourceMap: false }
    const printed = await compile(compilers["TypeScript 7"], "declarations", {
      include: ["../../src"],
      compilerOptions: { ...alone, ...declarations, rootDir: "../../src", outDir: "dist" }
    })
    expect(printed).toBe("")
    expect(readdirSync(join(place, "dist"))).toContain("RedisTokenStorage.d.ts")
    for (const [clientName, client] of Object.entries(clients)) {
      for (const [compilerName, compiler] of Object.entries(compilers)) {
        const name = `${clientName}, ${compilerName}`
        expect([
          name,
          await compile(compiler, name, {
            include: ["program.ts", "dist"],
            compilerOptions: { ...withClient(client), skipLibCheck: false }
          })
        ]).toEqual([name, ""])
      }
    }
  })

  it.each(Object.entries(clients))("the sources compile with %s", async (name, client) => {
    mkdirSync(place, { recursive: true })
    expect(
      await compile(compilers["TypeScript 7"], `sources ${name}`, {
        include: ["../../src"],
        compilerOptions: withClient(client)
      })
    ).toBe("")
  })
})
