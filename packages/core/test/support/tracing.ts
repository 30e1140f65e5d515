import { Effect, Tracer } from "effect"

/** A tracer whose spans are those of the test's own tracer, and which the test sees when they begin. */
export const makeTracer = (started: (span: Tracer.Span) => void): Effect.Effect<Tracer.Tracer> =>
  Effect.map(Effect.tracer, (own) =>
    Tracer.make({
      context: (f, fiber) => own.context(f, fiber),
      span: (...options) => {
        const span = own.span(...options)
        started(span)
        return span
      }
    }))

/** Calls a function with each attribute of a span. */
export const listenToAttributes = (span: Tracer.Span, listener: (name: string, value: unknown) => void): void => {
  const attribute = span.attribute.bind(span)
  Object.assign(span, {
    attribute: (name: string, value: unknown) => {
      listener(name, value)
      attribute(name, value)
    }
  })
}
