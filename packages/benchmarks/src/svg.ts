/**
 * Draws a chart as SVG without scripts and fonts, for light and dark pages. Screen readers read its title and its
 * figures.
 */
import type { Axis, Bars, Chart, Curves, Panel, Series } from "./chart.ts"

const width = 760
const margin = 20
const headHeight = 62

/** Each has a light and a dark shade. The last three are for peers. */
const colors = [
  ["#0969da", "#4493f8"],
  ["#8250df", "#ab7df8"],
  ["#59636e", "#9198a1"],
  ["#bc4c00", "#f0883e"],
  ["#1a7f37", "#3fb950"]
] as const
const firstOfPeers = 2
/** Told apart without colours, too. */
const dashes = ["", "7 3", "2 3", "10 3 2 3", "5 5"] as const

const shades = (shade: 0 | 1): string =>
  [
    `.paper{fill:${["#ffffff", "#0d1117"][shade]}}`,
    `.ink{fill:${["#1f2328", "#f0f6fc"][shade]}}`,
    `.muted{fill:${["#59636e", "#9198a1"][shade]}}`,
    `.peer{fill:${["#b7bfc8", "#4d5561"][shade]}}`,
    `.grid{stroke:${["#d8dee4", "#262c36"][shade]}}`,
    `.axis{stroke:${["#8c959f", "#656c76"][shade]}}`,
    `.limit{stroke:${["#cf222e", "#f85149"][shade]}}`,
    `.limit-text{fill:${["#cf222e", "#f85149"][shade]}}`,
    ...colors.map((color, i) => `.line-${i}{stroke:${color[shade]}}.fill-${i}{fill:${color[shade]}}`)
  ].join("")

const style = `text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;font-size:12px}` +
  `.title{font-size:16px;font-weight:600}.small{font-size:11px}` +
  `.curve{fill:none;stroke-width:2;stroke-linejoin:round}.limit{stroke-dasharray:4 3}` +
  `${shades(0)}@media (prefers-color-scheme:dark){${shades(1)}}`

