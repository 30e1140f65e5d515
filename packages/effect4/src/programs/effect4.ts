import { cpSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { readPackages, repository } from "@effect-mcp-auth/tooling/packages"
import { execFileSync } from "node:child_process"
import { generate } from "../generate.ts"
import { copyPackage } from "../workspace.ts"

const here = join(import.meta.dirname, "..", "..")
const target = join(here, "generated")
const wanted = process.argv.slice(2)
const only = wanted.filter((name) => !name.startsWith("--"))
const all = [
  "core",
  "client-secret",
  "private-key-jwt",
  "jwt-bearer",
  "workload-identity",
  "storage-file",
  "storage-redis",
  "testing",
  "leak-recorder",
  "conformance"
]
const packages = readPackages(repository).filter(({ folder }) =>
  all.includes(folder) && (only.length === 0 || only.includes(folder))
)

mkdirSync(target, { recursive: true })
cpSync(join(here, "workspace"), target, { recursive: true })
cpSync(join(repository, "tsconfig.json"), join(target, "tsconfig.json"))
for (const own of packages) copyPackage(own, target)
const tooling = readPackages(repository).find(({ folder }) => folder === "tooling")!
copyPackage(tooling, target)
cpSync(join(tooling.directory, "src"), join(target, "packages/tooling/src"), { recursive: true })
if (!wanted.includes("--no-install")) {
  execFileSync("npx", ["-y", "pnpm@12.21.0", "install"], { cwd: target, stdio: "inherit" })
}
const { uncovered, unused } = generate({ repository, packages, variants: join(here, "variants"), target })
const keys = new Map<string, Array<string>>()
for (const { file, key, line } of uncovered) keys.set(key, [...keys.get(key) ?? [], `${file}:${line}`])
for (const [key, places] of keys) console.log(`${key} ${places.length} ${places.slice(0, 2).join(" ")}`)
for (const name of unused) console.log(`unused: ${name}`)
