/** Compiles the published package in the current folder, which has been built, under the older compiler. */
import { oldTypescript, runCompiler } from "../compilers.ts"

const errors = runCompiler(oldTypescript, ".", ["-p", "tsconfig.src.json", "--noEmit"])
if (errors !== "") {
  console.error(errors)
  process.exitCode = 1
}
