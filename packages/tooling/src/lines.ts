/**
 * The lines of code in the `src` of each package, comments counted apart.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { filesBelow, type Package } from "./packages.ts"
import { type LineCount, readSyntax } from "./syntax.ts"
import { table } from "./table.ts"

export interface PackageLines extends LineCount {
  readonly name: string
  readonly files: number
}

export const countLines = ({ directory, folder }: Package): PackageLines =>
  filesBelow(join(directory, "src"), ".ts")
    .map((file) => readSyntax(file, readFileSync(file, "utf8")).lineCount)
    .reduce<PackageLines>(
      (sum, lines) => add(sum, { ...lines, name: folder, files: 1 }),
      { name: folder, files: 0, code: 0, comment: 0, blank: 0 }
    )

const add = (a: PackageLines, b: PackageLines): PackageLines => ({
  name: a.name,
  files: a.files + b.files,
  code: a.code + b.code,
  comment: a.comment + b.comment,
  blank: a.blank + b.blank
})

/** A table with one row for each package and a last row for all packages together. */
export const lineTable = (packages: ReadonlyArray<PackageLines>): string => {
  const all = packages.reduce(add, { name: "all", files: 0, code: 0, comment: 0, blank: 0 })
  return table([
    ["package", "files", "code lines", "comment lines", "blank lines"],
    ...[...packages, all].map(({ blank, code, comment, files, name }) =>
      [name, files, code, comment, blank].map(String)
    )
  ])
}
