import * as Headers from "@effect/platform/Headers"
import { type HttpClientError, RequestError, ResponseError } from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import { type HttpClientResponse, TypeId } from "@effect/platform/HttpClientResponse"
import { TypeId as IncomingMessageTypeId } from "@effect/platform/HttpIncomingMessage"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
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

  #withoutToken<A>(body: Effect.Effect<A, ResponseError>): Effect.Effect<A, ResponseError> {
    return Effect.mapError(body, (error) => responseErrorWithoutToken(error, this.request, this))
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
  get stream(): Stream.Stream<Uint8Array, ResponseError> {
    return Stream.mapError(this.#original.stream, (error) => responseErrorWithoutToken(error, this.request, this))
  }
  toJSON(): unknown {
    return {
      _id: "@effect/platform/HttpClientResponse",
      request: this.request.toJSON(),
      status: this.status,
      headers: Headers.redact(this.headers, ["set-cookie"])
    }
  }
}

const responseErrorWithoutToken = (
  { cause, description, reason }: ResponseError,
  request: HttpClientRequest,
  response: HttpClientResponse
): ResponseError =>
  new ResponseError({ request, response, reason, cause, ...(description === undefined ? {} : { description }) })

/**
 * The error of a request as its caller wrote it, without the token.
 *
 * @internal
 */
export const errorWithoutToken = (error: HttpClientError, request: HttpClientRequest): HttpClientError => {
  if (error._tag === "ResponseError") {
    return responseErrorWithoutToken(error, request, new ResponseWithoutToken(error.response, request))
  }
  const { cause, description, reason } = error
  return new RequestError({ request, reason, cause, ...(description === undefined ? {} : { description }) })
}
