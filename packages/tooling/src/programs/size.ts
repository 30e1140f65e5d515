import { readFileSync } from "node:fs"
import { join } from "node:path"
import { bundle, byModulePath, checkFirstProgram, firstProgram, kibibytes } from "../bundles.ts"
import { isPublished, readPackages, repository } from "../packages.ts"
import { pack, unpack, withTemporaryFolder } from "../packing.ts"
import { report } from "../report.ts"
import { table } from "../table.ts"

const published = readPackages(repository).filter(isPublished)
const program = firstProgram(readFileSync(join(repository, "README.md"), "utf8"))
const first = { name: "README's first program", source: program }
const others = [
  { name: "the same, by module path", source: byModulePath(program) },
  ...published.map(({ manifest: { name } }) => ({ name, source: `export * from "${name}"` }))
]

await withTemporaryFolder(async (folder) => {
  const unpacked = published.map((pkg) => unpack(pack(pkg, folder), pkg.manifest.name, join(folder, "node_modules")))
  const own = new Set(unpacked.map(({ name }) => name))
  const external = [...new Set(unpacked.flatMap(({ peers }) => peers)), "jose"].filter((name) => !own.has(name))
  const firstBundle = await bundle(first, folder, external)
  const bundles = [firstBundle, ...await Promise.all(others.map((entry) => bundle(entry, folder, external)))]
  console.log(table([
    ["bundle", "minified", "brotli"],
    ...bundles.map(({ compressed, minified, name }) => [name, kibibytes(minified), kibibytes(compressed)])
  ]))
  report("size", checkFirstProgram(firstBundle))
})
