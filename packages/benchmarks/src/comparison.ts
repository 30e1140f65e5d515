/**
 * The figures of two lines of Effect side by side: Effect 3, which the sources are written for, and Effect 4, which they
 * are generated for.
 */
import * as Schema from "effect/Schema"
import type { Section, Target } from "./report.ts"
import { ratios, summarize } from "./statistics.ts"
import type { Summary } from "./statistics.ts"

/** One figure of one turn. */
export const Figure = Schema.Struct({
  client: Schema.String,
  /** The column. */
  key: Schema.String,
  title: Schema.String,
  digits: Schema.Number,
  better: Schema.Literal("less", "more"),
  value: Schema.Number
})
export type Figure = typeof Figure.Type

/** The figures of a section that are compared. */
export const figuresOf = ({ columns, lines }: Section): ReadonlyArray<Figure> =>
  columns.flatMap(({ better, digits = 0, key, title }) =>
    better === undefined ? [] : lines.flatMap(({ client, values }) => {
      const value = values[key]
      return typeof value === "number" && Number.isFinite(value) ? [{ client, key, title, digits, better, value }] : []
    })
  )

/** The figures of one turn of each line. The two turns follow each other, so a slow moment affects both. */
export interface Pair {
  readonly three: ReadonlyArray<Figure>
  readonly four: ReadonlyArray<Figure>
}

/** One figure over all turns. */
export interface Compared extends Omit<Figure, "value"> {
  readonly three: Summary
  readonly four: Summary
  /** Effect 4 to Effect 3, within each pair of turns. Undefined for figures that can be zero or less. */
  readonly ratio: Summary | undefined
}

const isSame = (a: Figure, b: Figure): boolean => a.client === b.client && a.key === b.key

/** Every figure that both lines have in every turn, in the order of the first turn. */
export const compare = (pairs: ReadonlyArray<Pair>): ReadonlyArray<Compared> =>
  (pairs[0]?.three ?? []).flatMap((figure) => {
    const { value: _, ...about } = figure
    const values = (line: "three" | "four") =>
      pairs.flatMap((pair) => pair[line].filter((other) => isSame(figure, other)).map(({ value }) => value))
    const [three, four] = [values("three"), values("four")]
    if (three.length < pairs.length || four.length < pairs.length) return []
    const isPositive = [...three, ...four].every((value) => value > 0)
    return [{
      ...about,
      three: summarize(three),
      four: summarize(four),
      ratio: isPositive ? summarize(ratios(four, three)) : undefined
    }]
  })

/** A promise about Effect 4: about the ratio to Effect 3, or about the figure itself. */
interface Promised {
  readonly row: string
  readonly key: string
  /** The clients of the row, each with its name in the table of promises. */
  readonly clients: Readonly<Record<string, string>>
  readonly claim: string
  readonly of: "ratio" | "four"
  readonly limit: number
  readonly unit?: string
}

const promises: ReadonlyArray<Promised> = [
  {
    row: "whole-process",
    key: "ratio",
    clients: { "OAuthHttpClient, barrels": "barrels", "OAuthHttpClient, modules": "modules" },
    claim: "CPU of a whole process on Effect 4, as a ratio to HttpClient, by hand",
    of: "four",
    limit: 1.15
  },
  {
    row: "sizes",
    key: "compressed",
    clients: { "README's first program": "barrels", "the same, by module path": "modules" },
    claim: "README's first program on Effect 4, brotli, without peers",
    of: "four",
    limit: 20,
    unit: " KiB"
  },
  {
    row: "warm",
    key: "cpuMicros",
    clients: { OAuthFetch: "OAuthFetch", OAuthHttpClient: "OAuthHttpClient" },
    claim: "CPU of a warm call, Effect 4 to Effect 3",
    of: "ratio",
    limit: 1
  },
  {
    row: "access-token",
    key: "millions",
    clients: {
      "accessToken, yield* in Effect.gen": "yield* in Effect.gen",
      "accessToken, Effect.whileLoop": "Effect.whileLoop"
    },
    claim: "warm accessToken a second, Effect 4 to Effect 3",
    of: "ratio",
    limit: 1
  }
]

/** The promises about a row. A promise is missed only if the noise does not explain it. */
export const targetsOf = (row: string, compared: ReadonlyArray<Compared>): ReadonlyArray<Target> =>
  promises.filter((promise) => promise.row === row).flatMap(({ claim, clients, key, limit, of, unit = "" }) =>
    compared.flatMap(({ better, client, digits, key: own, [of]: summary }) => {
      const name = clients[client]
      if (own !== key || name === undefined || summary === undefined) return []
      const shown = of === "ratio" ? 2 : digits
      const { error, median } = summary
      return [{
        client: name,
        claim,
        wanted: `at ${better === "less" ? "most" : "least"} ${limit}${unit}`,
        measured: `${median.toFixed(shown)}${error > 0 ? ` ± ${error.toFixed(shown)}` : ""}${unit}`,
        met: better === "less" ? median - error <= limit : median + error >= limit
      }]
    })
  )

/** A row of the report. */
export const sectionOf = (name: string, title: string, pairs: ReadonlyArray<Pair>): Section => {
  const compared = compare(pairs)
  return {
    name,
    title,
    columns: [
      { key: "figure", title: "figure" },
      { key: "better", title: "better" },
      { key: "three", title: "Effect 3" },
      { key: "four", title: "Effect 4" },
      { key: "ratio", title: "4 : 3", digits: 2 },
      { key: "error", title: "±", digits: 2 }
    ],
    lines: compared.map(({ better, client, digits, four, ratio, three, title }) => ({
      client,
      digits,
      values: {
        figure: title,
        better,
        three: three.median,
        four: four.median,
        ratio: ratio?.median,
        error: ratio?.error
      }
    })),
    targets: targetsOf(name, compared),
    charts: [],
    note: `Medians of ${pairs.length} turns on each line, in pairs; a ratio is taken within a pair.`
  }
}
