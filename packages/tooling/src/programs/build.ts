/**
 * Builds the published package in the current folder: an empty `dist`, then the compiled modules and their types.
 *
 * The tests of a package also test its internal modules, and see their types in `build/src`. `dist` is compiled apart,
 * so that it can leave out what is `@internal`.
 */
import { rmSync } from "node:fs"
import { runCompiler, typescript } from "../compilers.ts"

const toDist = ["--stripInternal", "--outDir", "dist", "--composite", "false", "--incremental", "false"]

rmSync("dist", { recursive: true, force: true })
const errors = runCompiler(typescript, ".", ["-b", "tsconfig.src.json"]) ||
  runCompiler(typescript, ".", ["-p", "tsconfig.src.json", ...toDist])
if (errors !== "") {
  console.error(errors)
  process.exitCode = 1
}
