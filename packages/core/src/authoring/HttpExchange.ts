/**
 * One HTTP exchange within bounds: sent once, without following redirects, with limits on its time and its size, and
 * with errors and spans that show no secret. For authors of providers.
 *
 * @since 0.1.0
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Headers from "@effect/platform/Headers"
import { currentTracerDisabledWhen, type HttpClient } from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as BodyParts from "../internal/effect/bodyParts.ts"
import * as HttpDate from "../internal/text/httpDate.ts"
import { withHarmlessSpans, withoutAnswers } from "../internal/telemetry/spanExit.ts"
import { withoutReports } from "../internal/effect/spans.ts"
import * as InsecureHosts from "./InsecureHosts.ts"
import { connectionFailed, inTime, type NoAnswer, tooLarge, unsendable } from "./NoAnswer.ts"

/**
 * The bounds of one exchange.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limits {
  /** The time limit of the whole exchange, from sending the request to the last byte of the body. */
  readonly timeout: Duration.DurationInput
  /** The longest body that is read, in bytes. */
  readonly maxBodySize: number
  /**
   * The hosts that plain http may reach besides those of this machine, as `InsecureHosts.check` returns them. `exchange`
   * logs a warning when it uses one for the first time; the caller of `exchange` checks the address.
   *
   * @default none
   */
  readonly insecureHosts?: ReadonlyArray<string> | undefined
}

/**
 * The default bounds: 10 seconds and 1 MiB.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaultLimits: Limits = {
  timeout: Duration.seconds(10),
  maxBodySize: 1024 * 1024
}

/**
 * The parts of a request that must not be shown.
 *
 * @since 0.1.0
 * @category models
 */
export interface Secrecy {
  /**
   * Names of headers that hold a secret, in lower case, besides `authorization`, `cookie` and `set-cookie`. Spans show
   * `<redacted>` in place of their values.
   *
   * @default none
   */
  readonly secretHeaders?: ReadonlyArray<string> | undefined
  /**
   * Whether anything in the request may be secret. Then there is no span of it.
   *
   * @default false
   */
  readonly isHidden?: boolean | undefined
}

/**
 * A complete answer within the limits.
 *
 * @since 0.1.0
 * @category models
 */
export interface Answer {
  readonly status: number
  readonly headers: Headers.Headers
  /** The whole body, decoded as UTF-8. */
  readonly body: string
}

export {
  /**
   * @since 0.1.0
   * @category errors
   */
  NoAnswer
} from "./NoAnswer.ts"
import { parseUrl } from "../internal/text/url.ts"

const notComplete = ({ status }: HttpClientResponse) => (error: HttpClientError): NoAnswer =>
  connectionFailed(error, status)

/**
 * Whether the headers promise a body of at most so many bytes. Only an uncompressed body is as long as they say. Reading
 * such a body at once costs half as much as a stream.
 *
 * @internal
 */
export const isShort = ({ headers }: HttpClientResponse, maxBodySize: number): boolean => {
  const length = headers["content-length"] ?? ""
  return /^\d+$/.test(length) && Number(length) <= maxBodySize &&
    headers["content-encoding"] === undefined
}

const readBody = (response: HttpClientResponse, maxBodySize: number): Effect.Effect<string, NoAnswer> =>
  isShort(response, maxBodySize) ? readAtOnce(response, maxBodySize) : readInParts(response, maxBodySize)

const readAtOnce = (response: HttpClientResponse, maxBodySize: number): Effect.Effect<string, NoAnswer> =>
  response.arrayBuffer.pipe(
    Effect.mapError(notComplete(response)),
    Effect.flatMap((body) =>
      body.byteLength > maxBodySize ? tooLarge(response, maxBodySize) : Effect.succeed(new TextDecoder().decode(body))
    )
  )

const readInParts = (response: HttpClientResponse, maxBodySize: number): Effect.Effect<string, NoAnswer> =>
  Effect.suspend(() => {
    const decoder = new TextDecoder()
    let text = ""
    let size = 0
    const onPart = (part: Uint8Array): NoAnswer | undefined => {
      size += part.byteLength
      if (size > maxBodySize) return tooLarge(response, maxBodySize)
      text += decoder.decode(part, { stream: true })
      return undefined
    }
    return Effect.map(BodyParts.forEach(response, onPart, notComplete(response)), () => text + decoder.decode())
  })

/**
 * Sends a request once, follows no redirect, and reads the whole body within the limits. Spans show the status of the
 * answer, and none of its headers, in which a server may repeat a secret. The client must be the plain
 * one, which does not follow redirects by itself; for `fetch` this function turns redirects off.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { OAuthError } from "@effect-mcp-auth/core"
 * import * as HttpExchange from "@effect-mcp-auth/core/authoring/HttpExchange"
 * import { HttpClient, HttpClientRequest } from "@effect/platform"
 * import { Effect, Redacted } from "effect"
 *
 * declare const brokerToken: Redacted.Redacted
 *
 * const answer = Effect.gen(function*() {
 *   const request = HttpClientRequest.get("https://broker.example.com/token", {
 *     headers: { "x-broker-token": Redacted.value(brokerToken) }
 *   })
 *   return yield* HttpExchange.exchange(
 *     yield* HttpClient.HttpClient,
 *     request,
 *     { timeout: "10 seconds", maxBodySize: 65_536 },
 *     { secretHeaders: ["x-broker-token"] }
 *   )
 * }).pipe(
 *   Effect.mapError(({ advice = "", cause, description, isLasting }) =>
 *     new OAuthError.AssertionError({
 *       reason: isLasting === true ? "CannotSend" : "Unavailable",
 *       description: `The broker: ${description}. ${advice}`,
 *       cause
 *     })
 *   )
 * )
 * ```
 */
