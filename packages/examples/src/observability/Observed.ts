/**
 * A nightly job with OpenTelemetry around it, by `@effect/opentelemetry`. The telemetry of `@effect-mcp-auth/core` goes
 * to the exporters of the SDK, which here store it in memory. In production only the exporters differ, for instance the
 * exporters for OTLP.
 */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { AccessToken, OAuthHttpClient, OAuthProvider, TokenStorage } from "@effect-mcp-auth/core"
import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type { ReadableLogRecord } from "@opentelemetry/sdk-logs"
import { InMemoryLogRecordExporter, SimpleLogRecordProcessor } from "@opentelemetry/sdk-logs"
import type { MetricData } from "@opentelemetry/sdk-metrics"
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  PeriodicExportingMetricReader
} from "@opentelemetry/sdk-metrics"
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base"
import { InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Redacted from "effect/Redacted"
import * as AuthorizationServer from "../servers/AuthorizationServer.ts"
import * as McpServer from "../servers/McpServer.ts"
import * as Report from "../servers/Report.ts"

/** The telemetry that was exported. */
export interface Exported {
  readonly spans: ReadonlyArray<ReadableSpan>
  readonly metrics: ReadonlyArray<MetricData>
  readonly logs: ReadonlyArray<ReadableLogRecord>
}

/** The SDK with exporters that store everything in memory, and an Effect that reads what they stored so far. */
const makeSdk = () => {
  const spanExporter = new InMemorySpanExporter()
  const logExporter = new InMemoryLogRecordExporter()
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const metricReader = new PeriodicExportingMetricReader({ exporter: metricExporter })
  const layer = NodeSdk.layer(() => ({
    resource: { serviceName: "nightly-report" },
    spanProcessor: new SimpleSpanProcessor(spanExporter),
    logRecordProcessor: new SimpleLogRecordProcessor({ exporter: logExporter }),
    metricReader
  }))
  const exported = Effect.promise(async (): Promise<Exported> => {
    await metricReader.forceFlush()
    return {
      spans: [...spanExporter.getFinishedSpans()],
      logs: [...logExporter.getFinishedLogRecords()],
      metrics: metricExporter.getMetrics().at(-1)?.scopeMetrics.flatMap(({ metrics }) => metrics) ?? []
    }
  })
  return { layer, exported }
}

interface Servers {
  readonly authorizationServer: AuthorizationServer.AuthorizationServer
  readonly mcpServer: McpServer.McpServer
}

const optionsOf = ({ authorizationServer, mcpServer }: Servers): ClientSecret.Options => ({
  serverUrl: mcpServer.url,
  issuer: authorizationServer.issuer,
  clientId: authorizationServer.clients[0].clientId,
  clientSecret: authorizationServer.clients[0].clientSecret,
  scopes: ["reports:read"]
})

const authenticated = (options: ClientSecret.Options) =>
  OAuthHttpClient.layer.pipe(
    Layer.provideMerge(ClientSecret.layer(options)),
    Layer.provide([FetchHttpClient.layer, TokenStorage.layerMemory])
  )

const readers = 5

/** Five readers need a token at once. Then the operator revokes all tokens. */
const job = Effect.fnUntraced(function*({ mcpServer }: Servers) {
  const provider = yield* OAuthProvider.OAuthProvider
  const read = Effect.withSpan(Report.read(mcpServer.reportUrl), "read")
  yield* Effect.replicateEffect(read, readers, { concurrency: "unbounded" })
  const first = yield* provider.accessToken
  yield* mcpServer.revokeAll
  yield* read
  return [first, yield* provider.accessToken]
})

/** A wrong secret, for the run that fails. */
const mistyped = Redacted.make("guessed-and-wrong")

/**
 * Runs the job against servers of its own. The result includes the secrets of the run, so that a test can look for them
 * in what was exported.
 */
export const run = Effect.gen(function*() {
  const authorizationServer = yield* AuthorizationServer.make({ accessTokenLifetime: 60 })
  const mcpServer = yield* McpServer.make(authorizationServer)
  yield* authorizationServer.register({ identifier: mcpServer.url, scopes: McpServer.scopes })
  const servers: Servers = { authorizationServer, mcpServer }
  const options = optionsOf(servers)
  const { clientSecret } = authorizationServer.clients[0]

  const sdk = makeSdk()
  // The SDK is provided around everything, since it does not see the background work of Layers that are built outside
  // it.
  return yield* Effect.gen(function*() {
    const tokens = yield* job(servers).pipe(Effect.provide(authenticated(options)), Effect.withSpan("nightly-report"))
    yield* Report.read(mcpServer.reportUrl).pipe(
      Effect.provide(authenticated({ ...options, clientSecret: mistyped })),
      Effect.withSpan("mistyped"),
      Effect.ignore
    )
    return {
      exported: yield* sdk.exported,
      fingerprints: tokens.map(AccessToken.fingerprint),
      secrets: [clientSecret, mistyped, ...tokens.map(({ value }) => value)].map((secret) => Redacted.value(secret))
    }
  }).pipe(
    Effect.provide([sdk.layer, Logger.remove(Logger.defaultLogger), Logger.minimumLogLevel(LogLevel.Debug)])
  )
}).pipe(Effect.scoped)
