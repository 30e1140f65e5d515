import * as Headers from "@effect/platform/Headers"
import { type HttpClientError, RequestError, ResponseError } from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import { type HttpClientResponse, TypeId } from "@effect/platform/HttpClientResponse"
import { TypeId as IncomingMessageTypeId } from "@effect/platform/HttpIncomingMessage"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Stream from "effect/Stream"

/**
 * The answer to a request as its caller wrote it: without the token, which the request that went out has in its headers,
 * and which would else stand in every error that this response gives rise to.
 *
 * @internal
 */
export class ResourceResponse extends Inspectable.Class implements HttpClientResponse {
  readonly [TypeId]: typeof TypeId = TypeId
  readonly [IncomingMessageTypeId]: typeof IncomingMessageTypeId = IncomingMessageTypeId
  readonly request: HttpClientRequest
  readonly #original: HttpClientResponse

  constructor(original: HttpClientResponse, request: HttpClientRequest) {
    super()
    this.#original = original
    this.request = request
  }

  #own<A>(body: Effect.Effect<A, ResponseError>): Effect.Effect<A, ResponseError> {
    return Effect.mapError(body, (error) => ownResponseError(error, this.request, this))
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
    return this.#own(this.#original.text)
  }
  get json() {
    return this.#own(this.#original.json)
  }
  get urlParamsBody() {
    return this.#own(this.#original.urlParamsBody)
  }
  get formData() {
    return this.#own(this.#original.formData)
  }
  get arrayBuffer() {
    return this.#own(this.#original.arrayBuffer)
  }
  get stream(): Stream.Stream<Uint8Array, ResponseError> {
    return Stream.mapError(this.#original.stream, (error) => ownResponseError(error, this.request, this))
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

const ownResponseError = (
  { cause, description, reason }: ResponseError,
  request: HttpClientRequest,
  response: HttpClientResponse
): ResponseError =>
  new ResponseError({ request, response, reason, cause, ...(description === undefined ? {} : { description }) })

/**
 * The error of sending a request as its caller wrote it, likewise without the token.
 *
 * @internal
 */
export const ownError = (error: HttpClientError, request: HttpClientRequest): HttpClientError => {
  if (error._tag === "ResponseError") {
    return ownResponseError(error, request, new ResourceResponse(error.response, request))
  }
  const { cause, description, reason } = error
  return new RequestError({ request, reason, cause, ...(description === undefined ? {} : { description }) })
}