const escape = (text: string): string => text.replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0) ?? 0};`)

const coordinate = (value: number): string => String(Math.round(value * 10) / 10)

type Anchor = "start" | "middle" | "end"

const text = (x: number, y: number, kind: string, content: string, anchor: Anchor = "start"): string =>
  `<text x="${coordinate(x)}" y="${coordinate(y)}" class="${kind}"${
    anchor === "start" ? "" : ` text-anchor="${anchor}"`
  }>${escape(content)}</text>`

const line = (x1: number, y1: number, x2: number, y2: number, kind: string): string =>
  `<line x1="${coordinate(x1)}" y1="${coordinate(y1)}" x2="${coordinate(x2)}" y2="${coordinate(y2)}" class="${kind}"/>`

/** 1,234,567 or 12.3: a figure as people write it. */
export const formatNumber = (value: number, digits = 0): string =>
  value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })

/** As many digits as tell the figure from its neighbours: for axes. */
const formatTick = (value: number): string =>
  value !== 0 && Math.abs(value) < 1
    ? String(Number(value.toPrecision(2)))
    : formatNumber(value, value % 1 === 0 ? 0 : 1)

const formatLimit = (value: number): string => value.toLocaleString("en-US", { maximumFractionDigits: 2 })

/** Round numbers from 0, at most about `count` of them, the last no less than `max`. */
export const linearTicks = (max: number, count: number): ReadonlyArray<number> => {
  if (!(max > 0)) return [0, 1]
  const rough = max / count
  const magnitude = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 5, 10].find((factor) => factor * magnitude >= rough) ?? 10) * magnitude
  return Array.from({ length: Math.ceil(max / step - 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(12)))
}

/** The powers of ten around the values. */
export const logTicks = (min: number, max: number): ReadonlyArray<number> => {
  const first = Math.floor(Math.log10(min) + 1e-9)
  const last = Math.max(first + 1, Math.ceil(Math.log10(max) - 1e-9))
  return Array.from({ length: last - first + 1 }, (_, i) => Number((10 ** (first + i)).toPrecision(12)))
}

interface Drawing {
  readonly height: number
  readonly body: ReadonlyArray<string>
  /** The figures, to be read out. */
  readonly spoken: string
}

// ---- bars --------------------------------------------------------------------------------------------------------------

const rowHeight = 28
const barHeight = 16
const labelWidth = 196
const panelGap = 24
/** Room for the figure behind the longest bar. */
const valueWidth = 52

const drawPanel = ({ categories, ours }: Bars, panel: Panel, left: number, panelWidth: number): Array<string> => {
  const { digits, limit, title, values } = panel
  const top = headHeight + 20
  const bottom = top + categories.length * rowHeight
  const max = Math.max(limit ?? 0, ...values.map((value) => value ?? 0)) || 1
  const lengthOf = (value: number) => (Math.max(0, value) / max) * (panelWidth - valueWidth)
  const rows = categories.flatMap((category, i) => {
    const value = values[i]
    const y = top + i * rowHeight + (rowHeight - barHeight) / 2
    if (value === undefined) return [text(left + 6, y + 12, "muted", "–")]
    // A value of 0 is a thin bar, to distinguish it from a value that was not measured.
    const length = Math.max(1, lengthOf(value))
    return [
      `<rect x="${coordinate(left)}" y="${coordinate(y)}" width="${coordinate(length)}" height="${barHeight}" rx="2" ` +
      `class="${ours.has(category) ? "fill-0" : "peer"}"/>`,
      text(left + length + 6, y + 12, "ink", formatNumber(value, digits))
    ]
  })
  const x = left + lengthOf(limit ?? 0)
  const promise = limit === undefined ? [] : [
    line(x, top, x, bottom, "limit"),
    text(left, bottom + 16, "small limit-text", `wanted: at most ${formatLimit(limit)}`)
  ]
  return [text(left, top - 8, "muted", title), line(left, top, left, bottom, "axis"), ...rows, ...promise]
}

const drawBars = (chart: Bars): Drawing => {
  const { categories, panels } = chart
  const room = width - 2 * margin - labelWidth - panelGap * (panels.length - 1)
  const panelWidth = room / panels.length
  const top = headHeight + 20
  const labels = categories.map((category, i) =>
    text(margin, top + i * rowHeight + rowHeight / 2 + 4, chart.ours.has(category) ? "ink" : "muted", category)
  )
  const drawn = panels.flatMap((panel, i) =>
    drawPanel(chart, panel, margin + labelWidth + i * (panelWidth + panelGap), panelWidth)
  )
  const spoken = categories.map((category, i) =>
    `${category}: ${
      panels.map(({ digits, title, values }) => {
        const value = values[i]
        return `${title} ${value === undefined ? "not measured" : formatNumber(value, digits)}`
      }).join(", ")
    }`
  )
  return {
    height: top + categories.length * rowHeight + (panels.some(({ limit }) => limit !== undefined) ? 34 : 16),
    body: [...labels, ...drawn],
    spoken: spoken.join(". ")
  }
}

// ---- curves ------------------------------------------------------------------------------------------------------------

const plot = { left: 70, right: width - 190, top: headHeight + 26, bottom: headHeight + 286 }

interface Scale {
  readonly ticks: ReadonlyArray<number>
  readonly at: (value: number) => number
}

const scaleOf = (axis: Axis, values: ReadonlyArray<number>, from: number, to: number): Scale => {
  const positive = values.filter((value) => value > 0)
  const log = axis.scale === "log" && positive.length > 0
  const ticks = log ? logTicks(Math.min(...positive), Math.max(...positive)) : linearTicks(Math.max(0, ...values), 6)
  const first = ticks[0] ?? 0
  const last = ticks.at(-1) ?? 1
  const place = (value: number): number =>
    log
      ? (Math.log10(Math.max(value, first)) - Math.log10(first)) / (Math.log10(last) - Math.log10(first))
      : (Math.max(value, first) - first) / (last - first)
  return { ticks, at: (value) => from + place(value) * (to - from) }
}

/** Moves labels apart, in their order, for a gap between them; those that would pass the end are moved back. */
export const spread = (positions: ReadonlyArray<number>, gap: number, end: number): ReadonlyArray<number> => {
  const order = positions.map((_, i) => i).toSorted((a, b) => (positions[a] ?? 0) - (positions[b] ?? 0))
  const result = [...positions]
  let last = Number.NEGATIVE_INFINITY
  for (const i of order) {
    last = Math.max(positions[i] ?? 0, last + gap)
    result[i] = last
  }
  let next = end + gap
  for (const i of order.toReversed()) {
    next = Math.min(result[i] ?? 0, next - gap)
    result[i] = next
  }
  return result
}

/** Which color each has: ours from the front, peers from behind those. */
const colorsOf = (series: ReadonlyArray<Series>): ReadonlyArray<number> => {
  let own = 0
  let peers = firstOfPeers
  return series.map(({ peer }) => (peer === true ? peers++ : own++) % colors.length)
}

const drawSeries = ({ points }: Series, color: number, x: Scale, y: Scale): Array<string> => {
  const places = points.map(([a, b]) => [coordinate(x.at(a)), coordinate(y.at(b))] as const)
  const dash = dashes[color] ?? ""
  return [
    `<polyline points="${places.map((place) => place.join(",")).join(" ")}" class="curve line-${color}"${
      dash === "" ? "" : ` stroke-dasharray="${dash}"`
    }/>`,
    // Dots mark the measured points, as long as there is room between them.
    ...(points.length > 40 ? [] : places.map(([a, b]) => `<circle cx="${a}" cy="${b}" r="3" class="fill-${color}"/>`))
  ]
}

const speak = ([x, y]: readonly [number, number]): string => `${formatTick(y)} at ${formatTick(x)}`

const drawCurves = ({ limit, series, ...chart }: Curves): Drawing => {
  const points = series.flatMap(({ points }) => points)
  const x = scaleOf(chart.x, points.map(([value]) => value), plot.left, plot.right)
  const ys = [...points.map(([, value]) => value), ...(limit === undefined ? [] : [limit])]
  const y = scaleOf(chart.y, ys, plot.bottom, plot.top)
  const chosen = colorsOf(series)
  const labels = [
    ...series.map(({ name, points }, i) => ({
      kind: `fill-${chosen[i] ?? 0}`,
      name,
      y: y.at(points.at(-1)?.[1] ?? 0)
    })),
    ...(limit === undefined
      ? []
      : [{ kind: "limit-text", name: `wanted: at most ${formatLimit(limit)}`, y: y.at(limit) }])
  ]
  const labelPlaces = spread(labels.map((label) => label.y + 4), 16, plot.bottom + 4)
  return {
    height: plot.bottom + 54,
    body: [
      text(margin, plot.top - 10, "muted", chart.y.title),
      ...y.ticks.flatMap((tick) => [
        line(plot.left, y.at(tick), plot.right, y.at(tick), "grid"),
        text(plot.left - 8, y.at(tick) + 4, "small muted", formatTick(tick), "end")
      ]),
      ...x.ticks.flatMap((tick) => [
        line(x.at(tick), plot.bottom, x.at(tick), plot.bottom + 4, "axis"),
        text(x.at(tick), plot.bottom + 18, "small muted", formatTick(tick), "middle")
      ]),
      line(plot.left, plot.bottom, plot.right, plot.bottom, "axis"),
      text((plot.left + plot.right) / 2, plot.bottom + 38, "muted", chart.x.title, "middle"),
      ...(limit === undefined ? [] : [line(plot.left, y.at(limit), plot.right, y.at(limit), "limit")]),
      ...series.flatMap((one, i) => drawSeries(one, chosen[i] ?? 0, x, y)),
      ...labels.map(({ kind, name }, i) => text(plot.right + 12, labelPlaces[i] ?? 0, kind, name))
    ],
    spoken: series.map(({ name, points }) => {
      const [first, last] = [points[0], points.at(-1)]
      if (first === undefined || last === undefined) return `${name}: nothing measured`
      return `${name}: from ${speak(first)} to ${speak(last)}`
    }).join(". ")
  }
}

export const draw = (chart: Chart): string => {
  const { body, height, spoken } = chart.kind === "bars" ? drawBars(chart) : drawCurves(chart)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `role="img" aria-labelledby="title description">`,
    `<title id="title">${escape(chart.title)}</title>`,
    `<desc id="description">${escape(`${chart.description}. ${spoken}.`)}</desc>`,
    `<style>${style}</style>`,
    `<rect width="100%" height="100%" rx="6" class="paper"/>`,
    text(margin, 32, "title ink", chart.title),
    text(margin, 52, "muted", chart.description),
    ...body,
    "</svg>\n"
  ].join("\n")
}
