/** The source files of a package, and which of them import which. */
import { readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { filesBelow } from "@effect-mcp-auth/tooling/packages"

/** The source files of a package that can have mutants, relative to the package. Barrels are generated. */
export const sourcesOf = (directory: string): ReadonlyArray<string> =>
  filesBelow(join(directory, "src"), ".ts")
    .map((file) => relative(directory, file))
    .filter((file) => !file.endsWith("index.ts"))

/** The sources that the arguments of the program name: a file, or all files of a folder. None names all. */
export const chooseSources = (all: ReadonlyArray<string>, chosen: ReadonlyArray<string>): ReadonlyArray<string> => {
  if (chosen.length === 0) return all
  return chosen.flatMap((name) => {
    const path = name.startsWith("src/") || name === "src" ? name : join("src", name)
    const files = all.filter((file) => file === path || file === `${path}.ts` || file.startsWith(`${path}/`))
    if (files.length === 0) throw new Error(`No source file of the package is named ${name}.`)
    return files
  }).filter((file, index, files) => files.indexOf(file) === index)
}

export const testFilesOf = (directory: string): ReadonlyArray<string> => filesBelow(join(directory, "test"), ".test.ts")

/** The modules of the package that import each module directly, types left out. */
export const importersOf = (
  directory: string,
  sources: ReadonlyArray<string>
): ReadonlyMap<string, ReadonlySet<string>> => {
  const importers = new Map<string, Set<string>>(sources.map((file) => [file, new Set()]))
  for (const file of sources) {
    const text = readFileSync(join(directory, file), "utf8")
    for (const [, specifier] of text.matchAll(/^(?:import|export|\} from)(?! type)[^;]*? from "(\.[^"]+)"/gms)) {
      if (specifier !== undefined) importers.get(join(dirname(file), specifier))?.add(file)
    }
  }
  return importers
}

/** The test file that mirrors a source file: `src/a/B.ts` and `test/a/B.test.ts`. Parts of one are `B.part.test.ts`. */
export const isMirror = (directory: string, source: string, testFile: string): boolean => {
  const stem = join(directory, source).replace(`${directory}/src/`, `${directory}/test/`).replace(/\.ts$/, "")
  return testFile.startsWith(`${stem}.`)
}
