/**
 * What providers count and measure, named and with units as OpenTelemetry's conventions have it. Whatever reads
 * Effect's metrics, such as `@effect/opentelemetry`, exports them.
 *
 * Their attributes have few values, and neither names nor URLs among them:
 *
 * - `oauth.grant.type`: the `grant_type` that was sent (RFC 6749 §4).
 * - `oauth.reason`: why a token was asked for: `first`, `scheduled`, `expired`, `rejected` or `step_up`.
 * - `oauth.outcome`: `success`, `failure` or `interrupted`.
 * - `error.type`: of a failure: the OAuth error code if a specification names it, else the HTTP status, else the error's
 *   tag and reason, as in `DiscoveryError.NotFound`; `_OTHER` for the rest.
 * - `oauth.token.source`: where the token came from: `authorization_server` or `storage`.
 * - `unit`: where Effect's exporters look for the unit.
 *
 * To tell providers apart, make each within `Effect.tagMetrics`: its metrics have those labels too.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricKey from "effect/MetricKey"

// The unit is part of the key, and no tag of the metric, since such tags are merged anew at every update.

const counter = (name: string, unit: string, description: string, incremental: boolean) =>
  Metric.fromMetricKey(MetricKey.tagged(MetricKey.counter(name, { description, incremental }), "unit", unit))

const seconds = (name: string, boundaries: ReadonlyArray<number>, description: string) =>
  Metric.fromMetricKey(
    MetricKey.tagged(MetricKey.histogram(name, MetricBoundaries.fromIterable(boundaries), description), "unit", "s")
  )

/** Those that OpenTelemetry advises for HTTP requests, and more for what waits for several. */
const latencies = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60]

/** From expired, by way of what callers notice, to a day. */
const lives = [0, 1, 5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400]

/**
 * Requests to token endpoints that have ended, by `oauth.grant.type`, `oauth.reason`, `oauth.outcome` and `error.type`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const tokenRequests: Metric.Metric.Counter<number> = counter(
  "oauth.client.token.requests",
  "{request}",
  "Requests to token endpoints.",
  true
)

/**
 * How long a request to a token endpoint took, the client's proof included, in seconds; by what `tokenRequests` are
 * counted by.
 *
 * @since 0.1.0
 * @category metrics
 */
export const tokenRequestDuration: Metric.Metric.Histogram<number> = seconds(
  "oauth.client.token.request.duration",
  latencies,
  "Duration of requests to token endpoints."
)

/**
 * How long it took to get a token for all who wanted one, in seconds: storage, discovery and token requests together; by
 * `oauth.reason`, `oauth.outcome`, `oauth.token.source` and `error.type`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const acquisitionDuration: Metric.Metric.Histogram<number> = seconds(
  "oauth.client.token.acquisition.duration",
  latencies,
  "Duration of getting a token: storage, discovery and token requests together."
)

/**
 * How long the token in hand still had to live when the attempt to replace it ended, in seconds, 0 if it had expired; by
 * `oauth.outcome`. Successes near 0 mean that callers wait; failures that fall towards 0 mean that calls will fail soon.
 *
 * @since 0.1.0
 * @category metrics
 */
export const timeToExpiry: Metric.Metric.Histogram<number> = seconds(
  "oauth.client.token.time_to_expiry",
  lives,
  "What a token had left to live when the attempt to replace it ended."
)

/**
 * Callers that wait for a token just now. No attributes; it goes up and down, and may be added up over processes.
 *
 * @since 0.1.0
 * @category metrics
 */
export const waitingCallers: Metric.Metric.Counter<number> = counter(
  "oauth.client.token.waiting_callers",
  "{caller}",
  "Callers that wait for a token.",
  false
)

/**
 * Calls that were served from memory. No attributes.
 *
 * @since 0.1.0
 * @category metrics
 */
export const cacheHits: Metric.Metric.Counter<number> = counter(
  "oauth.client.token.cache.hits",
  "{hit}",
  "Calls that got their token from memory.",
  true
)

/**
 * What a storage did not do, and was done without. Attributes: `oauth.storage.operation`, and `error.type`, the reason of
 * the `TokenStorageError`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const storageFailures: Metric.Metric.Counter<number> = counter(
  "oauth.client.token.storage.failures",
  "{failure}",
  "Operations of the token storage that failed.",
  true
)
