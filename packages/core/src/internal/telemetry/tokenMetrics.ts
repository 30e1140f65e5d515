import * as MetricLabel from "effect/MetricLabel"
import type { TokenStorageError } from "../../OAuthError.ts"
import type { Reason } from "../../OAuthEvent.ts"
import * as OAuthMetric from "../../OAuthMetric.ts"
import { type Attributes, reasons } from "./attributes.ts"

interface Updatable {
  readonly unsafeUpdate: (input: number, labels: ReadonlyArray<MetricLabel.MetricLabel>) => void
}

/**
 * The metrics of one provider. Durations are in seconds.
 *
 * @internal
 */
export class TokenMetrics {
  /**
   * The labels around the making of the provider. Effect looks metrics up by this array, so it is always the same one.
   */
  readonly #labels: ReadonlyArray<MetricLabel.MetricLabel>

  constructor(labels: ReadonlyArray<MetricLabel.MetricLabel>) {
    this.#labels = labels
  }

  /** A call was served from memory. This method is on the path of every request, and costs some nanoseconds. */
  hit(): void {
    OAuthMetric.cacheHits.unsafeUpdate(1, this.#labels)
  }

  /** `change`: 1 for a caller that begins to wait, -1 for one that ends its wait. */
  waiting(change: 1 | -1): void {
    OAuthMetric.waitingCallers.unsafeUpdate(change, this.#labels)
  }

  /** An acquisition has brought a token, or has ended without one. */
  acquired(reason: Reason, duration: number, outcome: Attributes): void {
    this.#update(OAuthMetric.acquisitionDuration, duration, { "oauth.reason": reasons[reason], ...outcome })
  }

  /** An attempt to replace the held token has ended when the token had `left` to live. */
  replaced(left: number, outcome: Attributes): void {
    this.#update(OAuthMetric.timeToExpiry, Math.max(0, left), { "oauth.outcome": outcome["oauth.outcome"] ?? "" })
  }

  /** A request to a token endpoint has ended. */
  requested(duration: number, attributes: Attributes): void {
    this.#update(OAuthMetric.tokenRequests, 1, attributes)
    this.#update(OAuthMetric.tokenRequestDuration, duration, attributes)
  }

  /** An operation of the storage has failed. */
  storageFailed({ operation, reason }: TokenStorageError): void {
    this.#update(OAuthMetric.storageFailures, 1, { "oauth.storage.operation": operation, "error.type": reason })
  }

  #update(metric: Updatable, input: number, attributes: Attributes): void {
    const own = Object.entries(attributes).map(([name, value]) => MetricLabel.make(name, value))
    metric.unsafeUpdate(input, [...own, ...this.#labels])
  }
}
