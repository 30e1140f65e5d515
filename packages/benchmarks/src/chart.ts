/**
 * The content of a chart. `svg.ts` draws charts.
 */

interface Base {
  /** Of the file, without its extension. */
  readonly name: string
  readonly title: string
  /** The work that was measured, and the unit of the figures: one line under the title. */
  readonly description: string
}

export interface Panel {
  readonly title: string
  /** Digits after the point; none by default. */
  readonly digits?: number | undefined
  /** The promised value: a line across the bars. */
  readonly limit?: number | undefined
  /** One for each category; a category without one has no bar. */
  readonly values: ReadonlyArray<number | undefined>
}

/** A row for each category, and in it a bar for each panel, which have scales of their own. */
export interface Bars extends Base {
  readonly kind: "bars"
  readonly categories: ReadonlyArray<string>
  /** Categories that stand out. */
  readonly ours: ReadonlySet<string>
  readonly panels: ReadonlyArray<Panel>
}

export interface Axis {
  readonly title: string
  readonly scale: "linear" | "log"
}

export interface Series {
  readonly name: string
  readonly points: ReadonlyArray<readonly [x: number, y: number]>
  /** Whether it is somebody else's, to be compared with. */
  readonly peer?: boolean
}

export interface Curves extends Base {
  readonly kind: "curves"
  readonly x: Axis
  readonly y: Axis
  readonly series: ReadonlyArray<Series>
  /** The promised value of `y`. */
  readonly limit?: number | undefined
}

export type Chart = Bars | Curves

/** Bars from the lines of a table: a panel for each of the named columns. */
export const bars = (
  options: Base & {
    readonly lines: ReadonlyArray<
      { readonly client: string; readonly values: Readonly<Record<string, number | string | undefined>> }
    >
    readonly ours: ReadonlySet<string>
    readonly panels: ReadonlyArray<Omit<Panel, "values"> & { readonly key: string }>
  }
): Bars => ({
  kind: "bars",
  name: options.name,
  title: options.title,
  description: options.description,
  categories: options.lines.map(({ client }) => client),
  ours: options.ours,
  panels: options.panels.map(({ digits, key, limit, title }) => ({
    title,
    digits,
    limit,
    values: options.lines.map(({ values }) => {
      const value = values[key]
      return typeof value === "number" ? value : undefined
    })
  }))
})
