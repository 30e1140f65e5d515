/**
 * The packages as a user has them: the built `dist` and the published `package.json` in a `node_modules`, and programs
 * compiled to JavaScript beside it. In the workspace itself the packages' exports name TypeScript sources, which Node
 * would have to strip of their types at every start.
 */
import { execFile } from "node:child_process"
import { cp, mkdir, readdir, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  /** The fields that replace those of the same name in the published manifest. */
  readonly publishConfig?: { readonly exports?: unknown }
}

const packageOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const benchmarks = packageOf("..")
const directory = join(benchmarks, "build", "installation")
const ours = ["core", "client-secret"]

const readManifest = async (folder: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(folder, "package.json"), "utf8"))

/** Builds the packages that the programs use, as they are published, and compiles the programs. */
const build = async (): Promise<void> => {
  const run = promisify(execFile)
  const compiler = createRequire(packageOf("../../../package.json")).resolve("typescript/package.json")
  await run(process.execPath, [join(dirname(compiler), "bin", "tsc"), "-b", join(benchmarks, "tsconfig.src.json")])
  for (const name of ours) {
    await run(process.execPath, ["../tooling/src/programs/build.ts"], { cwd: packageOf(`../../${name}`) })
  }
}

/** What `npm publish` would put there: `dist`, and the manifest with the exports of `publishConfig`. */
const install = async (name: string): Promise<void> => {
  const from = packageOf(`../../${name}`)
  const to = join(directory, "node_modules", "@effect-mcp-auth", name)
  await cp(join(from, "dist"), join(to, "dist"), { recursive: true })
  const { publishConfig, ...manifest } = await readManifest(from)
  await writeFile(join(to, "package.json"), JSON.stringify({ ...manifest, ...publishConfig }))
}

/** A package of somebody else's, the same copy for all: two copies of `effect` would be two Effects. */
const link = async (name: string, from: string): Promise<void> => {
  const to = join(directory, "node_modules", name)
  await mkdir(dirname(to), { recursive: true })
  await symlink(await realpath(join(from, "node_modules", name)), to)
}

export interface Installation {
  /** Where the packages and the programs are. */
  readonly directory: string
  /** The packages of other projects. */
  readonly others: ReadonlyArray<string>
  /** The path of a program, by its name. */
  readonly pathOf: (program: string) => string
}

const makeAnew = async (): Promise<Installation> => {
  const { dependencies = {} } = await readManifest(benchmarks)
  const others = Object.keys(dependencies).filter((name) => !name.startsWith("@effect-mcp-auth/"))
  await build()
  await rm(directory, { recursive: true, force: true })
  await Promise.all(ours.map(install))
  await Promise.all(others.map((name) => link(name, benchmarks)))
  const programs = join(benchmarks, "build", "src", "processes")
  const names = (await readdir(programs)).filter((name) => name.endsWith(".js"))
  await Promise.all(names.map((name) => cp(join(programs, name), join(directory, name))))
  await writeFile(join(directory, "package.json"), JSON.stringify({ type: "module" }))
  return { directory, others, pathOf: (program) => join(directory, `${program}.js`) }
}

let made: Promise<Installation> | undefined

/** Builds and installs anew, once in a process. */
export const make = (): Promise<Installation> => made ??= makeAnew()
