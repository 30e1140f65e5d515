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
  hasRatio: Schema.Boolean,
  value: Schema.Number
})
export type Figure = typeof Figure.Type

/** The figures of a section that are compared. */
export const figuresOf = ({ columns, lines }: Section): ReadonlyArray<Figure> =>
  columns.flatMap(({ compared, digits = 0, key, title }) =>
    compared === undefined ? [] : lines.flatMap(({ client, values }) => {
      const value = values[key]
      if (typeof value !== "number" || !Number.isFinite(value)) return []
      const { better, title: own = title, withoutRatio = false } = compared
      return [{ client, key, title: own, digits, better, hasRatio: !withoutRatio, value }]
    })
  )

/** The figures of one turn of each line. The two turns follow each other, so a slow moment affects both. */
export interface Pair {
  readonly three: ReadonlyArray<Figure>
  readonly four: ReadonlyArray<Figure>
}

/** One figure over all turns. */
export interface Compared extends Omit<Figure, "hasRatio" | "value"> {
  readonly three: Summary
  readonly four: Summary
  /** Effect 4 to Effect 3, within each pair of turns. Undefined for differences. */
  readonly ratio: Summary | undefined
}

const isSame = (a: Figure, b: Figure): boolean => a.client === b.client && a.key === b.key

/** Every figure of the first turn. Throws if another turn, of either line, lacks one. */
export const compare = (pairs: ReadonlyArray<Pair>): ReadonlyArray<Compared> =>
  (pairs[0]?.three ?? []).map((figure) => {
    const { hasRatio, value: _, ...about } = figure
    const values = (line: keyof Pair) =>
      pairs.map((pair) => {
        const found = pair[line].find((other) => isSame(figure, other))
        if (found === undefined) throw new Error(`a turn has no figure "${figure.title}" of ${figure.client}`)
        return found.value
      })
    const [three, four] = [values("three"), values("four")]
    return {
      ...about,
      three: summarize(three),
      four: summarize(four),
      ratio: hasRatio ? summarize(ratios(four, three)) : undefined
    }
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
    Object.entries(clients).map(([client, name]) => {
      const found = compared.find((figure) => figure.client === client && figure.key === key)
      const summary = found?.[of]
      if (found === undefined || summary === undefined) throw new Error(`nothing was measured for: ${claim}, ${client}`)
      const digits = of === "ratio" ? 2 : found.digits
      const { error, median } = summary
      const isLess = found.better === "less"
      return {
        client: name,
        claim,
        wanted: `at ${isLess ? "most" : "least"} ${limit}${unit}`,
        measured: `${median.toFixed(digits)}${error > 0 ? ` ± ${error.toFixed(digits)}` : ""}${unit}`,
        met: isLess ? median - error <= limit : median + error >= limit
      }
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
        // One turn says nothing about the noise.
        error: pairs.length > 1 ? ratio?.error : undefined
      }
    })),
    targets: targetsOf(name, compared),
    charts: [],
    note: pairs.length === 1
      ? "One turn on each line."
      : `Medians of ${pairs.length} turns on each line, in pairs; a ratio is taken within a pair.`
  }
}
