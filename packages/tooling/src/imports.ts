/**
 * The rules for imports inside this repository. `import type` and `export … from` count as imports.
 *
 * - No circle of files in the `src` of a package.
 * - No circle of rooms there. A room is a folder directly below `src/internal`, or the folder `src/authoring`, with all
 *   the files in it. Every other file is a room of its own.
 * - No import of another package's `internal` modules, and no path that leaves the package. Tests keep this rule as
 *   well.
 */
import { readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { circles, makeGraph } from "./graph.ts"
import { filesBelow, type Package } from "./packages.ts"
import { readSyntax } from "./syntax.ts"

interface Import {
  /** The path of the importing file, relative to its package. */
  readonly from: string
  readonly specifier: string
  /** The path of the imported file, relative to the package. Absent for an import of another package. */
  readonly to: string | undefined
}

/** The faults in the imports of these packages, one line each. */
export const checkImports = (packages: ReadonlyArray<Package>): ReadonlyArray<string> =>
  packages.flatMap((pkg) => {
    const imports = [...importsBelow(pkg, "src"), ...importsBelow(pkg, "test")]
    const arrows = imports.flatMap(({ from, to }) =>
      from.startsWith("src/") && to?.startsWith("src/") ? [[from, to] as const] : []
    )
    const where = `packages/${pkg.folder}`
    return [
      ...circles(makeGraph(arrows)).map((circle) => `${where}: circle of imports: ${circle.join(" → ")}`),
      ...circlesOfRooms(arrows).map((text) => `${where}: circle of rooms: ${text}`),
      ...imports.filter(isForeign).map(({ from, specifier }) =>
        `${where}/${from}: "${specifier}" reaches into another package; import a public module by its package name`
      )
    ]
  })

const importsBelow = ({ directory, manifest }: Package, folder: string): ReadonlyArray<Import> =>
  filesBelow(join(directory, folder), ".ts").flatMap((file) =>
    readSyntax(file, readFileSync(file, "utf8")).imports.map(({ specifier }) => ({
      from: relative(directory, file),
      specifier,
      to: specifier.startsWith(".")
        ? relative(directory, join(dirname(file), specifier))
        : ownModule(manifest.name, specifier)
    }))
  )

/** The file behind a package's import of itself by its own name. */
const ownModule = (name: string, specifier: string): string | undefined =>
  specifier === name
    ? "src/index.ts"
    : specifier.startsWith(`${name}/`)
    ? `src/${specifier.slice(name.length + 1)}.ts`
    : undefined

const roomOf = (file: string): string => /^src\/(internal\/[^/]+|authoring)\//.exec(file)?.[0] ?? file

const circlesOfRooms = (arrows: ReadonlyArray<readonly [from: string, to: string]>): ReadonlyArray<string> => {
  const between = arrows.filter(([from, to]) => roomOf(from) !== roomOf(to))
  const found = circles(makeGraph(between.map(([from, to]) => [roomOf(from), roomOf(to)])))
  // A circle without a folder is a circle of files, which is reported as such.
  return found.filter((circle) => circle.some((room) => room.endsWith("/"))).map((circle) => {
    const examples = circle.slice(1).map((room, index) => {
      const arrow = between.find(([from, to]) => roomOf(from) === circle[index] && roomOf(to) === room)
      return `${arrow?.[0]} imports ${arrow?.[1]}`
    })
    return `${circle.join(" → ")} (${examples.join(", ")})`
  })
}

const isForeign = ({ specifier, to }: Import): boolean =>
  to === undefined ? /^@effect-mcp-auth\/[^/]+\/(src\/)?internal\//.test(specifier) : isOutside(to)

/** The root's `package.json` and its siblings are not a package, so that a test may read them by path. */
const isOutside = (path: string): boolean => path.startsWith("../") && !path.startsWith("../../")
