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

/**
 * A tracer of the same spans, whose exits hold no request, no answer and no credential. The spans are those of the given
 * tracer, because a tracer may look for properties of its own spans in a parent.
 */
const withoutExits = (tracer: Tracer.Tracer): Tracer.Tracer =>
  Tracer.make({
    context: (f, fiber) => tracer.context(f, fiber),
    span: (...options) => {
      const span = tracer.span(...options)
      const end = span.end.bind(span)
      const value: Tracer.Span["end"] = (endTime, exit) => end(endTime, harmless(exit))
      Reflect.defineProperty(span, "end", { value, configurable: true, writable: true })
      return span
    }
  })

/** Services with a changed tracer. Requests share few services, and copying them costs as much as a header. */
const changed = new WeakMap<Services, Services>()

const servicesWithoutExits = (services: Services): Services => {
  const known = changed.get(services)
  if (known !== undefined) return known
  const result = Context.add(services, Tracer.Tracer, withoutExits(Context.get(services, Tracer.Tracer)))
  changed.set(services, result)
  // Requests within requests keep the tracer.
  changed.set(result, result)
  return result
}

/**
 * Runs an effect whose spans end with the time and the kind of their exit alone: a tracer finds no request, no answer
 * and no credential in it.
 *
 * @internal
 */
export const withHarmlessSpans = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiberRuntime((fiber) =>
    Effect.locally(
      effect,
      DefaultServices.currentServices,
      servicesWithoutExits(fiber.getFiberRef(DefaultServices.currentServices))
    )
  )
