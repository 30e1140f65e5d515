/**
 * The modules that have a form of their own for each line of Effect, because no rule can make the one of the other.
 */
import { filesBelow } from "@effect-mcp-auth/tooling/packages"
import { existsSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { exportedNames } from "./effect4Exports.ts"

/** Each variant is written by hand twice, so there are few, and they are short. */
const LIMITS = { variants: 12, lines: 120 }

/** The faults of the variants below a folder, which mirrors `packages`. */
export const checkVariants = (variants: string, packages: string): ReadonlyArray<string> => {
  const paths = filesBelow(variants, ".ts").map((file) => relative(variants, file))
  return [
    ...paths.length > LIMITS.variants ? [`there are ${paths.length} variants, and ${LIMITS.variants} are allowed`] : [],
    ...paths.flatMap((path) => check(path, join(variants, path), join(packages, path)))
  ]
}

const check = (path: string, variant: string, original: string): ReadonlyArray<string> => {
  if (!existsSync(original)) return [`the variant ${path} replaces no module`]
  const lines = readFileSync(variant, "utf8").split("\n").length - 1
  const own = [...exportedNames(variant)].toSorted()
  const others = [...exportedNames(original)].toSorted()
  return [
    ...lines >= LIMITS.lines
      ? [`the variant ${path} has ${lines} lines, and must have fewer than ${LIMITS.lines}`]
      : [],
    ...own.join(" ") === others.join(" ")
      ? []
      : [`the variant ${path} exports ${own.join(", ")}, and the module that it replaces exports ${others.join(", ")}`]
  ]
}
