/**
 * The required contents of the tarball of a published package, and the modules that a user may import from it.
 */
import { existsSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { filesBelow } from "./packages.ts"
import type { Unpacked } from "./packing.ts"
import { SHARED } from "./rollUp.ts"
import { readSyntax } from "./syntax.ts"

const REQUIRED = ["package.json", "README.md", "LICENSE", "dist/index.js", "dist/index.d.ts", "src/index.ts"]

/** The faults of an unpacked tarball, one line each. */
export const checkTarball = (unpacked: Unpacked): ReadonlyArray<string> => {
  const files = filesBelow(unpacked.directory, "").map((file) => relative(unpacked.directory, file))
  return [
    ...REQUIRED.filter((file) => !files.includes(file)).map((file) => `${file} is missing`),
    ...files.filter((file) => file.endsWith(".tpl")).map((file) => `${file} is a template`),
    ...files.filter((file) => /(^|\/)tests?\/|\.test\./.test(file)).map((file) => `${file} is a test`),
    ...files.filter((file) => isStale(file, files)).map((file) =>
      `${file} has no source; delete \`dist\` and \`build\` and build again`
    ),
    ...deadLinks(unpacked.directory).map((link) => `README.md links ${link}, which is not in the tarball`),
    ...internalTypes(unpacked)
  ].map((fault) => `${unpacked.name}: ${fault}`)
}

/** A compiled module whose source has moved. The compiler leaves such modules behind. */
const isStale = (file: string, files: ReadonlyArray<string>): boolean =>
  file.startsWith("dist/") && file.endsWith(".js") && file !== `dist/${SHARED}` &&
  !files.includes(file.replace(/^dist(.*)js$/, "src$1ts"))

/** The relative links of a README that lead nowhere. */
const deadLinks = (directory: string): ReadonlyArray<string> => {
  const readme = join(directory, "README.md")
  if (!existsSync(readme)) return []
  return Array.from(readFileSync(readme, "utf8").matchAll(/\]\(([^)\s#]+)[^)]*\)/g), ([, link]) => link ?? "")
    .filter((link) => !/^[a-z]+:/.test(link) && !existsSync(join(directory, link)))
}

/**
 * A public type must not name an internal one, which a user cannot import. A public module may export from an internal
 * one, which gives the type a public name.
 */
const internalTypes = (unpacked: Unpacked): ReadonlyArray<string> =>
  publicModules(unpacked).flatMap(({ types }) => {
    const file = join(unpacked.directory, types)
    const imported = readSyntax(file, readFileSync(file, "utf8")).imports
      .filter(({ isExport, specifier }) => !isExport && specifier.startsWith("."))
      .map(({ specifier }) => relative(unpacked.directory, join(dirname(file), specifier)))
    return [...new Set(imported)]
      .filter((path) => path.startsWith("dist/internal/"))
      .map((path) => `${types} names a type of ${path}, which is internal`)
  })

export interface PublicModule {
  readonly specifier: string
  /** The path of its types in the package. */
  readonly types: string
}

/** The modules that the `exports` of a package offer, patterns included. */
export const publicModules = (
  { directory, exports, name }: Pick<Unpacked, "directory" | "exports" | "name">
): ReadonlyArray<PublicModule> => {
  const hidden = Object.keys(exports).filter((entry) => exports[entry] === null)
  const isHidden = (entry: string): boolean =>
    hidden.some((pattern) => entry.startsWith(pattern.replace(/\*$/, "")) || entry === pattern)
  return Object.entries(exports).flatMap(([entry, target]) => {
    if (target === null || typeof target === "string") return []
    const [before = "", after] = target.types.split("*")
    if (after === undefined) return [{ specifier: join(name, entry), types: join(target.types) }]
    return filesBelow(join(directory, before.replace(/[^/]*$/, "")), after)
      .map((file) => `./${relative(directory, file)}`)
      .filter((file) => file.startsWith(before))
      .map((types) => ({ types, entry: entry.replace("*", types.slice(before.length, -after.length)) }))
      .filter((module) => !isHidden(module.entry) && module.entry !== "./index")
      .map((module) => ({ specifier: join(name, module.entry), types: join(module.types) }))
  })
}
