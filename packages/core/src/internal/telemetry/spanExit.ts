import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Tracer from "effect/Tracer"
import { harmlessCause } from "../errors/harmlessCause.ts"

type Services = Context.Context<DefaultServices.DefaultServices>

/**
 * An exit without the value of a success, and with errors that hold neither a request nor an answer. A response of the
 * platform and its errors hold the request, whose headers and body have the credential.
 */
const harmless = (exit: Exit.Exit<unknown, unknown>): Exit.Exit<unknown, unknown> =>
  Exit.match(exit, {
    onSuccess: () => Exit.void,
    onFailure: (cause) => Exit.failCause(withoutRequests(cause))
  })

const withoutRequests = (cause: Cause.Cause<unknown>): Cause.Cause<unknown> =>
  Cause.match(cause, {
    onEmpty: Cause.empty,
    onFail: (error): Cause.Cause<unknown> => Cause.fail(harmlessCause(error)),
    onDie: (defect) => Cause.die(harmlessCause(defect)),
    onInterrupt: Cause.interrupt,
    onSequential: Cause.sequential,
    onParallel: Cause.parallel
  })

/** Changes a method of a span. Methods of spans may stand in a prototype. */
const change = <Name extends "attribute" | "end">(
  span: Tracer.Span,
  name: Name,
  value: Tracer.Span[Name]
): void => {
  Reflect.defineProperty(span, name, { value, configurable: true, writable: true })
}

/**
 * A tracer of the same spans, whose exits hold no request, no answer and no credential. The spans are those of the given
 * tracer, because a tracer may look for properties of its own spans in a parent.
 */
const withoutExits = (tracer: Tracer.Tracer, hidesAnswer: boolean): Tracer.Tracer =>
  Tracer.make({
    context: (f, fiber) => tracer.context(f, fiber),
    span: (...options) => {
      const span = tracer.span(...options)
      const end = span.end.bind(span)
      change(span, "end", (endTime, exit) => end(endTime, harmless(exit)))
      if (hidesAnswer) {
        const attribute = span.attribute.bind(span)
        change(span, "attribute", (name, value) => {
          if (!name.startsWith("http.response.header.")) attribute(name, value)
        })
      }
      return span
    }
  })

/** Runs an effect with a changed tracer. Requests share few services, and copying them costs as much as a header. */
const withTracer = (hidesAnswer: boolean) => {
  const changed = new WeakMap<Services, Services>()
  const servicesOf = (services: Services): Services => {
    const known = changed.get(services)
    if (known !== undefined) return known
    const tracer = withoutExits(Context.get(services, Tracer.Tracer), hidesAnswer)
    const result = Context.add(services, Tracer.Tracer, tracer)
    changed.set(services, result)
    // Requests within requests keep the tracer.
    changed.set(result, result)
    return result
  }
  return <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiberRuntime((fiber) =>
      Effect.locally(
        effect,
        DefaultServices.currentServices,
        servicesOf(fiber.getFiberRef(DefaultServices.currentServices))
      )
    )
}

/**
 * Runs an effect whose spans end with the time and the kind of their exit alone: a tracer finds no request, no answer
 * and no credential in it.
 *
 * @internal
 */
export const withHarmlessSpans: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = withTracer(false)

/**
 * Runs an effect whose spans show no header of an answer: a server can write a secret that it was sent into each.
 *
 * @internal
 */
export const withoutAnswers: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = withTracer(true)
