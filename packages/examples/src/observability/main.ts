/**
 * `pnpm --filter @effect-mcp-auth/examples observability`: prints what an operator sees of a nightly job and its
 * tokens.
 */
import type { HrTime } from "@opentelemetry/api"
import type { MetricData } from "@opentelemetry/sdk-metrics"
import { DataPointType } from "@opentelemetry/sdk-metrics"
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base"
import * as Effect from "effect/Effect"
import * as Observed from "./Observed.ts"
import { runMain } from "../runMain.ts"

const show = ({ logs, metrics, spans }: Observed.Exported): void => {
  console.log("\nSpans, indented below their parents; → is a link\n")
  const byId = new Map(spans.map((span) => [span.spanContext().spanId, span]))
  const roots = spans.filter(({ parentSpanContext }) => !byId.has(parentSpanContext?.spanId ?? ""))
  for (const root of roots.toSorted(byStart)) showSpan(spans, root, 1)
  console.log("\nMetrics\n")
  for (const metric of metrics.filter(({ descriptor }) => descriptor.name.startsWith("oauth."))) showMetric(metric)
  console.log("\nLog\n")
  for (const { attributes, body, severityText } of logs) {
    console.log(
      `  ${String(severityText).padEnd(6)}${typeof body === "string" ? body : JSON.stringify(body)}\n        ${
        facts(attributes)
      }`
    )
  }
}

const byStart = (a: ReadableSpan, b: ReadableSpan): number => millis(a.startTime) - millis(b.startTime)

const millis = ([seconds, nanos]: HrTime): number => seconds * 1000 + nanos / 1e6

const showSpan = (spans: ReadonlyArray<ReadableSpan>, span: ReadableSpan, depth: number): void => {
  const links = span.links.map(({ context }) => {
    const target = spans.find((other) => other.spanContext().spanId === context.spanId)
    return ` → ${target?.name ?? context.spanId}`
  })
  console.log(
    `${"  ".repeat(depth)}${span.name}  ${millis(span.duration).toFixed(0)} ms${links.join("")}  ${
      facts(span.attributes)
    }`
  )
  const children = spans.filter(({ parentSpanContext }) => parentSpanContext?.spanId === span.spanContext().spanId)
  for (const child of children.toSorted(byStart)) showSpan(spans, child, depth + 1)
}

const showMetric = (metric: MetricData): void => {
  console.log(`  ${metric.descriptor.name}, ${metric.descriptor.unit}`)
  if (metric.dataPointType === DataPointType.HISTOGRAM) {
    for (const { attributes, value } of metric.dataPoints) {
      console.log(`    ${value.count} in ${(value.sum ?? 0).toFixed(3)}  ${facts(attributes)}`)
    }
  } else {
    for (const { attributes, value } of metric.dataPoints) {
      console.log(`    ${typeof value === "number" ? value : ""}  ${facts(attributes)}`)
    }
  }
}

/** The attributes of the library, without those that `HttpClient` adds to every request. */
const facts = (attributes: Readonly<Record<string, unknown>>): string =>
  Object.entries(attributes)
    .filter(([name]) => /^(?:oauth|error)\.|^(?:http\.response\.status_code|url\.path)$/.test(name))
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(" ")

runMain(Effect.map(Observed.run, ({ exported }) => show(exported)))