export const exchange = (
  client: HttpClient,
  request: HttpClientRequest,
  limits: Limits,
  secrecy: Secrecy = {}
): Effect.Effect<Answer, NoAnswer> => {
  const unfit = unsendable(request)
  if (unfit !== undefined) return unfit
  const exchanged = client.execute(request).pipe(
    Effect.mapError((error) => connectionFailed(error)),
    Effect.flatMap((response) =>
      Effect.map(
        readBody(response, limits.maxBodySize),
        (body): Answer => ({ status: response.status, headers: response.headers, body })
      )
    ),
    inTime(limits),
    // The stream has fibers of its own.
    withoutReports
  )
  const sent = withoutRedirects(
    secrecy.isHidden === true
      ? Effect.locally(exchanged, currentTracerDisabledWhen, () => true)
      : withoutAnswers(exchanged),
    secrecy.secretHeaders
  )
  const url = parseUrl(request.url)
  return url === undefined ? sent : Effect.zipRight(InsecureHosts.warn(limits.insecureHosts, url), sent)
}

/** Contexts with a changed `RequestInit`. Requests share few contexts, and copying one costs as much as a header. */
const manualRedirects = new WeakMap<Context.Context<never>, Context.Context<never>>()

const withManualRedirects = (context: Context.Context<never>): Context.Context<never> => {
  const known = manualRedirects.get(context)
  // Stryker disable next-line ConditionalExpression: the map only saves work
  if (known !== undefined) return known
  const init = Option.getOrUndefined(Context.getOption(context, FetchHttpClient.RequestInit))
  const changed = Context.add(context, FetchHttpClient.RequestInit, { ...init, redirect: "manual" })
  // Stryker disable next-line CallExpression: the map only saves work
  manualRedirects.set(context, changed)
  return changed
}

const secretHeaders = ["authorization", "cookie", "set-cookie"]

/**
 * Sends a request that carries a credential, or that must not be led elsewhere: redirects are not followed, and no span
 * shows the credential, whatever list of hidden headers the user has set. The exit of a span holds neither the request
 * nor the response. Other settings of the user for `fetch`, such as a proxy, stay.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withoutRedirects = <A, E>(
  send: Effect.Effect<A, E>,
  moreSecretHeaders: ReadonlyArray<string> = []
): Effect.Effect<A, E> =>
  Effect.withFiberRuntime((fiber) => {
    const manual = Effect.mapInputContext(withHarmlessSpans(send), withManualRedirects)
    return moreSecretHeaders.length === 0 &&
        fiber.getFiberRef(Headers.currentRedactedNames).includes("authorization")
      ? manual
      : Effect.locallyWith(
        manual,
        Headers.currentRedactedNames,
        (names) => [...names, ...secretHeaders, ...moreSecretHeaders]
      )
  })

/**
 * Whether a status leads to another address (RFC 9110 §15.4).
 *
 * @since 0.1.0
 * @category predicates
 */
export const isRedirect = (status: number): boolean => status >= 300 && status < 400 && status !== 304

/**
 * The address to which a redirect leads; `undefined` if it leads nowhere.
 *
 * @internal
 */
export const redirectTarget = ({ location }: Headers.Headers, from: string | URL): URL | undefined =>
  location === undefined ? undefined : parseUrl(location, from)

/**
 * Whether the same request may succeed later (RFC 9110 §15, RFC 6585 §4).
 *
 * @since 0.1.0
 * @category predicates
 */
export const isTransientStatus = (status: number): boolean => status >= 500 || status === 429 || status === 408

/** The longest wait that `retryAfter` returns, in milliseconds: a day. */
const LONGEST_WAIT = 24 * 60 * 60 * 1000

/**
 * The wait that the header `Retry-After` of an answer asks for (RFC 9110 §10.2.3), in milliseconds and at most a day:
 * a number of seconds, or a date, which counts from the arrival of the answer. `undefined` if the header is absent or
 * is neither.
 *
 * @param receivedAt when the answer arrived, in milliseconds since the epoch
 *
 * @since 0.1.0
 * @category getters
 */
export const retryAfter = (headers: Headers.Headers, receivedAt: number): number | undefined => {
  const header = headers["retry-after"]?.trim() ?? ""
  // Some gateways write fractions of a second. `Date.parse` would read such a number as a day of the year 2001.
  const millis = /^\d+(?:\.\d+)?$/.test(header)
    ? Math.ceil(Number(header) * 1000)
    : /[a-z]/i.test(header)
    ? HttpDate.parse(header) - receivedAt
    : Number.NaN
  return Number.isNaN(millis) ? undefined : Math.min(Math.max(0, millis), LONGEST_WAIT)
}

/**
 * The body as JSON, or `undefined`, which is not a value of JSON.
 *
 * @since 0.1.0
 * @category combinators
 */
export const parseJson = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
