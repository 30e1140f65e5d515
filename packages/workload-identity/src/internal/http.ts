import { AssertionError } from "@effect-mcp-auth/core/OAuthError"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

/** For the whole exchange, from sending to the last byte of the body. */
const TIMEOUT = Duration.seconds(10)

/** In bytes. */
const MAX_BODY_SIZE = 64 * 1024

/** @internal */
export interface Answer {
  readonly status: number
  readonly headers: Headers.Headers
  readonly body: string
}

/**
 * Who is asked.
 *
 * @internal
 */
export interface Source {
  /** What it is called in errors. */
  readonly name: string
  /** What to look at if it does not answer. */
  readonly remedy: string
  /** Whether anything of the request may be secret. */
  readonly hidden?: boolean | undefined
  /** Whether it answers 404 and 410 for a while, until an identity is known everywhere. */
  readonly lateToKnow?: boolean | undefined
}

/** @internal */
export const unavailable = (description: string, cause?: unknown): AssertionError =>
  new AssertionError({ reason: "Unavailable", description, ...(cause === undefined ? {} : { cause }) })

/** @internal */
export const malformed = (description: string): AssertionError =>
  new AssertionError({ reason: "Malformed", description })

/** What can be sent in a header: the error of one that cannot be would show it (RFC 9110 §5.5). */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/

const readBody = (response: HttpClientResponse, { name }: Source): Effect.Effect<string, AssertionError> =>
  Effect.suspend(() => {
    const decoder = new TextDecoder()
    let text = ""
    let size = 0
    return Stream.runForEach(response.stream, (chunk) => {
      size += chunk.byteLength
      if (size > MAX_BODY_SIZE) return malformed(`${name}: the answer is larger than ${MAX_BODY_SIZE} bytes.`)
      text += decoder.decode(chunk, { stream: true })
      return Effect.void
    }).pipe(
      Effect.catchTag("ResponseError", (error) =>
        error.reason === "EmptyBody"
          ? Effect.void
          : unavailable(`${name}: the connection failed before the answer was complete.`, error.cause)),
      Effect.map(() => text + decoder.decode())
    )
  })

const secretHeaders = ["authorization", "x-identity-header"]

/** Never the platform's own error: it holds the request, with what is secret in it. */
const notReached = ({ name, remedy }: Source) => ({ cause }: HttpClientError): AssertionError =>
  unavailable(`${name} was not reached: the connection failed. ${remedy}`, cause)

/**
 * Sends a request, once, with the plain client; follows no redirect, which could carry the credential elsewhere; reads
 * the whole body within the limits. What else the user has set for `fetch`, such as a proxy, stays. No credential
 * stands in a span, whatever the user has made of the list of names that are not shown, and what is hidden has none.
 *
 * @internal
 */
export const exchange = (
  client: HttpClient.HttpClient,
  request: HttpClientRequest,
  source: Source
): Effect.Effect<Answer, AssertionError> => {
  const unfit = Object.entries(request.headers).find(([, value]) => !fieldValue.test(value))
  if (unfit !== undefined) {
    return malformed(
      `${source.name}: the header \`${unfit[0]}\` has a character that cannot be sent, such as a line break. ` +
        `Nothing was sent.`
    )
  }
  return client.execute(request).pipe(
    Effect.mapError(notReached(source)),
    Effect.flatMap((response) =>
      Effect.map(
        readBody(response, source),
        (body): Answer => ({ status: response.status, headers: response.headers, body })
      )
    ),
    Effect.timeoutFail({
      duration: TIMEOUT,
      onTimeout: () =>
        unavailable(`${source.name} gave no complete answer within ${Duration.format(TIMEOUT)}. ${source.remedy}`)
    }),
    // What fails in a fiber of the stream's is handled here; Effect would write it to the log, with the whole request.
    Effect.withUnhandledErrorLogLevel(Option.none()),
    Effect.locallyWith(Headers.currentRedactedNames, (names) => [...names, ...secretHeaders]),
    Effect.locallyWith(
      HttpClient.currentTracerDisabledWhen,
      (isDisabled) => (request) => source.hidden === true || isDisabled(request)
    ),
    Effect.mapInputContext((context: Context.Context<never>) =>
      Context.add(context, FetchHttpClient.RequestInit, {
        ...Option.getOrUndefined(Context.getOption(context, FetchHttpClient.RequestInit)),
        redirect: "manual"
      })
    )
  )
}

/** Those that platforms answer with while they are too busy, or not ready. */
const mayPass = (status: number, { lateToKnow }: Source): boolean =>
  status >= 500 || [408, 425, 429].includes(status) || (lateToKnow === true && [404, 410].includes(status))

/**
 * An answer other than the one that was asked for.
 *
 * @internal
 */
export const refused = (source: Source, status: number, said = ""): AssertionError =>
  new AssertionError({
    reason: mayPass(status, source) ? "Unavailable" : "Refused",
    description: status >= 300 && status < 400
      ? `${source.name} answered ${status} with a redirect, which is not followed. Use the final address.`
      : `${source.name} answered ${status}${said === "" ? "" : ` (${said})`}. ${source.remedy}`
  })

const Json = Schema.parseJson()

/** @internal */
export const parseJson = (body: string): unknown => Option.getOrUndefined(Schema.decodeOption(Json)(body))

/** Numbers and names of loopback and link-local hosts, where plain http does not leave the machine. */
const local = /^(?:localhost|.+\.localhost|127(?:\.\d+){3}|169\.254(?:\.\d+){2}|\[::1\]|\[fe[89ab][0-9a-f]:.*\])$/

/**
 * A URL to which a credential may be sent, or from which one may come: https, or http on this machine. What is wrong
 * with it otherwise.
 *
 * @internal
 */
export const parseEndpoint = (text: string): URL | string => {
  if (!URL.canParse(text)) return "it is not an absolute URL"
  const url = new URL(text)
  if (url.username !== "" || url.password !== "") return "it has a user name or a password in it; use a header"
  if (url.protocol === "https:" || (url.protocol === "http:" && local.test(url.hostname))) return url
  return "it is not https; plain http is for loopback and link-local hosts only"
}
