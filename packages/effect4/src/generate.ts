/**
 * Writes the sources of the Effect 4 line into a folder.
 */
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { filesBelow, type Package } from "@effect-mcp-auth/tooling/packages"
import { makeExists } from "./effect4Exports.ts"
import { rewriteFile, type Uncovered } from "./rewriteFile.ts"
import { rules, wraps } from "./rules/index.ts"
import { sourceProgram } from "./sourceProgram.ts"
import { tables } from "./tables/index.ts"

export interface Generated {
  /** Names that Effect 4 does not have and that no rule covers. */
  readonly uncovered: ReadonlyArray<Uncovered>
  /** The rules and rows of tables that no source needs. */
  readonly unused: ReadonlyArray<string>
  /** Variants that stand in place of no module. */
  readonly unchecked: ReadonlyArray<string>
  readonly files: number
}

export interface Options {
  readonly repository: string
  readonly packages: ReadonlyArray<Package>
  /** Modules that stand in place of those of the Effect 3 line: `<package>/src/<path>.ts`. */
  readonly variants: string
  /** The generated workspace, with Effect 4 installed. */
  readonly target: string
}

/** The folders of a package that hold sources. */
const folders = ["src", "test"]

export const generate = ({ packages, repository, target, variants }: Options): Generated => {
  const files = packages.flatMap(({ directory }) =>
    folders.flatMap((folder) => filesBelow(join(directory, folder), ".ts"))
  )
  const program = sourceProgram(repository, files)
  const used = new Set<string>()
  const shared = {
    checker: program.getTypeChecker(),
    rules,
    wraps,
    tables,
    exists: makeExists(join(target, "node_modules")),
    used: (name: string) => used.add(name)
  }
  for (const { folder } of packages) {
    for (const own of folders) rmSync(join(target, "packages", folder, own), { recursive: true, force: true })
  }
  const uncovered = files.flatMap((file) => {
    const path = relative(repository, file)
    const to = join(target, path)
    mkdirSync(dirname(to), { recursive: true })
    const variant = join(variants, relative("packages", path))
    if (existsSync(variant)) {
      cpSync(variant, to)
      return []
    }
    const source = program.getSourceFile(file)
    if (source === undefined) throw new Error(`${path} is not part of the program`)
    const rewritten = rewriteFile(source, shared)
    writeFileSync(to, rewritten.text)
    return rewritten.uncovered.map((own) => ({ ...own, file: path }))
  })
  const known = [...rules, ...wraps].map(({ name }) => name)
  const rows = [...tables.modules.keys(), ...tables.names.keys(), ...tables.members.keys()]
  const paths = new Set(files.map((file) => relative(join(repository, "packages"), file)))
  return {
    uncovered,
    unused: [...known, ...rows].filter((name) => !used.has(name)),
    unchecked: filesBelow(variants, ".ts").map((file) => relative(variants, file)).filter((path) => !paths.has(path)),
    files: files.length
  }
}
