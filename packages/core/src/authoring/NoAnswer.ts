/**
 * Why an HTTP request has no answer that can be used. For authors of providers.
 *
 * @since 0.1.0
 */
import type { HttpClientError } from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { connectionFailure } from "../internal/errors/connectionFailure.ts"
import { harmlessCause } from "../internal/errors/harmlessCause.ts"

/**
 * There is no complete answer within the limits.
 *
 * - `Transport`: the connection failed.
 * - `Timeout`: the time limit passed.
 * - `TooLarge`: the body is longer than `maxBodySize`.
 * - `Unsendable`: a header of the request has a character that cannot be sent. Nothing was sent.
 *
 * @since 0.1.0
 * @category errors
 */
export class NoAnswer extends Data.TaggedError("NoAnswer")<{
  readonly reason: "Transport" | "Timeout" | "TooLarge" | "Unsendable"
  /**
   * The reason as a part of a sentence, without a capital letter and a full stop. For a failed connection, the
   * description contains the code of the transport, such as `ENOTFOUND`, and the meaning of the code.
   */
  readonly description: string
  /** Advice, as whole sentences, if the code of a failed connection suggests what to check. */
  readonly advice?: string
  /**
   * Whether the same request fails until something is corrected: a certificate, the scheme or the port of the address,
   * a header. Absent if waiting may help.
   */
  readonly isLasting?: true
  /** The status, if the head of the answer had arrived and its body then failed. */
  readonly status?: number
  /**
   * The transport's own error; never the platform's, which holds the request with its secrets. If the transport's error
   * holds a part of the answer or a query, a copy with its name, code and message.
   */
  readonly cause?: unknown
}> {}

/**
 * The error of a connection that failed, by the platform's error about it.
 *
 * @param status the status, if the head of the answer had arrived
 *
 * @internal
 */
export const connectionFailed = (error: HttpClientError, status?: number): NoAnswer => {
  const { advice, description, isLasting } = connectionFailure(error.cause, error.request.url.startsWith("http:"))
  const cause = harmlessCause(error.cause)
  return new NoAnswer({
    reason: "Transport",
    description: `the connection failed${status === undefined ? "" : " before the answer was complete"}` +
      (description === "" ? "" : ` (${description})`),
    ...(advice === undefined ? {} : { advice }),
    ...(isLasting ? { isLasting } : {}),
    ...(status === undefined ? {} : { status }),
    ...(cause === undefined ? {} : { cause })
  })
}

/**
 * Gives a request its time limit.
 *
 * @internal
 */
export const inTime =
  ({ timeout }: { readonly timeout: Duration.DurationInput }) =>
  <A, E, R>(request: Effect.Effect<A, E, R>): Effect.Effect<A, E | NoAnswer, R> =>
    Effect.timeoutFail(request, {
      duration: timeout,
      onTimeout: () =>
        new NoAnswer({
          reason: "Timeout",
          description: `no complete answer within ${Duration.format(Duration.decode(timeout))}`
        })
    })

/**
 * The error of an answer whose body is longer than the limit, in bytes.
 *
 * @internal
 */
export const tooLarge = ({ status }: { readonly status: number }, maxBodySize: number): NoAnswer =>
  new NoAnswer({ reason: "TooLarge", description: `the answer is larger than ${maxBodySize} bytes`, status })

/**
 * The characters that a header may contain (RFC 9110 §5.5). The error of `fetch` about anything else would show the
 * value.
 */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/

/**
 * The error of a request that cannot be sent, if it is one.
 *
 * @internal
 */
export const unsendable = ({ headers }: HttpClientRequest): NoAnswer | undefined => {
  const name = Object.keys(headers).find((name) => !fieldValue.test(headers[name] ?? ""))
  return name === undefined ? undefined : new NoAnswer({
    reason: "Unsendable",
    description: `the header \`${name}\` has a character that cannot be sent, such as a line break`,
    isLasting: true
  })
}

/**
 * The reason why a request of a provider has no answer, and the advice about it, as the rest of a sentence and further
 * sentences.
 *
 * @param otherwise what to do if the error itself does not say it
 *
 * @internal
 */
export const sentences = (error: NoAnswer, otherwise = ""): string => {
  const advice = adviceOf(error) ?? otherwise
  return `${error.description}.${advice === "" ? "" : ` ${advice}`}`
}

/**
 * The advice about a request without an answer, as whole sentences; `undefined` if the error itself has none.
 *
 * @internal
 */
export const adviceOf = ({ advice, reason }: NoAnswer): string | undefined => {
  switch (reason) {
    case "Timeout":
      return "Try again later, or raise `requestTimeout` if the server needs longer."
    case "TooLarge":
      return "Raise `maxResponseSize` if the address is right."
    case "Transport":
      return advice
    case "Unsendable":
      return "Nothing was sent."
  }
}

/**
 * Whether another attempt may succeed, as the reason of an error.
 *
 * @internal
 */
export const reasonOf = ({ isLasting }: NoAnswer): "CannotSend" | "Unavailable" =>
  isLasting === true ? "CannotSend" : "Unavailable"
