/**
 * One file in place of the compiled modules of a package, with a short file for each public module that exports from
 * it.
 *
 * Node needs about 0.2 ms for each file, and as much for each `import` of another package's module, because it reads
 * the
 * `exports` of that package again. With 70 modules and 200 such imports, that costs 40 to 80 ms at each start.
 */
import { readFileSync, rmSync } from "node:fs"
import { resolve } from "node:path"
import { type Plugin, rollup } from "rollup"
import { filesBelow } from "./packages.ts"
import { markPure } from "./pure.ts"

/** The file with everything that the public modules export. */
export const SHARED = "internal/all.js"

/**
 * Rolls the compiled modules in `folder` up, in place. `entries` are the paths of the public modules in that folder.
 * Types stay as the compiler wrote them, and the source maps lead to the sources of the package.
 */
export const rollUp = async (folder: string, entries: ReadonlyArray<string>): Promise<void> => {
  const modules = filesBelow(resolve(folder), ".js")
  const bundle = await rollup({
    input: Object.fromEntries(
      entries.map((entry) => [entry.replace(/\.js$/, ""), `${ENTRY}${resolve(folder, entry)}`])
    ),
    external: (specifier) => !/^[./]/.test(specifier) && !specifier.startsWith(ENTRY),
    // The manifests say the same: `sideEffects: false`.
    treeshake: { moduleSideEffects: false },
    // A public module that has only types is an empty file.
    onwarn: (warning, warn) => warning.code === "EMPTY_BUNDLE" ? undefined : warn(warning),
    plugins: [compiledModules]
  })
  for (const module of modules) {
    rmSync(module)
    rmSync(`${module}.map`)
  }
  await bundle.write({
    dir: folder,
    entryFileNames: "[name].js",
    chunkFileNames: SHARED,
    manualChunks: (module) => module.startsWith(ENTRY) ? undefined : "all",
    // Otherwise each short file would import again what the shared file imports.
    hoistTransitiveImports: false,
    generatedCode: "es2015",
    minifyInternalExports: false,
    sourcemap: true,
    sourcemapExcludeSources: true
  })
  await bundle.close()
}

/** The prefix of the names of the short files, which do not exist on disk before the build writes them. */
const ENTRY = "entry:"

/** Reads a compiled module together with its source map, and marks its calls as pure. */
const compiledModules: Plugin = {
  name: "compiled-modules",
  resolveId: (specifier) => specifier.startsWith(ENTRY) ? specifier : null,
  load: (file) =>
    file.startsWith(ENTRY)
      ? `export * from ${JSON.stringify(file.slice(ENTRY.length))}`
      : { code: readFileSync(file, "utf8"), map: readFileSync(`${file}.map`, "utf8") },
  transform: (code, file) => {
    if (file.startsWith(ENTRY)) return null
    const { code: marked, map } = markPure(file, code)
    return { code: marked, map: map.toString() }
  }
}
