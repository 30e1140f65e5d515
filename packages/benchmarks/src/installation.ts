/**
 * The packages as a user has them: the built `dist` and the published `package.json` in a `node_modules`, and programs
 * compiled to JavaScript beside it. In the workspace itself the packages' exports name TypeScript sources, which Node
 * would have to strip of their types at every start.
 */
import { runCompiler, typescript } from "@effect-mcp-auth/tooling/compilers"
import { execFile } from "node:child_process"
import { cp, mkdir, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises"
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

const run = promisify(execFile)

/** Builds a package as it is published. */
const build = (name: string) =>
  run(process.execPath, ["../tooling/src/programs/build.ts"], { cwd: packageOf(`../../${name}`) })

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

const compilerOptions = {
  target: "ES2022",
  lib: ["ES2024", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
  typeRoots: [packageOf("../../../node_modules/@types")],
  types: ["node"],
  module: "NodeNext",
  strict: true,
  verbatimModuleSyntax: true,
  rewriteRelativeImportExtensions: true,
  skipLibCheck: true,
  rootDir: "src",
  outDir: "dist"
}

/** Compiles the programs as a user would: with the types of the built packages. */
const compile = async (): Promise<void> => {
  await cp(join(benchmarks, "src", "processes"), join(directory, "src"), { recursive: true })
  await writeFile(join(directory, "package.json"), JSON.stringify({ type: "module" }))
  await writeFile(join(directory, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["src"] }))
  const errors = runCompiler(typescript, directory, ["--pretty", "false"])
  if (errors !== "") throw new Error(errors)
}

const makeAnew = async (): Promise<Installation> => {
  const { dependencies = {} } = await readManifest(benchmarks)
  const others = Object.keys(dependencies).filter((name) => !name.startsWith("@effect-mcp-auth/"))
  // `client-secret` is compiled with the types of `core`.
  for (const name of ours) await build(name)
  await rm(directory, { recursive: true, force: true })
  await Promise.all(ours.map(install))
  await Promise.all(others.map((name) => link(name, benchmarks)))
  await compile()
  return { directory, others, pathOf: (program) => join(directory, "dist", `${program}.js`) }
}

let made: Promise<Installation> | undefined

/** Builds and installs anew, once in a process. */
export const make = (): Promise<Installation> => made ??= makeAnew()
