/**
 * The page with the figures and the charts, made by the benchmark itself.
 */
import { mkdir, writeFile } from "node:fs/promises"
import { renderMachine, renderSection, renderTargets } from "./report.ts"
import type { Report } from "./report.ts"
import { draw } from "./svg.ts"

const command = "pnpm bench --charts"

/** The page. The charts are files beside it. */
export const renderPage = ({ machine, sections }: Report): string =>
  [
    "# Benchmarks",
    "The same work for this project and for its peers, in one run on one machine. Ratios carry over to other machines, " +
    "times do not. Written by the benchmark itself:",
    `\`\`\`sh\n${command}\n\`\`\``,
    renderMachine(machine),
    renderTargets(sections).trimEnd(),
    ...sections.flatMap((section) => [
      renderSection(section).trimEnd(),
      ...section.charts.map(({ name, title }) => `![${title}](${name}.svg)`)
    ])
  ].filter((part) => part !== "").join("\n\n") + "\n"

/** Writes the charts, and the page if every row was measured. Returns the names of the files. */
export const write = async (
  directory: URL,
  report: Report,
  whole: boolean
): Promise<ReadonlyArray<string>> => {
  await mkdir(directory, { recursive: true })
  const files = report.sections.flatMap(({ charts }) => charts).map((chart) =>
    [`${chart.name}.svg`, draw(chart)] as const
  )
  const all = whole ? [...files, ["README.md", renderPage(report)] as const] : files
  for (const [name, content] of all) await writeFile(new URL(name, directory), content)
  return all.map(([name]) => name)
}
