/**
 * A program of a user: an empty project that installs the packed packages with npm and imports every public module.
 */
import { execFileSync, spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { oldTypescript, runCompiler, typescript } from "./compilers.ts"
import { repository } from "./packages.ts"
import type { PublicModule } from "./tarballs.ts"

const tsconfig = {
  compilerOptions: {
    target: "ES2022",
    module: "NodeNext",
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true
  },
  files: ["consumer.ts"]
}

/** Installs the tarballs with npm, which brings their peers, in an empty folder. */
export const install = (folder: string, tarballs: ReadonlyArray<string>): void => {
  const root: { readonly devDependencies: Readonly<Record<string, string>> } = JSON.parse(
    readFileSync(join(repository, "package.json"), "utf8")
  )
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }))
  const types = `@types/node@${root.devDependencies["@types/node"]}`
  execFileSync("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", types, ...tarballs], {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"]
  })
}

/** Compiles a program that imports all of these modules. Returns the errors of each compiler, one line each. */
export const compile = (folder: string, modules: ReadonlyArray<PublicModule>): ReadonlyArray<string> => {
  const imports = modules.map(({ specifier }, index) => `import * as m${index} from "${specifier}"`)
  const uses = `export const modules = [${modules.map((_, index) => `m${index}`).join(", ")}]`
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(tsconfig))
  writeFileSync(join(folder, "consumer.ts"), [...imports, uses, ""].join("\n"))
  return [oldTypescript, typescript].flatMap((compiler) =>
    runCompiler(compiler, folder, ["--pretty", "false"]).split("\n").filter((line) => /^\S/.test(line))
      .map((error) => `${compiler.name}: ${error.replace("node_modules/", "")}`)
  )
}

/** Runs a program that imports each of these modules. Returns the first error, if there is one. */
export const load = (folder: string, modules: ReadonlyArray<PublicModule>): ReadonlyArray<string> => {
  writeFileSync(join(folder, "load.js"), modules.map(({ specifier }) => `await import("${specifier}")\n`).join(""))
  const { status, stderr } = spawnSync(process.execPath, ["load.js"], { cwd: folder, encoding: "utf8" })
  return status === 0 ? [] : [`Node ${process.version}: ${/^\w*Error.*$/m.exec(stderr)?.[0] ?? stderr}`]
}
