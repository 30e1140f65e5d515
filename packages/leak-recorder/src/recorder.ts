/**
 * The recorder of everything in which a secret could leak. `setup.ts` runs `check` after each test. Test files that
 * share a worker share the recorder.
 *
 * The recorder keeps each error that is created, each log line, each span and each line on the console, and searches
 * them for secrets after each test. A secret is every value that a test or the library makes `Redacted` (issued tokens
 * among them), in any spelling, and the word `CANARY` of `leaks.ts`. `effect` takes hold of `Error` and of its registry
 * of redacted values while it is loaded, so nothing here may import `effect` before this module has replaced both.
 */
import type * as Tracer from "effect/Tracer"
import { format, inspect } from "node:util"
import { listen } from "./hooks.ts"
import { addError, addGraph, find, PreparedSecrets, type Texts } from "./leaks.ts"

/** The secrets of the test file, and those of the modules that it shares with other files. */
const secrets = new Set<string>()
const moduleSecrets = new Set<string>()
let prepared = new PreparedSecrets()
const errors = new Set<unknown>()
const lines: Array<readonly [place: string, text: string]> = []
const spans: Array<Tracer.Span> = []

/** True while the recorder itself creates errors, log lines or spans. */
let paused = false

// ---- errors
// ----------------------------------------------------------------------------------------------------------

/** Stops the recording of errors until the caller runs the result, for a test that creates a million errors. */
export const pause = (): () => void => {
  paused = true
  return () => {
    paused = false
  }
}

/** A proxy instead of a subclass keeps `instanceof`, `stackTraceLimit` and calls without `new` as they are. */
const recording = <A extends ErrorConstructor>(original: A): A => {
  const record = (error: object): object => {
    if (!paused) {
      errors.add(error)
      Error.captureStackTrace(error, handler.construct)
    }
    return error
  }
  const handler = {
    construct: (target: A, args: ReadonlyArray<unknown>, newTarget: Function): object =>
      record(Reflect.construct(target, args, newTarget === proxy ? target : newTarget)),
    apply: (target: A, _: unknown, args: ReadonlyArray<unknown>): object => record(Reflect.construct(target, args))
  }
  const proxy: A = new Proxy(original, handler)
  return proxy
}

globalThis.Error = recording(Error)
globalThis.TypeError = recording(TypeError)
globalThis.RangeError = recording(RangeError)
globalThis.SyntaxError = recording(SyntaxError)

// ---- secrets, logs, spans, console
// -------------------------------------------------------------------------------------------

const hooks = await listen({
  redacted: (value) => {
    if (typeof value === "string" && value !== "") secrets.add(value)
  },
  logged: (format) => {
    paused = true
    for (const line of format()) lines.push(["log", line])
    paused = false
  },
  started: (span) => spans.push(span)
})

for (const method of ["debug", "error", "info", "log", "trace", "warn"] as const) {
  const original = console[method].bind(console)
  console[method] = (...args: ReadonlyArray<unknown>) => {
    lines.push([`console.${method}`, format(...args)])
    original(...args)
  }
}

/** Whether a span, or one around it, is a span of this library. */
const isWithinOurs = (span: Tracer.AnySpan): boolean =>
  span._tag === "Span" &&
  (span.name.startsWith("oauth.client.") || (span.parent._tag === "Some" && isWithinOurs(span.parent.value)))

const addSpan = (texts: Texts, span: Tracer.Span): void => {
  texts.add("span name", span.name)
  for (const [name, value] of span.attributes) texts.add(`span attribute ${name}`, inspect(value))
  for (const link of span.links) texts.add("span link", inspect(link.attributes, { depth: Infinity }))
  texts.add("span event", inspect(Reflect.get(span, "events"), { depth: Infinity }))
  // The exit of a request's span holds the request. The requests of a test itself are not ours.
  const { status } = span
  if (status._tag === "Ended" && isWithinOurs(span)) addGraph(texts, status.exit, `exit of span ${span.name}`)
  if (status._tag === "Ended" && status.exit._tag === "Failure") {
    texts.add(`status of span ${span.name}`, hooks.pretty(status.exit.cause))
    for (const error of hooks.failures(status.exit.cause)) addError(texts, error, `failure of span ${span.name}`)
    for (const error of hooks.defects(status.exit.cause)) addError(texts, error, `defect of span ${span.name}`)
  }
}

/** A failed expectation shows the values that it compared. Its test has failed already, so this is no leak. */
const isAssertion = (error: unknown): boolean => error instanceof Error && "showDiff" in error

/** Whether the recorder still records: a test that runs without the recorder must not pass. */
const works = (): boolean => {
  const probe = new Error("probe")
  hooks.makeRedacted("recorder-probe")
  return errors.delete(probe) && secrets.delete("recorder-probe")
}

/** Begins a test file: the secrets of an earlier file's tests are forgotten. */
export const startFile = (): void => {
  prepared = new PreparedSecrets()
  secrets.clear()
  for (const secret of moduleSecrets) secrets.add(secret)
}

/** A text with fewer different characters, such as a long row of one letter, stands in the texts of other tests. */
const MIN_CHARACTERS = 6

/** Ends the import of a test file: the secrets so far belong to modules, which later files may share. */
export const startTests = (): void => {
  for (const secret of secrets) if (new Set(secret).size >= MIN_CHARACTERS) moduleSecrets.add(secret)
}

/** Throws if a secret leaked since the last check, and begins a new record. */
export const check = (): void => {
  if (!works()) {
    throw new Error(
      "The leak recorder does not record: another module has replaced `Error` or the registry of redacted values."
    )
  }
  paused = true
  try {
    const leaks = find(
      (texts) => {
        for (const error of errors) if (!isAssertion(error)) addError(texts, error)
        for (const [place, text] of lines) texts.add(place, text)
        for (const span of spans) addSpan(texts, span)
      },
      secrets,
      prepared
    )
    if (leaks.length > 0) throw new Error(`A secret leaked:\n${leaks.join("\n")}`)
  } finally {
    paused = false
    errors.clear()
    lines.length = 0
    spans.length = 0
  }
}
