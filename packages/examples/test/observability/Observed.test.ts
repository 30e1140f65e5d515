/**
 * The telemetry that OpenTelemetry receives when the library is used as in production, and that it contains no secret.
 */
import { assert, describe, it } from "@effect/vitest"
import type { MetricData } from "@opentelemetry/sdk-metrics"
import { DataPointType } from "@opentelemetry/sdk-metrics"
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base"
import * as Effect from "effect/Effect"
import { inspect } from "node:util"
import * as Observed from "../../src/observability/Observed.ts"

const named = (spans: ReadonlyArray<ReadableSpan>, name: string) => spans.filter((span) => span.name === name)

const idOf = (span: ReadableSpan | undefined) => span?.spanContext().spanId

const metricOf = (metrics: ReadonlyArray<MetricData>, name: string) =>
  metrics.find(({ descriptor }) => descriptor.name === name)

/** Everything that leaves the process, as text. */
const textOf = ({ logs, metrics, spans }: Observed.Exported): string =>
  inspect(
    {
      metrics,
      spans: spans.map(({ attributes, events, links, name, resource, status }) => ({
        attributes,
        events,
        links,
        name,
        resource: resource.attributes,
        status
      })),
      logs: logs.map(({ attributes, body, severityText }) => ({ attributes, body, severityText }))
    },
    { depth: Infinity, maxStringLength: Infinity, maxArrayLength: Infinity }
  )

describe("OpenTelemetry", () => {
  it.scopedLive("receives spans, metrics and logs, and no secret among them", () =>
    Effect.gen(function*() {
      const { exported, fingerprints, secrets } = yield* Observed.run
      const { logs, metrics, spans } = exported

      const acquisitions = named(spans, "oauth.client.token.acquire")
      assert.deepStrictEqual(
        acquisitions.map(({ attributes, parentSpanContext }) => [
          parentSpanContext,
          attributes["oauth.reason"],
          attributes["oauth.outcome"],
          attributes["error.type"],
          attributes["oauth.token.fingerprint"]
        ]),
        [
          [undefined, "first", "success", undefined, fingerprints[0]],
          [undefined, "rejected", "success", undefined, fingerprints[1]],
          [undefined, "first", "failure", "invalid_client", undefined]
        ]
      )
      const waits = named(spans, "oauth.client.token.wait")
      assert.deepStrictEqual(
        waits.map(({ links }) => links.map(({ context }) => context.spanId)),
        [...Array.from({ length: 5 }, () => acquisitions[0]), acquisitions[1], acquisitions[2]].map((
          acquisition
        ) => [idOf(acquisition) ?? ""])
      )
      const callers = new Set([...named(spans, "read"), ...named(spans, "mistyped")].map(idOf))
      for (const wait of waits) assert.isTrue(callers.has(wait.parentSpanContext?.spanId))
      for (const request of named(spans, "oauth.client.token.request")) {
        assert.include(acquisitions.map(idOf), request.parentSpanContext?.spanId)
        assert.strictEqual(request.attributes["server.address"], "127.0.0.1")
        assert.lengthOf(spans.filter(({ parentSpanContext }) => parentSpanContext?.spanId === idOf(request)), 1)
      }

      const requests = metricOf(metrics, "oauth.client.token.requests")
      assert.strictEqual(requests?.descriptor.unit, "{request}")
      assert.deepStrictEqual(requests?.dataPoints.map(({ value }) => value), [1, 1, 1])
      for (const name of ["request.duration", "acquisition.duration"]) {
        const durations = metricOf(metrics, `oauth.client.token.${name}`)
        assert.strictEqual(durations?.dataPointType, DataPointType.HISTOGRAM)
        assert.strictEqual(durations?.descriptor.unit, "s")
        assert.lengthOf(durations?.dataPoints ?? [], 3)
      }
      const waiting = metricOf(metrics, "oauth.client.token.waiting_callers")
      assert.deepStrictEqual(waiting?.dataPoints.map(({ value }) => value), [0])
      assert.deepInclude(waiting, { dataPointType: DataPointType.SUM, isMonotonic: false })
      // Cache hits: the program's two reads of the token, and the request that met the revocation.
      assert.deepStrictEqual(metricOf(metrics, "oauth.client.token.cache.hits")?.dataPoints.map(({ value }) => value), [
        3
      ])

      assert.deepStrictEqual(logs.map(({ severityText }) => severityText), ["DEBUG", "INFO", "DEBUG", "WARN"])

      const text = textOf(exported)
      assert.include(text, fingerprints[0] ?? "no fingerprint")
      for (const secret of secrets) {
        assert.isAbove(secret.length, 8)
        for (const spelling of [secret, encodeURIComponent(secret), Buffer.from(secret).toString("base64")]) {
          assert.notInclude(text, spelling)
        }
      }
      assert.notMatch(text, /\b(?:Basic|Bearer) [\w.=+/-]{16,}/)
      assert.notMatch(text, /\beyJ/)
    }))
})
