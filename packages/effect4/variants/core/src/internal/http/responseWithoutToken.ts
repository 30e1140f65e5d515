import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as Errors from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import { type HttpClientResponse, TypeId } from "effect/http/HttpClientResponse"
import { TypeId as IncomingMessageTypeId } from "effect/http/HttpIncomingMessage"
import * as Inspectable from "effect/Inspectable"
import { pipeArguments } from "effect/Pipeable"
import * as Stream from "effect/Stream"

/**
 * The response to a request as its caller wrote it. The request that was sent has the token in its headers, and every
 * error of the response names its request, so the errors of the original response would carry the token.
 *
 * @internal
 */
export class ResponseWithoutToken extends Inspectable.Class implements HttpClientResponse {
  readonly [TypeId]: typeof TypeId = TypeId
  readonly [IncomingMessageTypeId]: typeof IncomingMessageTypeId = IncomingMessageTypeId
  readonly request: HttpClientRequest
  readonly #original: HttpClientResponse

  constructor(original: HttpClientResponse, request: HttpClientRequest) {
    super()
    this.#original = original
    this.request = request
  }

  #withoutToken<A>(body: Effect.Effect<A, Errors.HttpClientError>): Effect.Effect<A, Errors.HttpClientError> {
    return Effect.mapError(body, (error) => about(error, this.request, this))
  }

  get url() {
    return this.#original.url
  }
  get status() {
    return this.#original.status
  }
  get headers() {
    return this.#original.headers
  }
  get cookies() {
    return this.#original.cookies
  }
  get remoteAddress() {
    return this.#original.remoteAddress
  }
  get text() {
    return this.#withoutToken(this.#original.text)
  }
  get json() {
    return this.#withoutToken(this.#original.json)
  }
  get urlParamsBody() {
    return this.#withoutToken(this.#original.urlParamsBody)
  }
  get formData() {
    return this.#withoutToken(this.#original.formData)
  }
  get arrayBuffer() {
    return this.#withoutToken(this.#original.arrayBuffer)
  }
  get upgrade() {
    return this.#withoutToken(this.#original.upgrade)
  }
  get stream(): Stream.Stream<Uint8Array, Errors.HttpClientError> {
    return Stream.mapError(this.#original.stream, (error) => about(error, this.request, this))
  }
  pipe() {
    return pipeArguments(this, arguments)
  }
  toJSON(): unknown {
    return {
      _id: "HttpClientResponse",
      request: this.request.toJSON(),
      status: this.status,
      headers: Headers.redact(this.headers, ["set-cookie"])
    }
  }
}

/** The same error about another request and its response. */
const about = (
  { reason }: Errors.HttpClientError,
  request: HttpClientRequest,
  response: HttpClientResponse | undefined
): Errors.HttpClientError => {
  const { cause, description } = reason
  const sent = { request, cause, ...(description === undefined ? {} : { description }) }
  switch (reason._tag) {
    case "TransportError":
      return new Errors.HttpClientError({ reason: new Errors.TransportError(sent) })
    case "EncodeError":
      return new Errors.HttpClientError({ reason: new Errors.EncodeError(sent) })
    case "InvalidUrlError":
      return new Errors.HttpClientError({ reason: new Errors.InvalidUrlError(sent) })
  }
  const answered = { ...sent, response: response ?? new ResponseWithoutToken(reason.response, request) }
  switch (reason._tag) {
    case "StatusCodeError":
      return new Errors.HttpClientError({ reason: new Errors.StatusCodeError(answered) })
    case "DecodeError":
      return new Errors.HttpClientError({ reason: new Errors.DecodeError(answered) })
    case "EmptyBodyError":
      return new Errors.HttpClientError({ reason: new Errors.EmptyBodyError(answered) })
  }
}

/**
 * The error of a request as its caller wrote it, without the token.
 *
 * @internal
 */
export const errorWithoutToken = (error: Errors.HttpClientError, request: HttpClientRequest): Errors.HttpClientError =>
  about(error, request, undefined)
