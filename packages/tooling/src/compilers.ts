/**
 * The compilers of this repository: the one that builds, and an older one under which the published types must compile.
 */
import { spawnSync } from "node:child_process"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { repository } from "./packages.ts"

export interface Compiler {
  readonly name: string
  readonly file: string
}

const require = createRequire(join(repository, "package.json"))

const compiler = (name: string, dependency: string, file: string): Compiler => ({
  name,
  file: join(dirname(require.resolve(`${dependency}/package.json`)), file)
})

export const typescript = compiler("TypeScript 7", "typescript", "bin/tsc")

export const oldTypescript = compiler("TypeScript 5.9", "typescript-5.9", "lib/tsc.js")

/** Runs a compiler in a folder. Returns its output, which is empty if the program has no error. */
export const runCompiler = ({ file }: Compiler, folder: string, args: ReadonlyArray<string>): string => {
  const { status, stdout } = spawnSync(process.execPath, [file, ...args], { cwd: folder, encoding: "utf8" })
  return status === 0 || stdout !== "" ? stdout : `the compiler ended with the status ${status} and no message`
}
