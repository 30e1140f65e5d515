/**
 * All mutants of some source files, in one build: Stryker's instrumenter writes each changed expression beside the
 * original one, and a variable chooses which of them runs.
 */
import { Instrumenter } from "@stryker-mutator/instrumenter"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { Mutant, Place } from "./mutant.ts"

export interface Instrumented {
  /** The code that replaces each source file, by the file's absolute path. */
  readonly code: ReadonlyMap<string, string>
  readonly mutants: ReadonlyArray<Mutant>
}

/** The score leaves out strings: texts of errors and log lines are for people, and most tests compare their sense. */
const EXCLUDED = ["StringLiteral"]

/** The reason that Stryker gives to a mutant whose comment has none. */
const NO_REASON = "Ignored using a comment"

const ignore = (): void => undefined

const logger = {
  isTraceEnabled: () => false,
  isDebugEnabled: () => false,
  isInfoEnabled: () => false,
  isWarnEnabled: () => true,
  isErrorEnabled: () => true,
  isFatalEnabled: () => true,
  trace: ignore,
  debug: ignore,
  info: ignore,
  warn: (message: string) => {
    throw new Error(message)
  },
  error: ignore,
  fatal: ignore
}

/** Instruments the files of a package, named relative to the package's directory. */
export const instrument = async (directory: string, files: ReadonlyArray<string>): Promise<Instrumented> => {
  const sources = new Map(files.map((file) => [file, readFileSync(join(directory, file), "utf8")]))
  const result = await new Instrumenter(logger).instrument(
    [...sources].map(([name, content]) => ({ name, content, mutate: true })),
    { plugins: null, excludedMutations: EXCLUDED, ignorers: [] }
  )
  const mutants = result.mutants.flatMap((mutant): ReadonlyArray<Mutant> => {
    const reason = mutant.statusReason
    if (reason?.startsWith("Ignored because of excluded mutation") === true) return []
    const source = sources.get(mutant.fileName) ?? ""
    const [start, end] = [fromOne(mutant.location.start), fromOne(mutant.location.end)]
    if (reason === NO_REASON || reason === "") {
      throw new Error(
        `${mutant.fileName}:${start.line}: a \`Stryker disable\` comment has no reason. Write the reason after a colon.`
      )
    }
    return [{
      id: mutant.id,
      file: mutant.fileName,
      start,
      end,
      mutator: mutant.mutatorName,
      original: excerpt(source, start, end),
      replacement: mutant.replacement,
      explanation: reason
    }]
  })
  return { code: new Map(result.files.map(({ content, name }) => [join(directory, name), content])), mutants }
}

const fromOne = ({ column, line }: Place): Place => ({ line: line + 1, column: column + 1 })

/** The text between two places. */
const excerpt = (source: string, start: Place, end: Place): string => {
  const lines = source.split("\n").slice(start.line - 1, end.line)
  const last = lines.length - 1
  return lines
    .map((line, index) => line.slice(index === 0 ? start.column - 1 : 0, index === last ? end.column - 1 : line.length))
    .join("\n")
}
