/**
 * How the recorder takes hold of Effect. Nothing here may import `effect` when it is loaded: Effect keeps the `Error` and
 * the registry of redacted values that it finds while it is loaded.
 */
import type * as Cause from "effect/Cause"
import type * as Tracer from "effect/Tracer"

export interface Listener {
  /** A value was made `Redacted`. */
  readonly redacted: (value: unknown) => void
  /** Something is logged, at any level. `format` gives the lines of several formats. */
  readonly logged: (format: () => ReadonlyArray<string>) => void
  readonly started: (span: Tracer.Span) => void
}

export interface Hooks {
  readonly makeRedacted: (value: string) => unknown
  readonly pretty: (cause: Cause.Cause<unknown>) => string
  readonly failures: (cause: Cause.Cause<unknown>) => Iterable<unknown>
  readonly defects: (cause: Cause.Cause<unknown>) => Iterable<unknown>
}

export const isRedacted = (value: object): boolean => Symbol.for("effect/Redacted") in value

/** Whether a value is an error of the platform that holds a request. */
export const isHttpClientError = (value: object): boolean => Symbol.for("@effect/platform/HttpClientError") in value

/** Loads Effect, for which the listener works from then on. */
export const listen = async ({ logged, redacted, started }: Listener): Promise<Hooks> => {
  class Registry extends WeakMap<object, unknown> {
    override set(key: object, value: unknown): this {
      redacted(value)
      return super.set(key, value)
    }
  }
  Object.assign(globalThis, {
    "effect/GlobalValue": new Map([["effect/Redacted/redactedRegistry", new Registry()]])
  })
  const { Cause, Effect, FiberRef, HashSet, Logger, LogLevel, Redacted } = await import("effect")

  const logger = Logger.make<unknown, void>((options) =>
    logged(() => [Logger.logfmtLogger, Logger.jsonLogger].map((format) => format.log(options)))
  )
  // The recorder's logger replaces the default logger, which would print every level.
  Object.assign(FiberRef.currentLoggers, {
    initial: Effect.runSync(FiberRef.get(FiberRef.currentLoggers)).pipe(
      HashSet.remove(Logger.defaultLogger),
      HashSet.add(logger)
    )
  })
  Object.assign(FiberRef.currentMinimumLogLevel, { initial: LogLevel.All })

  const tracer = Effect.runSync(Effect.tracer)
  const startSpan = tracer.span.bind(tracer)
  Object.assign(tracer, {
    span: (...args: Parameters<Tracer.Tracer["span"]>) => {
      const span = startSpan(...args)
      started(span)
      return span
    }
  })

  return {
    makeRedacted: Redacted.make,
    pretty: (cause) => Cause.pretty(cause, { renderErrorCause: true }),
    failures: Cause.failures,
    defects: Cause.defects
  }
}
