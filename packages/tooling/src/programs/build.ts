/**
 * Builds the published package in the current folder: an empty `dist`, then the types of its modules, and their code
 * rolled up.
 *
 * The tests of a package also test its internal modules, and see their types in `build/src`. `dist` is compiled apart,
 * so that it can leave out what is `@internal`.
 */
import { readFileSync, rmSync } from "node:fs"
import { runCompiler, typescript } from "../compilers.ts"
import type { Manifest } from "../packages.ts"
import { rollUp } from "../rollUp.ts"
import { publicModules } from "../tarballs.ts"

const toDist = ["--stripInternal", "--outDir", "dist", "--composite", "false", "--incremental", "false"]

rmSync("dist", { recursive: true, force: true })
const errors = runCompiler(typescript, ".", ["-b", "tsconfig.src.json"]) ||
  runCompiler(typescript, ".", ["-p", "tsconfig.src.json", ...toDist])
if (errors === "") {
  const { name, publishConfig }: Manifest = JSON.parse(readFileSync("package.json", "utf8"))
  const modules = publicModules({ name, directory: ".", exports: publishConfig?.exports ?? {} })
  await rollUp("dist", modules.map(({ types }) => types.replace(/^dist\/(.*)\.d\.ts$/, "$1.js")))
} else {
  console.error(errors)
  process.exitCode = 1
}
