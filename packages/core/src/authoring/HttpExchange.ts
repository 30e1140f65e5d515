import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Headers from "@effect/platform/Headers"
import type * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/**
 * Bounds on one exchange with a metadata or token endpoint.
 *
 * @internal
 */
export interface Limits {
  /** For the whole exchange, from sending to the last byte of the body. */
  readonly timeout: Duration.Duration
  /** The longest body that is read, in bytes. */
  readonly maxBodySize: number
}

/** @internal */
export const defaultLimits: Limits = {
  timeout: Duration.seconds(10),
  maxBodySize: 1024 * 1024
}

/** @internal */
export interface Answer {
  readonly status: number
  readonly headers: Headers.Headers
  readonly body: string
}

/**
 * No answer within the limits. `cause` is the transport's own error at most, never the request, which holds secrets.
 *
 * @internal
 */
export class NoAnswer extends Data.TaggedError("NoAnswer")<{
  readonly reason: "Transport" | "Timeout" | "TooLarge"
  readonly description: string
  readonly cause?: unknown
}> {}

const fromClientError = (error: HttpClientError): NoAnswer =>
  new NoAnswer({ reason: "Transport", description: "the connection failed", cause: error.cause })

const tooLarge = (maxBodySize: number): NoAnswer =>
  new NoAnswer({ reason: "TooLarge", description: `the answer is larger than ${maxBodySize} bytes` })

/** What says that it is short, and is sent as it is, can be read in one go, which costs half as much as a stream. */
const isShort = ({ headers }: HttpClientResponse, maxBodySize: number): boolean => {
  const length = headers["content-length"]
  return length !== undefined && /^\d+$/.test(length) && Number(length) <= maxBodySize &&
    headers["content-encoding"] === undefined
}

const readBody = (response: HttpClientResponse, maxBodySize: number): Effect.Effect<string, NoAnswer> =>
  isShort(response, maxBodySize) ? readAtOnce(response, maxBodySize) : readInParts(response, maxBodySize)

const readAtOnce = (response: HttpClientResponse, maxBodySize: number): Effect.Effect<string, NoAnswer> =>
  response.arrayBuffer.pipe(
    Effect.mapError(fromClientError),
    Effect.flatMap((body) =>
      body.byteLength > maxBodySize ? tooLarge(maxBodySize) : Effect.succeed(new TextDecoder().decode(body))
    )
  )

/** Pulled: to run a stream into a sink takes half as long again. */
const readInParts = (response: HttpClientResponse, maxBodySize: number): Effect.Effect<string, NoAnswer> =>
  Effect.scoped(Effect.flatMap(Stream.toPull(response.stream), (pull) => {
    const decoder = new TextDecoder()
    let text = ""
    let size = 0
    const readOn: Effect.Effect<string, NoAnswer> = Effect.matchEffect(pull, {
      onSuccess: (chunks) => {
        for (const chunk of chunks) {
          size += chunk.byteLength
          if (size > maxBodySize) return tooLarge(maxBodySize)
          text += decoder.decode(chunk, { stream: true })
        }
        return readOn
      },
      onFailure: (end) =>
        Option.isNone(end) || end.value.reason === "EmptyBody"
          ? Effect.succeed(text + decoder.decode())
          : Effect.fail(fromClientError(end.value))
    })
    return readOn
  }))

/**
 * Sends a request, once, with the plain client; follows no redirect; reads the whole body within the limits. The client
 * has to be one that does not follow redirects by itself: `fetch` is told so here.
 *
 * @internal
 */
export const exchange = (
  client: HttpClient.HttpClient,
  request: HttpClientRequest,
  limits: Limits
): Effect.Effect<Answer, NoAnswer> =>
  client.execute(request).pipe(
    Effect.mapError(fromClientError),
    Effect.flatMap((response) =>
      Effect.map(
        readBody(response, limits.maxBodySize),
        (body): Answer => ({ status: response.status, headers: response.headers, body })
      )
    ),
    Effect.timeoutFail({
      duration: limits.timeout,
      onTimeout: () =>
        new NoAnswer({ reason: "Timeout", description: `no complete answer within ${Duration.format(limits.timeout)}` })
    }),
    // What fails in a fiber of the stream's is handled here; Effect would write it to the log, and into the span.
    Effect.withUnhandledErrorLogLevel(Option.none()),
    withoutRedirects
  )

/** Contexts with their `RequestInit` changed. Requests share few of them, and to copy one costs as much as a header. */
const manualRedirects = new WeakMap<Context.Context<never>, Context.Context<never>>()

const withManualRedirects = (context: Context.Context<never>): Context.Context<never> => {
  const known = manualRedirects.get(context)
  if (known !== undefined) return known
  const init = Option.getOrUndefined(Context.getOption(context, FetchHttpClient.RequestInit))
  const changed = Context.add(context, FetchHttpClient.RequestInit, { ...init, redirect: "manual" })
  manualRedirects.set(context, changed)
  return changed
}

const secretHeaders = ["authorization", "cookie", "set-cookie"]

/**
 * Sends what carries a credential, or must not be led elsewhere: without following redirects, and without the credential
 * in a span, whatever the user has made of the list of names that are not shown. What else the user has set for `fetch`,
 * such as a proxy, stays.
 *
 * @internal
 */
export const withoutRedirects = <A, E>(send: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.withFiberRuntime((fiber) => {
    const manual = Effect.locally(send, FiberRef.currentContext, withManualRedirects(fiber.currentContext))
    return fiber.getFiberRef(Headers.currentRedactedNames).includes("authorization")
      ? manual
      : Effect.locallyWith(manual, Headers.currentRedactedNames, (names) => [...names, ...secretHeaders])
  })

/** @internal */
export const isRedirect = (status: number): boolean => status >= 300 && status < 400 && status !== 304

/** @internal */
export const isTransientStatus = (status: number): boolean => status >= 500 || status === 429 || status === 408

/**
 * The body as JSON, or `undefined`, which JSON cannot say.
 *
 * @internal
 */
export const parseJson = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
