/**
 * How long a function and a file of a published package may be.
 */
import { readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { filesBelow, type Package } from "./packages.ts"
import { readSyntax } from "./syntax.ts"

/** The longest function in lines, from its first line to its last, comments and blank lines included. */
export const MAX_FUNCTION_LINES = 80

/** The longest file in lines, comments and blank lines included. */
export const MAX_FILE_LINES = 320

/** The files and functions in the `src` of these packages that are too long, one line each. Barrels are generated. */
export const checkLengths = (packages: ReadonlyArray<Package>): ReadonlyArray<string> =>
  packages.flatMap((pkg) =>
    filesBelow(join(pkg.directory, "src"), ".ts")
      .filter((file) => file !== join(pkg.directory, "src", "index.ts"))
      .flatMap((file) => {
        const where = `packages/${pkg.folder}/${relative(pkg.directory, file)}`
        const { functions, lineCount } = readSyntax(file, readFileSync(file, "utf8"))
        const lines = lineCount.code + lineCount.comment + lineCount.blank
        return [
          ...lines > MAX_FILE_LINES ? [`${where}: the file has ${lines} lines, and ${MAX_FILE_LINES} are allowed`] : [],
          ...functions.filter((f) => f.lines > MAX_FUNCTION_LINES).map((f) =>
            `${where}:${f.line}: a function in ${f.name} has ${f.lines} lines, and ${MAX_FUNCTION_LINES} are allowed`
          )
        ]
      })
  )
