/**
 * The steps from the Effect 3 sources to the packed packages of the Effect 4 line.
 */
import { type Package, readPackages, repository } from "@effect-mcp-auth/tooling/packages"
import { execFileSync, spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { generate } from "./generate.ts"
import { compareTests } from "./tests.ts"
import { checkVariants } from "./variants.ts"
import { copyPackage } from "./workspace.ts"

const here = join(import.meta.dirname, "..")

/** The generated workspace. */
export const target = join(here, "generated")

const variants = join(here, "variants")

/** The tarballs of the generated packages. */
export const packed = join(here, "packed")

/** The private packages that the tests of the published ones use, and the conformance client. */
const alsoGenerated = ["leak-recorder", "conformance", "benchmarks"]

/** Private packages that do not use Effect. They are copied as they are. */
const alsoCopied = ["tooling"]

const all = readPackages(repository)

export const published: ReadonlyArray<Package> = all.filter(({ manifest }) => manifest.private !== true)

const generated = all.filter((own) => published.includes(own) || alsoGenerated.includes(own.folder))

const copied = all.filter(({ folder }) => alsoCopied.includes(folder))

/** The faults of a step, one line each. */
type Faults = ReadonlyArray<string>

/** Runs a program of the generated workspace. Returns its output, and whether it failed. */
const run = (file: string, args: ReadonlyArray<string>, folder = target, env: NodeJS.ProcessEnv = {}) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [file, ...args], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, ...env },
    maxBuffer: 2 ** 28
  })
  return { output: stdout + stderr, failed: status !== 0 }
}

const lines = (text: string): ReadonlyArray<string> => text.split("\n").filter((line) => line !== "")

/** Writes manifests and settings. */
const prepare = (): void => {
  mkdirSync(target, { recursive: true })
  cpSync(join(here, "workspace"), target, { recursive: true })
  cpSync(join(repository, "tsconfig.json"), join(target, "tsconfig.json"))
  for (const own of [...generated, ...copied]) copyPackage(own, target)
  for (const { directory, folder } of copied) {
    cpSync(join(directory, "src"), join(target, "packages", folder, "src"), { recursive: true })
  }
  const client = join(target, "packages", "client")
  rmSync(client, { recursive: true, force: true })
  cpSync(join(here, "client"), client, { recursive: true })
}

const pnpm = (folder: string, ...args: ReadonlyArray<string>): void => {
  // pnpm names itself in this variable when it runs a script.
  execFileSync(process.env["npm_execpath"] ?? "pnpm", args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] })
}

/** Chooses the versions of all dependencies anew. Needed after a manifest has changed. */
export const lock = (): Faults => {
  prepare()
  pnpm(target, "install", "--lockfile-only", "--no-frozen-lockfile")
  cpSync(join(target, "pnpm-lock.yaml"), join(here, "workspace", "pnpm-lock.yaml"))
  return []
}

/** Installs Effect 4, with the versions of the lock file. */
export const install = (): Faults => {
  prepare()
  pnpm(target, "install", "--frozen-lockfile")
  return []
}

/** Writes the sources and tests. */
export const write = (): Faults => {
  const { files, stale, uncovered, unused } = generate({
    repository,
    packages: generated,
    variants,
    target
  })
  format()
  console.log(`${files} files`)
  return [
    ...uncovered.map(({ file, key, line }) => `${file}:${line}: no rule covers ${key}, which Effect 4 does not have`),
    ...unused.map((name) => `no source needs the rule ${name}`),
    ...stale.map(({ file, line, name }) => `${file}:${line}: the text names ${name}, which Effect 4 does not have`),
    ...checkVariants(variants, join(repository, "packages"))
  ]
}

/** Formats the sources, because they are published and people read them. */
const format = (): void => {
  const settings = ["--config", join(repository, "dprint.json"), "--config-discovery=false"]
  const dprint = join(repository, "node_modules", ".bin", "dprint")
  execFileSync(dprint, ["fmt", ...settings, "packages/*/src/**/*.ts"], { cwd: target, stdio: "ignore" })
}

/** Compiles sources and tests. */
export const check = (): Faults => {
  const tsc = join(target, "node_modules", "typescript", "bin", "tsc")
  return ["tsconfig.check.json", "packages/snippets/tsconfig.json"].flatMap((project) =>
    lines(run(tsc, ["-p", project, "--pretty", "false"]).output)
  )
}

/** Runs the tests, and holds their results against the list of those that do not run on Effect 4. */
export const test = (): Faults => {
  const results = join(target, "results", "tests.json")
  // The results of an earlier run must not count for a run that has written none.
  rmSync(results, { force: true })
  const vitest = join(target, "node_modules", "vitest", "vitest.mjs")
  const { failed, output } = run(vitest, ["run", "--reporter=json", `--outputFile=${results}`])
  if (!existsSync(results)) return lines(output)
  const { failures, faults } = compareTests(results, target)
  // Vitest also fails for an error that no test catches, and names it in its output only.
  return failed && failures === 0 && faults.length === 0
    ? ["the tests pass, and vitest failed:", ...lines(output)]
    : faults
}

/** Runs the client of the official conformance suite. */
export const conformance = (): Faults => {
  const { failed, output } = run(join("src", "run.ts"), [], join(target, "packages", "conformance"))
  console.log(output.trimEnd())
  return failed ? ["the conformance suite failed"] : []
}

/** Builds and packs the published packages. */
export const pack = (): Faults => {
  rmSync(packed, { recursive: true, force: true })
  mkdirSync(packed, { recursive: true })
  const faults = published.flatMap(({ folder, manifest }) => {
    const directory = join(target, "packages", folder)
    const build = run(join(target, "packages/tooling/src/programs/build.ts"), [], directory)
    if (build.failed) return lines(build.output).map((line) => `${manifest.name}: ${line}`)
    pnpm(directory, "pack", "--pack-destination", packed)
    return []
  })
  console.log(readdirSync(packed).join("\n"))
  return faults
}
