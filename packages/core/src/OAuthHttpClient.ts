/**
 * An `HttpClient` whose requests to the MCP server carry a valid token.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import { type HttpClientError, RequestError } from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as AccessToken from "./AccessToken.ts"
import { discard } from "./internal/discard.ts"
import { demandOf, makeIsSameOrigin } from "./internal/resourceRequest.ts"
import { ownError, ResourceResponse } from "./internal/resourceResponse.ts"
import type { OAuthError } from "./OAuthError.ts"
import { OAuthProvider } from "./OAuthProvider.ts"

/**
 * Authenticates a client's requests to the provider's resource; all others, and those that bring an `Authorization` of
 * their own, pass untouched.
 *
 * A 401 is answered with a renewed token, a 403 for want of scope with a token of more scope, each once and only if the
 * body can be sent again; whatever comes then is the caller's. If no token can be had, the request fails with a
 * `RequestError` whose `cause` is the `OAuthError`.
 *
 * Put `HttpClient.followRedirects` around the authenticated client, not beneath it: it would carry the token to the
 * redirect's target, wherever that is.
 *
 * @since 0.1.0
 * @category combinators
 */
export const authenticate = (client: HttpClient.HttpClient, provider: OAuthProvider.Service): HttpClient.HttpClient => {
  const isResource = makeIsSameOrigin(provider.resource)

  const attempt = (
    request: HttpClientRequest.HttpClientRequest,
    token: AccessToken.AccessToken,
    tried: number
  ): Effect.Effect<HttpClientResponse, HttpClientError> =>
    Effect.matchEffect(
      client.execute(HttpClientRequest.setHeader(request, "authorization", AccessToken.authorization(token))),
      {
        onFailure: (error) => Effect.fail(ownError(error, request)),
        onSuccess: (original) => {
          const response = new ResourceResponse(original, request)
          const { status } = response
          return status === 401 || status === 403 ? recover(request, token, response, tried) : Exit.succeed(response)
        }
      }
    )

  const recover = (
    request: HttpClientRequest.HttpClientRequest,
    token: AccessToken.AccessToken,
    response: HttpClientResponse,
    tried: number
  ): Effect.Effect<HttpClientResponse, HttpClientError> => {
    const demand = demandOf(response.status, response.headers["www-authenticate"])
    const once = response.status === 401 ? TRIED_401 : TRIED_403
    if (demand === undefined || (tried & once) !== 0) return Effect.succeed(response)
    return provider.renew(token, demand.challenge).pipe(
      Effect.matchEffect({
        // The 403 says more than the failure to get around it; a 401 without a cause would say less.
        onFailure: (error) =>
          response.status === 403
            ? Effect.succeed(response)
            : Effect.zipRight(discard(response), Effect.fail(asRequestError(request, error))),
        onSuccess: (renewed) =>
          AccessToken.isSame(renewed, token) || !canBeSentAgain(request)
            ? Effect.succeed(response)
            : Effect.zipRight(discard(response), attempt(request, renewed, tried | once))
      })
    )
  }

  const execute = (
    request: HttpClientRequest.HttpClientRequest
  ): Effect.Effect<HttpClientResponse, HttpClientError> => {
    if (request.headers["authorization"] !== undefined || !isResource(request.url)) return client.execute(request)
    const token = provider.unsafeFresh()
    if (token !== undefined) return attempt(request, token, 0)
    return Effect.matchEffect(provider.accessToken, {
      onFailure: (error) => Effect.fail(asRequestError(request, error)),
      onSuccess: (token) => attempt(request, token, 0)
    })
  }
  // The request is looked at last, when the callers' own middlewares have made its URL whole.
  return HttpClient.makeWith<never, never, HttpClientError, never>(Effect.flatMap(execute), Effect.succeed)
}

const TRIED_401 = 1
const TRIED_403 = 2

/** A stream has been read when the answer comes. */
const canBeSentAgain = ({ body }: HttpClientRequest.HttpClientRequest): boolean =>
  body._tag !== "Stream" && !(body._tag === "Raw" && body.body instanceof ReadableStream)

const asRequestError = (request: HttpClientRequest.HttpClientRequest, cause: OAuthError): RequestError =>
  new RequestError({ request, reason: "Transport", cause, description: cause.message })

/**
 * The client of the context, authenticated.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<HttpClient.HttpClient, never, OAuthProvider | HttpClient.HttpClient> = Effect.zipWith(
  HttpClient.HttpClient,
  OAuthProvider,
  authenticate
)

/**
 * The same `HttpClient`, authenticated.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<HttpClient.HttpClient, never, OAuthProvider | HttpClient.HttpClient> = Layer.effect(
  HttpClient.HttpClient,
  make
)
