import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"

/** @internal */
export interface Options {
  readonly attributes: Readonly<Record<string, unknown>>
  /** Another span that the new one is linked to. */
  readonly linkedTo?: Tracer.AnySpan | undefined
  /** Whether the span begins a trace of its own. */
  readonly root?: boolean | undefined
}

/**
 * The span around the code that runs at the moment, if that code runs in a fiber.
 *
 * @internal
 */
export const current = (): Tracer.AnySpan | undefined => Fiber.getCurrent()?.cache.span

/**
 * Runs work for as long as a new span lasts. No stack trace is taken, because taking one costs more than the span.
 *
 * @internal
 */
export const use = <A, E, R>(
  name: string,
  { attributes, linkedTo, root = false }: Options,
  work: (span: Tracer.Span) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.useSpan(name, {
    root,
    attributes,
    links: linkedTo === undefined ? [] : [{ span: linkedTo, attributes: {} }]
  }, work)

/**
 * Makes a span the parent of the spans of the work.
 *
 * @internal
 */
export const withParent =
  (span: Tracer.Span) => <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Tracer.ParentSpan>> =>
    Effect.withParentSpan(work, span, { captureStackTrace: false })

/**
 * A failure in a fiber of this work is handled elsewhere. Effect would also report it.
 *
 * @internal
 */
export const withoutReports = <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(work, References.UnhandledLogLevel, undefined)

/**
 * `withoutReports` for the fiber that runs this effect and ends after it. Effect 4 reports no failure of such a fiber.
 *
 * @internal
 */
export const endWithoutReport: Effect.Effect<void> = Effect.void

/** The tracer with other spans. Its `context`, which Effect calls for every step of a fiber, is absent if it was. */
const changingTracer = (tracer: Tracer.Tracer, change: (span: Tracer.Span) => void): Tracer.Tracer => {
  const span: Tracer.Tracer["span"] = (options) => {
    const made = tracer.span(options)
    change(made)
    return made
  }
  return Object.create(tracer, { span: { value: span } })
}

/**
 * Runs work whose spans are changed when they begin. The spans are those of the present tracer, because a tracer may
 * look for properties of its own spans in a parent.
 *
 * @internal
 */
export const changing = (change: (span: Tracer.Span) => void) => {
  const changed = new WeakMap<Tracer.Tracer, Tracer.Tracer>()
  const tracerOf = (tracer: Tracer.Tracer): Tracer.Tracer => {
    const known = changed.get(tracer)
    if (known !== undefined) return known
    const result = changingTracer(tracer, change)
    changed.set(tracer, result)
    // Work within work keeps the tracer.
    changed.set(result, result)
    return result
  }
  return <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.updateContext(
      work,
      (context: Context.Context<R>) =>
        Context.add(context, Tracer.Tracer, tracerOf(Context.get(context, Tracer.Tracer)))
    )
}
