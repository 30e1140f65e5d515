import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricKey from "effect/MetricKey"
import * as MetricLabel from "effect/MetricLabel"

type Attributes = Readonly<Record<string, string>>

// The unit is part of the key. As a tag of the metric it would be merged into the labels at each update.

/** @internal */
export const counter = (
  name: string,
  unit: string,
  description: string,
  incremental = true
): Metric.Metric.Counter<number> =>
  Metric.fromMetricKey(MetricKey.tagged(MetricKey.counter(name, { description, incremental }), "unit", unit))

/**
 * A histogram of times in seconds.
 *
 * @internal
 */
export const seconds = (
  name: string,
  boundaries: ReadonlyArray<number>,
  description: string
): Metric.Metric.Histogram<number> =>
  Metric.fromMetricKey(
    MetricKey.tagged(MetricKey.histogram(name, MetricBoundaries.fromIterable(boundaries), description), "unit", "s")
  )

/**
 * Updates metrics with the labels around the making of the meter.
 *
 * @internal
 */
export class Meter {
  /** Effect looks metrics up by this array, so it is always the same one. */
  readonly #labels: ReadonlyArray<MetricLabel.MetricLabel>

  constructor(labels: ReadonlyArray<MetricLabel.MetricLabel>) {
    this.#labels = labels
  }

  /** Updates a metric without attributes of its own. This method is on the path of every request. */
  add(metric: Metric.Metric.Counter<number>, count: number): void {
    metric.unsafeUpdate(count, this.#labels)
  }

  update(
    metric: Metric.Metric.Counter<number> | Metric.Metric.Histogram<number>,
    input: number,
    attributes: Attributes
  ): void {
    const own = Object.entries(attributes).map(([name, value]) => MetricLabel.make(name, value))
    metric.unsafeUpdate(input, [...own, ...this.#labels])
  }
}

/** @internal */
export const makeMeter: Effect.Effect<Meter> = Effect.map(
  FiberRef.get(FiberRef.currentMetricLabels),
  (labels) => new Meter(labels)
)
