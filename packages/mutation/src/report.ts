/** The score of a run: a table with a line for each file, and a line for each mutant that no test noticed. */
import { describeMutant, type Outcome, type Status } from "./mutant.ts"

/** The lowest score, in percent, that a package may have. */
export const BOUND = 92

export interface Score {
  readonly name: string
  readonly counts: Readonly<Record<Status, number>>
  /** In percent. */
  readonly score: number
}

export const scoreOf = (name: string, outcomes: ReadonlyArray<Outcome>): Score => {
  const counts: Record<Status, number> = { killed: 0, timedOut: 0, survived: 0, uncovered: 0, explained: 0 }
  for (const { status } of outcomes) counts[status]++
  const counted = outcomes.length - counts.explained
  const noticed = counts.killed + counts.timedOut
  return { name, counts, score: counted === 0 ? 100 : 100 * noticed / counted }
}

/** The score of each file, in the order of their names. */
export const scoresByFile = (outcomes: ReadonlyArray<Outcome>): ReadonlyArray<Score> => {
  const files = Map.groupBy(outcomes, ({ mutant }) => mutant.file)
  return [...files].map(([file, ofFile]) => scoreOf(file, ofFile)).toSorted((a, b) => a.name < b.name ? -1 : 1)
}

const HEADINGS = ["file", "mutants", "killed", "timed out", "survived", "no coverage", "explained", "score"]

/** A score is cut, not rounded: 91.99 is not 92. */
export const percent = (score: number): string => `${(Math.floor(score * 10 + 1e-9) / 10).toFixed(1)} %`

const cells = ({ counts, name, score }: Score): ReadonlyArray<string> => [
  name,
  ...[
    Object.values(counts).reduce((sum, count) => sum + count, 0),
    counts.killed,
    counts.timedOut,
    counts.survived,
    counts.uncovered,
    counts.explained
  ].map(String),
  percent(score)
]

/** The table as Markdown, with aligned columns, so that a terminal can show it as well. */
export const table = (scores: ReadonlyArray<Score>): string => {
  const rows = [HEADINGS, ...scores.map(cells)]
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: ReadonlyArray<string>): string =>
    `| ${row.map((cell, column) => pad(cell, widths[column] ?? 0, column)).join(" | ")} |`
  const rule = `| ${
    widths.map((width, column) => column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`).join(" | ")
  } |`
  return [line(HEADINGS), rule, ...scores.map((score) => line(cells(score)))].join("\n")
}

const pad = (cell: string, width: number, column: number): string =>
  column === 0 ? cell.padEnd(width) : cell.padStart(width)

export const isSurvivor = ({ status }: Outcome): boolean => status === "survived" || status === "uncovered"

/** The line about a mutant that no test noticed. */
export const survivor = ({ mutant, status }: Outcome): string =>
  `${status === "uncovered" ? "no coverage" : "survived"} ${describeMutant(mutant)}`
