/** What the targets share: a clock that stands still, servers in memory, and the rules for errors. */
import * as Leaks from "@effect-mcp-auth/leak-recorder/leaks"
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import { Finding, holds } from "./Target.ts"

/** The time of every run: 2026-01-01T00:00:00Z, in milliseconds since the epoch. */
export const NOW = Date.UTC(2026, 0, 1)

/** A clock that stands still, so that no run depends on the time, and no time limit passes. */
const stopped: Clock.Clock = {
  [Clock.ClockTypeId]: Clock.ClockTypeId,
  unsafeCurrentTimeMillis: () => NOW,
  unsafeCurrentTimeNanos: () => BigInt(NOW) * 1_000_000n,
  currentTimeMillis: Effect.succeed(NOW),
  currentTimeNanos: Effect.succeed(BigInt(NOW) * 1_000_000n),
  sleep: () => Effect.never
}

/** A secret that the requests carry, with characters that encoders change. */
export const SECRET = "s3cret+Zq/ä%41&=:end"

/** Whether a text shows one of the secrets, in a spelling that the recorder of the tests knows. */
export const shows = (text: string, secrets: Iterable<string>): boolean =>
  [...secrets].some((secret) => [...spellingsOf(secret)].some((spelling) => text.includes(spelling)))

const known = new Map<string, ReadonlySet<string>>()

const spellingsOf = (secret: string): ReadonlySet<string> => {
  const found = known.get(secret) ?? Leaks.spellings(secret)
  if (known.size < 100) known.set(secret, found)
  return found
}

/** The client that has the secret. */
export const CLIENT = "fuzzed client"

/** The longest message of an error, in characters. A message quotes at most some texts of 200 characters each. */
const MAX_MESSAGE = 4000

/** The longest JSON of an error, in characters: a text of 16 KiB from outside, of which JSON escapes every character. */
const MAX_JSON = 128 * 1024

/** Characters that forge lines, or that change how a terminal shows the others. */
const forging = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

/** The rules for a text that people read: one line, bounded, and without a secret. */
export const checkShown = (place: string, text: string, secrets: Iterable<string> = []): void => {
  holds(text.length <= MAX_MESSAGE, `${place} is longer than ${MAX_MESSAGE} characters`)
  holds(!forging.test(text), `${place} has a control or formatting character`)
  holds(text.isWellFormed(), `${place} has half of a surrogate pair`)
  holds(!shows(text, secrets), `${place} shows a secret`)
}

const TAGS = new Set([
  "AssertionError",
  "CredentialError",
  "DiscoveryError",
  "InsecureEndpoint",
  "InvalidOptions",
  "IssuerMismatch",
  "NoAnswer",
  "ResourceMismatch",
  "TokenEndpointError",
  "TokenStorageError"
])

/** The rules for an error: one of the errors of the packages, with a message that people can read. */
export const checkError = (error: unknown, secrets: Iterable<string> = []): void => {
  const tag = typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : "none"
  if (!(error instanceof Error) || !TAGS.has(tag)) throw new Finding(`fails with ${String(error)}`)
  const text = error.message === "" && "description" in error ? String(error.description) : error.message
  holds(text !== "", `${tag} has no message`)
  checkShown(`the message of ${tag}`, text, secrets)
  const retryAfter: unknown = "retryAfter" in error ? error.retryAfter : undefined
  holds(
    retryAfter === undefined || (typeof retryAfter === "number" && retryAfter >= 0 && retryAfter <= 86_400_000),
    `\`retryAfter\` of ${tag} is not within a day`
  )
  const json = JSON.stringify(error)
  holds(json.length <= MAX_JSON, `${tag} as JSON is longer than ${MAX_JSON} characters`)
  holds(!shows(json, secrets), `JSON of ${tag} shows a secret`)
  // The printed forms take long: one error in sixteen is enough.
  if (text.length % 16 === 0) {
    Leaks.addError({ add: (place, printed) => holds(!shows(printed, secrets), `${place} shows a secret`) }, error, tag)
  }
}

/** Runs an effect. A defect, an error of another kind, and a log line that forges others are findings. */
export const run = async <A, E>(
  effect: Effect.Effect<A, E>,
  secrets: Iterable<string> = []
): Promise<A | undefined> => {
  const lines: Array<string> = []
  const logger = Logger.make(({ annotations, message }) => {
    lines.push([message].flat().map(String).join(" "), ...HashMap.toValues(annotations).map(String))
  })
  const exit = await Effect.runPromiseExit(
    effect.pipe(Effect.withClock(stopped), Effect.locally(FiberRef.currentLoggers, HashSet.make(logger)))
  )
  for (const line of lines) checkShown("a log line", line, secrets)
  if (Exit.isSuccess(exit)) return exit.value
  const failure = Cause.failureOrCause(exit.cause)
  if (Either.isLeft(failure)) {
    checkError(failure.left, secrets)
    return undefined
  }
  throw Cause.squash(failure.right)
}

/** The result of an `Either`, or `undefined` after the check of its error. */
export const right = <A, E>(either: Either.Either<A, E>, secrets: Iterable<string> = []): A | undefined => {
  if (Either.isRight(either)) return either.right
  checkError(either.left, secrets)
  return undefined
}

export interface Answer {
  readonly status: number
  readonly headers: Headers.Headers
  readonly body: string
}

/**
 * An answer from its text: the status and the headers, a line each, an empty line, and the body. A line that is no
 * header is left out.
 */
export const parseAnswer = (text: string): Answer => {
  const [head = "", ...rest] = text.split("\n\n")
  const [first = "", ...lines] = head.split("\n")
  const status = Number.parseInt(first, 10)
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const colon = line.indexOf(":")
    const name = line.slice(0, colon).toLowerCase()
    if (colon > 0 && /^[\w!#$%&'*+.^`|~-]+$/.test(name)) headers[name] = line.slice(colon + 1).trim()
  }
  return {
    status: status >= 200 && status <= 599 ? status : 200,
    headers: Headers.fromInput(headers),
    body: rest.join("\n\n")
  }
}

/** The lines between the answers of an input with several. */
export const BETWEEN = "\n%%\n"

/** A client whose servers give these answers one after the other, and the last one from then on. */
export const clientOf = (answers: ReadonlyArray<string>): HttpClient.HttpClient => {
  let next = 0
  return HttpClient.make((request) =>
    Effect.sync(() => {
      const { body, headers, status } = parseAnswer(answers[Math.min(next++, answers.length - 1)] ?? "")
      const hasBody = status !== 204 && status !== 205 && status !== 304
      const sent = new globalThis.Headers()
      for (const [name, value] of Object.entries(headers)) {
        // `fetch` never yields such a header.
        if (/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) sent.set(name, value)
      }
      return HttpClientResponse.fromWeb(request, new Response(hasBody ? body : null, { status, headers: sent }))
    })
  )
}

export const isHttpsOrLoopback = (url: URL): boolean =>
  url.protocol === "https:" ||
  (url.protocol === "http:" &&
    /^(?:localhost\.?|.*\.localhost\.?|127\.\d+\.\d+\.\d+|\[::1\]|\[::ffff:7f.*\])$/.test(url.hostname))

/** The characters of a scope (RFC 6749 §3.3). */
export const isScopeToken = (text: string): boolean => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(text)
