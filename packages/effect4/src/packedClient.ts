/**
 * A user of the packed packages: an empty folder with `effect`, two of the packages and nothing else, in which the
 * programs of `client/src` are compiled and run.
 */
import { filesBelow } from "@effect-mcp-auth/tooling/packages"
import { oldTypescript, runCompiler, typescript } from "@effect-mcp-auth/tooling/compilers"
import { execFile, execFileSync } from "node:child_process"
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { promisify } from "node:util"
import { EFFECT } from "./workspace.ts"

/** The packages that the programs import. */
const used = ["core", "client-secret"]

const tsconfig = {
  compilerOptions: {
    target: "ES2022",
    lib: ["ES2023", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
    types: [],
    module: "NodeNext",
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    verbatimModuleSyntax: true,
    rewriteRelativeImportExtensions: true,
    skipLibCheck: false,
    rootDir: "src",
    outDir: "dist"
  },
  include: ["src"]
}

/** The tarball of a package among those of a folder. */
export const tarballOf = (packed: string, name: string): string => {
  const [found, other] = readdirSync(packed).filter((file) =>
    new RegExp(`^effect-mcp-auth-${name}-\\d.*\\.tgz$`).test(file)
  )
  if (found === undefined) throw new Error(`${packed} has no tarball of ${name}: run \`pnpm effect4\` first`)
  if (other !== undefined) throw new Error(`${packed} has two tarballs of ${name}: ${found}, ${other}`)
  return join(packed, found)
}

const npmInstall = (folder: string, specifiers: ReadonlyArray<string>): void => {
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }))
  execFileSync("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", ...specifiers], {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"]
  })
}

/** Installs the tarballs and the tested version of `effect` with npm. Returns what is installed besides, if anything. */
export const install = (folder: string, packed: string): ReadonlyArray<string> => {
  npmInstall(folder, [`effect@${EFFECT.tested}`, ...used.map((name) => tarballOf(packed, name))])
  const installed: { readonly packages: Readonly<Record<string, { readonly version?: string }>> } = JSON.parse(
    readFileSync(join(folder, "package-lock.json"), "utf8")
  )
  return Object.entries(installed.packages).flatMap(([path, { version }]) => {
    const name = path.replace(/^.*node_modules\//, "")
    const isForeign = name.startsWith("@effect/") || (name === "effect" && version !== EFFECT.tested)
    return isForeign ? [`${path} ${version}`] : []
  })
}

/** Copies the programs and compiles them. Returns the errors of each compiler, one line each. */
export const compile = (folder: string): ReadonlyArray<string> => {
  mkdirSync(join(folder, "src"), { recursive: true })
  for (const file of filesBelow(join(import.meta.dirname, "..", "client", "src"), ".ts")) {
    copyFileSync(file, join(folder, "src", basename(file)))
  }
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(tsconfig))
  return [oldTypescript, typescript].flatMap((compiler) =>
    runCompiler(compiler, folder, ["--pretty", "false"]).split("\n").filter((line) => /^\S/.test(line))
      .map((error) => `${compiler.name}: ${error}`)
  )
}

/** A version of Node.js. */
export interface Node {
  readonly name: string
  readonly path: string
}

/** Installs a version of Node.js with npm. */
export const installNode = (folder: string, version: string): Node => {
  const own = join(folder, version)
  mkdirSync(own, { recursive: true })
  npmInstall(own, [`node@${version}`])
  const path = join(own, "node_modules", "node", "bin", "node")
  if (!existsSync(path)) throw new Error(`npm has not installed Node ${version}`)
  return { name: `Node ${execFileSync(path, ["--version"], { encoding: "utf8" }).trim()}`, path }
}

/** Runs a compiled program. Returns its output, and whether it failed. */
export const run = async (
  node: Node,
  folder: string,
  program: string,
  env: Readonly<Record<string, string>>
): Promise<{ readonly output: string; readonly failed: boolean }> =>
  promisify(execFile)(node.path, [join("dist", `${program}.js`)], {
    cwd: folder,
    env: { PATH: process.env["PATH"], ...env }
  })
    .then(
      ({ stderr, stdout }) => ({ output: stdout + stderr, failed: stderr !== "" }),
      (error: { readonly stdout: string; readonly stderr: string }) => ({
        output: error.stdout + error.stderr,
        failed: true
      })
    )
