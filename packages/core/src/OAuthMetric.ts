/**
 * The metrics of all providers. Names and units follow the conventions of OpenTelemetry. Everything that reads Effect's
 * metrics exports them, such as `@effect/opentelemetry`.
 *
 * Each attribute has few values. No value is a name or a URL:
 *
 * - `oauth.grant.type`: the `grant_type` of the token request (RFC 6749 §4).
 * - `oauth.reason`: why the provider asked for a token: `first`, `scheduled`, `expired`, `rejected` or `step_up`.
 * - `oauth.outcome`: `success`, `failure` or `interrupted`.
 * - `error.type`, for failures only: the OAuth error code if a specification names it, else the HTTP status, else the
 *   tag and reason of the error, as in `DiscoveryError.NotFound`. `_OTHER` stands for all other codes.
 * - `oauth.token.source`: where the token came from, `authorization_server` or `storage`.
 * - `unit`: the unit, where Effect's exporters look for it.
 *
 * To tell providers apart, build each provider inside `Effect.tagMetrics`. Its metrics have those labels too.
 *
 * @since 0.1.0
 */
import type * as Metric from "effect/Metric"
import { counter, seconds } from "./internal/effect/metrics.ts"

/** The boundaries that OpenTelemetry advises for HTTP requests, and longer ones for several requests in a row. */
const latencies = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60]

/** The boundaries for remaining lifetimes: from an expired token to a token that lives for another day. */
const lives = [0, 1, 5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400]

/**
 * Requests to token endpoints that have ended. Attributes: `oauth.grant.type`, `oauth.reason`, `oauth.outcome` and
 * `error.type`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const tokenRequests: Metric.Metric.Counter<number> = counter(
  "oauth.client.token.requests",
  "{request}",
  "Requests to token endpoints."
)

/**
 * How long a request to a token endpoint took, in seconds. The making of the client's proof is included. The attributes
 * are those of `tokenRequests`.
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
 * How long an acquisition took until its waiters had the token, in seconds: storage, discovery and token requests
 * together. Attributes: `oauth.reason`, `oauth.outcome`, `oauth.token.source` and `error.type`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const acquisitionDuration: Metric.Metric.Histogram<number> = seconds(
  "oauth.client.token.acquisition.duration",
  latencies,
  "Duration of an acquisition: storage, discovery and token requests together."
)

/**
 * The remaining lifetime of the held token when the attempt to replace it ended, in seconds; 0 if it had expired.
 * Attribute: `oauth.outcome`. Successes near 0 mean that callers wait. Failures that fall towards 0 mean that calls
 * will fail soon.
 *
 * @since 0.1.0
 * @category metrics
 */
export const timeToExpiry: Metric.Metric.Histogram<number> = seconds(
  "oauth.client.token.time_to_expiry",
  lives,
  "Time that a token had left to live when the attempt to replace it ended."
)

/**
 * Callers that wait for a token at the moment. The counter goes up and down, so that its values can be added up over
 * processes. No attributes.
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
 * Calls that got their token from memory. No attributes.
 *
 * @since 0.1.0
 * @category metrics
 */
export const cacheHits: Metric.Metric.Counter<number> = counter(
  "oauth.client.token.cache.hits",
  "{hit}",
  "Calls that got their token from memory."
)

/**
 * Operations of the token storage that failed. The provider carries on without them. Attributes:
 * `oauth.storage.operation`, and `error.type`, which is the reason of the `TokenStorageError`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const storageFailures: Metric.Metric.Counter<number> = counter(
  "oauth.client.token.storage.failures",
  "{failure}",
  "Operations of the token storage that failed."
)
