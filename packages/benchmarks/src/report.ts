/**
 * The figures, for people (Markdown that fits 120 columns) and for machines.
 */
import type { Chart } from "./chart.ts"

export type Value = number | string | undefined

export interface Comparison {
  readonly better: "less" | "more"
  /** The title where the other columns do not explain it. By default the title of the column. */
  readonly title?: string
  /** For differences, which can be close to zero: a ratio of them says nothing. */
  readonly withoutRatio?: boolean
}

export interface Column {
  readonly key: string
  readonly title: string
  /** Digits after the point; none by default. */
  readonly digits?: number | undefined
  /** How the figures are compared between two lines of Effect. Left out if they are not. */
  readonly compared?: Comparison
}

export interface Line {
  readonly client: string
  readonly values: Readonly<Record<string, Value>>
  /** Digits of the figures in columns that do not say how many. */
  readonly digits?: number | undefined
}

/** A figure that is promised for a client. */
export interface Target {
  readonly client: string
  readonly claim: string
  readonly wanted: string
  readonly measured: string
  readonly met: boolean
}

/** One kind of work: a line for each client that did it. */
export interface Section {
  readonly name: string
  readonly title: string
  /** The heading of the lines. `client` by default. */
  readonly head?: string
  readonly columns: ReadonlyArray<Column>
  readonly lines: ReadonlyArray<Line>
  readonly targets: ReadonlyArray<Target>
  readonly charts: ReadonlyArray<Chart>
  /** Notes that a reader needs to understand the figures. */
  readonly note?: string
}

export interface Report {
  readonly machine: Readonly<Record<string, string | number>>
  readonly sections: ReadonlyArray<Section>
}

const cell = (value: Value, digits = 0): string => {
  if (value === undefined) return "–"
  return typeof value === "number" ? value.toFixed(digits) : value
}

/** A Markdown table. Columns that contain only numbers are set to the right. */
export const table = (head: ReadonlyArray<string>, body: ReadonlyArray<ReadonlyArray<string>>): string => {
  const columns = head.map((title, i) => {
    const cells = body.map((row) => row[i] ?? "")
    return {
      width: Math.max(3, title.length, ...cells.map((text) => text.length)),
      right: i > 0 && cells.every((text) => /^(–|-?\d+(\.\d+)?)$/.test(text))
    }
  })
  const row = (cells: ReadonlyArray<string>) =>
    `| ${
      columns.map(({ right, width }, i) => {
        const text = cells[i] ?? ""
        return right ? text.padStart(width) : text.padEnd(width)
      }).join(" | ")
    } |`
  const rule = columns.map(({ right, width }) => right ? `${"-".repeat(width - 1)}:` : "-".repeat(width))
  return [row(head), row(rule), ...body.map(row)].join("\n")
}

export const renderSection = ({ columns, head = "client", lines, note, title }: Section): string =>
  `## ${title}\n\n${
    table(
      [head, ...columns.map((column) => column.title)],
      lines.map((line) => [
        line.client,
        ...columns.map(({ digits = line.digits, key }) => cell(line.values[key], digits))
      ])
    )
  }\n${note === undefined ? "" : `\n${note}\n`}`

/** One row for each claim, and one column for each client to which a claim applies. */
export const renderTargets = (sections: ReadonlyArray<Section>): string => {
  const targets = sections.flatMap((section) => section.targets)
  const clients = [...new Set(targets.map(({ client }) => client))]
  const claims = new Map(targets.map(({ claim, wanted }) => [claim, wanted]))
  const rows = [...claims].map(([claim, wanted]) => [
    claim,
    wanted,
    ...clients.map((client) => {
      const target = targets.find((target) => target.claim === claim && target.client === client)
      return target === undefined ? "–" : `${target.measured}${target.met ? "" : " MISSED"}`
    })
  ])
  return rows.length === 0 ? "" : `## Promised\n\n${table(["", "wanted", ...clients], rows)}\n`
}

export const renderMachine = (machine: Report["machine"]): string =>
  Object.entries(machine).map(([key, value]) => `${key} ${value}`).join(" · ")

export const renderJson = (report: Report): string => JSON.stringify(report, null, 2)
