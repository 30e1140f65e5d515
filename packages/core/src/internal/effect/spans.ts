import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"

type Services = Context.Context<DefaultServices.DefaultServices>

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
export const current = (): Tracer.AnySpan | undefined => Option.getOrUndefined(Fiber.getCurrentFiber())?.currentSpan

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
    captureStackTrace: false,
    attributes,
    links: linkedTo === undefined ? [] : [{ _tag: "SpanLink", span: linkedTo, attributes: {} }]
  }, work)

/**
 * Makes a span the parent of the spans of the work.
 *
 * @internal
 */
export const withParent =
  (span: Tracer.Span) => <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Tracer.ParentSpan>> =>
    Effect.withParentSpan(work, span)

/**
 * A failure in a fiber of this work is handled elsewhere. Effect would also write it to the log and into the span.
 *
 * @internal
 */
export const withoutReports = <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withUnhandledErrorLogLevel(work, Option.none())

/**
 * `withoutReports` for the fiber that runs this effect and ends after it.
 *
 * @internal
 */
export const endWithoutReport: Effect.Effect<void> = FiberRef.set(FiberRef.unhandledErrorLogLevel, Option.none())

const changingTracer = (tracer: Tracer.Tracer, change: (span: Tracer.Span) => void): Tracer.Tracer =>
  Tracer.make({
    context: (f, fiber) => tracer.context(f, fiber),
    span: (...options) => {
      const span = tracer.span(...options)
      change(span)
      return span
    }
  })

/**
 * Runs work whose spans are changed when they begin. The spans are those of the present tracer, because a tracer may
 * look for properties of its own spans in a parent.
 *
 * @internal
 */
export const changing = (change: (span: Tracer.Span) => void) => {
  // Requests share few services, and copying them costs as much as a header.
  const changed = new WeakMap<Services, Services>()
  const servicesOf = (services: Services): Services => {
    const known = changed.get(services)
    if (known !== undefined) return known
    const tracer = changingTracer(Context.get(services, Tracer.Tracer), change)
    const result = Context.add(services, Tracer.Tracer, tracer)
    changed.set(services, result)
    // Work within work keeps the tracer.
    changed.set(result, result)
    return result
  }
  return <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiberRuntime((fiber) =>
      Effect.locally(
        work,
        DefaultServices.currentServices,
        servicesOf(fiber.getFiberRef(DefaultServices.currentServices))
      )
    )
}
