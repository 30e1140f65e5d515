import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"

type Attributes = Readonly<Record<string, string>>

/** @internal */
export const counter = (
  name: string,
  unit: string,
  description: string,
  incremental = true
): Metric.Counter<number> => Metric.counter(name, { description, incremental, attributes: { unit } })

/**
 * A histogram of times in seconds.
 *
 * @internal
 */
export const seconds = (
  name: string,
  boundaries: ReadonlyArray<number>,
  description: string
): Metric.Histogram<number> =>
  // `Metric.boundariesFromIterable` would drop the boundary at 0, which counts the tokens that have expired.
  Metric.histogram(name, {
    description,
    boundaries: [...boundaries, Number.POSITIVE_INFINITY],
    attributes: { unit: "s" }
  })

/**
 * Updates metrics in the registry, and with the attributes, around the making of the meter.
 *
 * @internal
 */
export class Meter {
  /** Effect looks metrics up by the attributes in this context, so it is always the same one. */
  readonly #context: Context.Context<never>
  readonly #attributes: Attributes

  constructor(context: Context.Context<never>) {
    this.#context = Context.make(Metric.MetricRegistry, Context.get(context, Metric.MetricRegistry)).pipe(
      Context.add(Metric.CurrentMetricAttributes, Context.get(context, Metric.CurrentMetricAttributes))
    )
    this.#attributes = Context.get(context, Metric.CurrentMetricAttributes)
  }

  /** Updates a metric without attributes of its own. This method is on the path of every request. */
  add(metric: Metric.Counter<number>, count: number): void {
    metric.updateUnsafe(count, this.#context)
  }

  update(metric: Metric.Counter<number> | Metric.Histogram<number>, input: number, attributes: Attributes): void {
    metric.updateUnsafe(
      input,
      Context.add(this.#context, Metric.CurrentMetricAttributes, { ...attributes, ...this.#attributes })
    )
  }
}

/** @internal */
export const makeMeter: Effect.Effect<Meter> = Effect.map(Effect.context<never>(), (context) => new Meter(context))
