/** The page `docs/scores.md`: the scores of the last whole run of each package. */
import type { Score } from "./report.ts"
import { table } from "./report.ts"

const HEAD = `# Mutation scores
\`pnpm mutation PACKAGE --write\` writes the table of a package. [The README](../README.md) says what the columns mean.
`

const marker = (name: string): string => `<!-- scores of ${name} -->`

/** The page with the table of one package replaced, or added at the end. */
export const withScores = (page: string, scores: ReadonlyArray<Score>, total: Score): string => {
  const section = `${marker(total.name)}\n## ${total.name}\n${table([...scores, total])}\n`
  const [, ...sections] = page.split(/^(?=<!-- scores of )/m)
  const isOfTotal = (text: string): boolean => text.startsWith(marker(total.name))
  const others = sections.some(isOfTotal)
    ? sections.map((text) => isOfTotal(text) ? section : `${text.trimEnd()}\n`)
    : [...sections.map((text) => `${text.trimEnd()}\n`), section]
  return [HEAD, ...others].join("\n")
}
