/**
 * Rewrites small sources, as the generator rewrites files.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { repository } from "@effect-mcp-auth/tooling/packages"
import type { Uncovered } from "../../src/rewriteFile.ts"
import { rewriteFile } from "../../src/rewriteFile.ts"
import { rules, wraps } from "../../src/rules/index.ts"
import { sourceProgram } from "../../src/sourceProgram.ts"
import { tables } from "../../src/tables/index.ts"

/** The packages that the sources below may import, as this package sees them. */
const modules = (name: string): string | undefined =>
  name === "it"
    ? "@effect/vitest"
    : ["effect", "@effect/platform", "@effect/platform-node"].map((root) => `${root}/${name}`).find((module) =>
      existsSync(join(repository, "node_modules", root(module), "dist/dts", `${name}.d.ts`))
    )

const root = (module: string): string => module.replace(/\/[^/]+$/, "")

/** The imports that a source needs, for each `Name.` in it. */
const importsFor = (source: string): string => {
  const names = new Set([...source.matchAll(/(?<![.\w"/])([A-Z]\w+)\./g)].map(([, name = ""]) => name))
  return [...names].toSorted().flatMap((name) => {
    const module = modules(name)
    return module === undefined ? [] : [`import * as ${name} from "${module}"`]
  }).join("\n")
}

export interface Result {
  /** The text below the imports and below what was given, with one space for all white space. */
  readonly text: string
  readonly imports: ReadonlyArray<string>
  readonly uncovered: ReadonlyArray<Uncovered>
}

/** Rewrites many sources at once, because the compiler reads the declarations of Effect for each program. */
export const rewritten = (
  sources: ReadonlyArray<{ readonly before: string; readonly given?: string | undefined }>,
  exists: (module: string, name: string) => boolean = () => true
): ReadonlyArray<Result> => {
  const files = new Map(sources.map(({ before, given = "" }, index) => [
    join(repository, "packages/effect4/test", `example${index}.ts`),
    `${importsFor(`${before} ${given}`)}\n${given}\n/* given */\n${before}\n`
  ]))
  const program = sourceProgram(repository, [...files.keys()], files)
  const shared = { checker: program.getTypeChecker(), rules, wraps, tables, exists, used: () => {} }
  return [...files.keys()].map((file) => {
    const source = program.getSourceFile(file)
    if (source === undefined) throw new Error(`${file} is not part of the program`)
    const { text, uncovered } = rewriteFile(source, shared)
    const [head = "", body = ""] = text.split("/* given */")
    return {
      text: oneLine(body),
      imports: head.split("\n").filter((line) => line.startsWith("import ")),
      uncovered
    }
  })
}

export const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").trim()
