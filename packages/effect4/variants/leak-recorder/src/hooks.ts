/**
 * How the recorder takes hold of Effect. Nothing here may import `effect` when it is loaded: Effect keeps the `Error` and
 * the `WeakMap` that it finds while it is loaded.
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

export const isRedacted = (value: object): boolean => "~effect/Redacted" in value

/** Whether a value is an error of the platform that holds a request: the reason of an error holds it as well. */
export const isHttpClientError = (value: object): boolean =>
  "~effect/http/HttpClientError" in value || isRequest(Object.getOwnPropertyDescriptor(value, "request")?.value)

const isRequest = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "~effect/http/HttpClientRequest" in value

/** Loads Effect, for which the listener works from then on. */
export const listen = async ({ logged, redacted, started }: Listener): Promise<Hooks> => {
  const Original = WeakMap
  globalThis.WeakMap = class<K extends WeakKey, V> extends Original<K, V> {
    override set(key: K, value: V): this {
      if (typeof key === "object" && isRedacted(key)) redacted(value)
      return super.set(key, value)
    }
  }
  const { Cause, Context, Effect, Logger, Redacted, References, Tracer } = await import("effect")
  const { TracerHeaderFilter } = await import("effect/http/HttpClient")
  globalThis.WeakMap = Original

  const logger = Logger.make<unknown, void>((options) =>
    logged(() => [Logger.formatLogFmt.log(options), Logger.formatJson.log(options)])
  )
  setDefault(References.MinimumLogLevel, "All")
  // Spans show headers only to those who ask for them, and must show no secret then.
  setDefault(TracerHeaderFilter, () => true)
  // The recorder's logger replaces the default logger, which would print every level.
  const loggers = Effect.runSync(Logger.CurrentLoggers)
  setDefault(Logger.CurrentLoggers, new Set([...loggers].filter((own) => own !== Logger.defaultLogger).concat(logger)))
  // Fibers that ran so far may have kept the defaults of the empty context.
  delete (Context.empty() as { cacheRoot?: { _fiberCache?: unknown } }).cacheRoot?._fiberCache

  const startSpan = Tracer.nativeTracer.span.bind(Tracer.nativeTracer)
  Object.assign(Tracer.nativeTracer, {
    span: (...args: Parameters<Tracer.Tracer["span"]>) => {
      const span = startSpan(...args)
      started(span)
      return span
    }
  })

  const values = (cause: Cause.Cause<unknown>, isWanted: (reason: Cause.Reason<unknown>) => boolean) =>
    cause.reasons.filter(isWanted).map((reason) =>
      Cause.isFailReason(reason) ? reason.error : Cause.isDieReason(reason) ? reason.defect : undefined
    )

  return {
    makeRedacted: (value) => Redacted.make(value),
    pretty: Cause.pretty,
    failures: (cause) => values(cause, Cause.isFailReason),
    defects: (cause) => values(cause, Cause.isDieReason)
  }
}

/** A reference keeps the default value that it has made. */
const setDefault = <A>(reference: { readonly defaultValue: () => A }, value: A): void => {
  Object.assign(reference, { defaultValue: () => value, "~effect/Context/defaultValue": value })
}
