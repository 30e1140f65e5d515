import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Tracer from "effect/Tracer"
import * as Spans from "../effect/spans.ts"
import * as Causes from "../errors/causes.ts"
import { harmlessCause } from "../errors/harmlessCause.ts"

/**
 * An exit without the value of a success, and with errors that hold neither a request nor an answer. A response of the
 * platform and its errors hold the request, whose headers and body have the credential.
 */
const harmless = (exit: Exit.Exit<unknown, unknown>): Exit.Exit<unknown, unknown> =>
  Exit.match(exit, {
    onSuccess: () => Exit.void,
    onFailure: (cause) => Exit.failCause(Causes.mapValues(cause, harmlessCause))
  })

/** Changes a method of a span. Methods of spans may stand in a prototype. */
const change = <Name extends "attribute" | "end">(
  span: Tracer.Span,
  name: Name,
  value: Tracer.Span[Name]
): void => {
  Reflect.defineProperty(span, name, { value, configurable: true, writable: true })
}

const hideExit = (span: Tracer.Span): void => {
  const end = span.end.bind(span)
  change(span, "end", (endTime, exit) => end(endTime, harmless(exit)))
}

const hideAnswer = (span: Tracer.Span): void => {
  const attribute = span.attribute.bind(span)
  change(span, "attribute", (name, value) => {
    if (!name.startsWith("http.response.header.")) attribute(name, value)
  })
}

/**
 * Runs an effect whose spans end with the time and the kind of their exit alone: a tracer finds no request, no answer
 * and no credential in it.
 *
 * @internal
 */
export const withHarmlessSpans: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = Spans.changing(
  hideExit
)

/**
 * Runs an effect whose spans show no header of an answer: a server can write a secret that it was sent into each.
 *
 * @internal
 */
export const withoutAnswers: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = Spans.changing(
  (span) => {
    hideExit(span)
    hideAnswer(span)
  }
)
