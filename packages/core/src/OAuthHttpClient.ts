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
import { discard } from "./internal/http/discard.ts"
import { isRedirect, withoutRedirects } from "./authoring/HttpExchange.ts"
import { canBeSentAgain, causeOf, demandOf, makeIsSameOrigin, Tried } from "./internal/http/resourceRequest.ts"
import { ownError, ResourceResponse } from "./internal/http/resourceResponse.ts"
import { isTransient, type OAuthError } from "./OAuthError.ts"
import { OAuthProvider } from "./OAuthProvider.ts"

/**
 * Authenticates a client's requests to the provider's resource; all others, and those that bring an `Authorization` of
 * their own, pass untouched.
 *
 * A 401 is answered with a renewed token, a 403 for want of scope with a token of more scope, each once and only if the
 * body can be sent again; whatever comes then is the caller's. If no token can be had, the request fails with a
 * `RequestError` whose `cause` is the `OAuthError`, and whose `reason` is `Transport` if trying again may help, else
 * `Encode`.
 *
 * Redirects within the origin are followed, if they ask for the same request again; others are the caller's, since what
 * answers elsewhere must not be taken for the resource. Put `HttpClient.followRedirects` around the authenticated client,
 * and never beneath it, where it would carry the token to the redirect's target.
 *
 * @since 0.1.0
 * @category combinators
 */
export const authenticate = (client: HttpClient.HttpClient, provider: OAuthProvider.Service): HttpClient.HttpClient => {
  const isResource = makeIsSameOrigin(provider.resource)
  const { origin } = new URL(provider.resource)

  const attempt = (
    request: HttpClientRequest.HttpClientRequest,
    token: AccessToken.AccessToken,
    tried: number,
    redirects = 0
  ): Effect.Effect<HttpClientResponse, HttpClientError> =>
    Effect.matchEffect(
      withoutRedirects(
        client.execute(HttpClientRequest.setHeader(request, "authorization", AccessToken.authorization(token)))
      ),
      {
        onFailure: (error) => Effect.fail(ownError(error, request)),
        onSuccess: (original) => {
          const response = new ResourceResponse(original, request)
          const { status } = response
          if (status === 401 || status === 403) return recover(request, token, response, tried)
          const target = redirects < MAX_REDIRECTS ? redirectTarget(request, response) : undefined
          return target !== undefined && target.origin === origin
            ? Effect.zipRight(
              discard(response),
              attempt(HttpClientRequest.setUrl(request, target), token, tried, redirects + 1)
            )
            : Exit.succeed(response)
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
    const cause = causeOf(response.status)
    if (demand === undefined || (tried & cause) !== 0) return Effect.succeed(response)
    return provider.renew(token, demand.challenge).pipe(
      Effect.matchEffect({
        // The 403 says more than the failure to get around it; a 401 without a cause would say less.
        onFailure: (error) =>
          response.status === 403
            ? Effect.succeed(response)
            : Effect.zipRight(discard(response), Effect.fail(asRequestError(request, error))),
        onSuccess: (renewed) =>
          AccessToken.isSame(renewed, token) || !canBeSentAgain(bodyOf(request))
            ? Effect.succeed(response)
            : Effect.zipRight(discard(response), attempt(request, renewed, tried | cause))
      })
    )
  }

  const execute = (
    request: HttpClientRequest.HttpClientRequest
  ): Effect.Effect<HttpClientResponse, HttpClientError> => {
    if (request.headers["authorization"] !== undefined || !isResource(request.url)) return client.execute(request)
    const token = provider.unsafeFresh()
    if (token !== undefined) return attempt(request, token, Tried.none)
    return Effect.matchEffect(provider.accessToken, {
      onFailure: (error) => Effect.fail(asRequestError(request, error)),
      onSuccess: (token) => attempt(request, token, Tried.none)
    })
  }
  // The request is looked at last, when the callers' own middlewares have made its URL whole.
  return HttpClient.makeWith<never, never, HttpClientError, never>(Effect.flatMap(execute), Effect.succeed)
}

const bodyOf = ({ body }: HttpClientRequest.HttpClientRequest): unknown =>
  body._tag === "Raw" ? body.body : body._tag === "Stream" ? body.stream : undefined

/** Where a redirect leads, if what it asks for is the same request again (RFC 9110 §15.4). */
const redirectTarget = (
  request: HttpClientRequest.HttpClientRequest,
  response: HttpClientResponse
): URL | undefined => {
  if (!isRedirect(response.status)) return undefined
  const location = response.headers["location"]
  const same = response.status === 307 || response.status === 308 || request.method === "GET" ||
    request.method === "HEAD"
  return same && location !== undefined && canBeSentAgain(bodyOf(request)) && URL.canParse(location, request.url)
    ? new URL(location, request.url)
    : undefined
}

const MAX_REDIRECTS = 5

/** `HttpClient.retryTransient` sends again what failed by `Transport`, which would do nothing for a final refusal. */
const asRequestError = (request: HttpClientRequest.HttpClientRequest, cause: OAuthError): RequestError =>
  new RequestError({
    request,
    reason: isTransient(cause) ? "Transport" : "Encode",
    cause,
    description: cause.message
  })

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
