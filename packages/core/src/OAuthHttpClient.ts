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
import { ClientLog } from "./internal/http/clientLog.ts"
import { discard } from "./internal/http/discard.ts"
import { isRedirect, redirectTarget, withoutRedirects } from "./authoring/HttpExchange.ts"
import * as Resend from "./internal/http/resend.ts"
import { makeIsSameOrigin } from "./internal/http/sameOrigin.ts"
import { errorWithoutToken, ResponseWithoutToken } from "./internal/http/responseWithoutToken.ts"
import { isTransient, type OAuthError } from "./OAuthError.ts"
import { OAuthProvider } from "./OAuthProvider.ts"

/**
 * Authenticates the requests of a client to the provider's resource. Requests to other origins, and requests with an
 * `Authorization` header of their own, pass unchanged. The log has a line at Debug about each such origin.
 *
 * After a 401, or a 403 with `invalid_token`, the request is sent once more with a renewed token; after a 403 with
 * `insufficient_scope`, once more with a token of more scope. A request is sent again only if its body can be sent
 * again. The response that follows goes to the caller. If no token can be acquired, the request fails with a
 * `RequestError` whose `cause` is the `OAuthError` (see `OAuthError.fromUnknown`). Its `reason` is `Transport` if
 * another attempt may succeed, else `Encode`.
 *
 * Redirects within the origin are followed if they ask for the same request again (RFC 9110 §15.4). Other redirects go
 * to the caller: a response from elsewhere must not look like one of the resource. To follow them, put
 * `HttpClient.followRedirects` around the authenticated client and never beneath it, where it would carry the token to
 * the redirect's target.
 *
 * @since 0.1.0
 * @category combinators
 */
export const authenticate = (client: HttpClient.HttpClient, provider: OAuthProvider.Service): HttpClient.HttpClient => {
  const isResource = makeIsSameOrigin(provider.resource)
  const { origin } = new URL(provider.resource)
  const log = new ClientLog(provider.resource)

  const attempt = (
    request: HttpClientRequest.HttpClientRequest,
    token: AccessToken.AccessToken,
    tried: Resend.Tried,
    redirects = 0
  ): Effect.Effect<HttpClientResponse, HttpClientError> =>
    Effect.matchEffect(
      withoutRedirects(
        client.execute(HttpClientRequest.setHeader(request, "authorization", AccessToken.authorization(token)))
      ),
      {
        onFailure: (error) => Effect.fail(errorWithoutToken(error, request)),
        onSuccess: (original) => {
          const response = new ResponseWithoutToken(original, request)
          const { status } = response
          if (status === 401 || status === 403) return recover(request, token, response, tried)
          const target = isRedirect(status) ? redirectTarget(response.headers, request.url) : undefined
          if (target === undefined) return Exit.succeed(response)
          if (target.origin !== origin) {
            const line = log.redirected(target.href)
            return line === undefined ? Exit.succeed(response) : Effect.as(line, response)
          }
          return redirects < MAX_REDIRECTS && canFollow(request, response)
            ? Effect.zipRight(discard(response), attempt(withUrl(request, target), token, tried, redirects + 1))
            : Exit.succeed(response)
        }
      }
    )

  const recover = (
    request: HttpClientRequest.HttpClientRequest,
    token: AccessToken.AccessToken,
    response: HttpClientResponse,
    tried: Resend.Tried
  ): Effect.Effect<HttpClientResponse, HttpClientError> => {
    const renewal = Resend.afterResponse(response.status, response.headers["www-authenticate"], tried)
    if (renewal === undefined) return Effect.succeed(response)
    if (renewal._tag === "RejectedAgain") {
      provider.unsafeRejected?.(token)
      return Effect.as(log.rejectedAgain(token, renewal.challenge), response)
    }
    return Effect.matchEffect(provider.renew(token, renewal.challenge), {
      onFailure: (error) =>
        Resend.failsCall(renewal)
          ? Effect.zipRight(discard(response), Effect.fail(asRequestError(request, error)))
          : Effect.succeed(response),
      onSuccess: (renewed) => {
        const causes = Resend.afterRenewal(renewal, token, renewed, bodyOf(request))
        if (Resend.isRejectedAgain(renewal, token, renewed)) {
          return Effect.as(log.rejectedAgain(token, renewal.challenge), response)
        }
        return causes === undefined
          ? Effect.succeed(response)
          : Effect.zipRight(discard(response), attempt(request, renewed, causes))
      }
    })
  }

  const passOn = (request: HttpClientRequest.HttpClientRequest, line: Effect.Effect<void> | undefined) =>
    line === undefined ? client.execute(request) : Effect.zipRight(line, client.execute(request))

  const execute = (request: HttpClientRequest.HttpClientRequest) => {
    if (!isResource(request.url)) return passOn(request, log.otherOrigin(request.url))
    if (request.headers["authorization"] !== undefined) return passOn(request, log.ownAuthorization())
    const token = provider.unsafeFresh()
    if (token !== undefined) return attempt(request, token, Resend.nothingTried)
    return Effect.matchEffect(provider.accessToken, {
      onFailure: (error) => Effect.fail(asRequestError(request, error)),
      onSuccess: (token) => attempt(request, token, Resend.nothingTried)
    })
  }
  // The request is read last, when the caller's own middlewares have completed its URL.
  return HttpClient.makeWith<never, never, HttpClientError, never>(Effect.flatMap(execute), Effect.succeed)
}

const bodyOf = ({ body }: HttpClientRequest.HttpClientRequest): unknown =>
  body._tag === "Raw" ? body.body : body._tag === "Stream" ? body.stream : undefined

/**
 * The request with another URL, whose query stays as it was written. A request takes the query of a `URL` apart and
 * encodes it again, and adds its old parameters to a text; so the old ones are removed first.
 */
const withUrl = (request: HttpClientRequest.HttpClientRequest, url: URL): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.setUrl(HttpClientRequest.setUrl(request, new URL(url.origin)), url.href)

/** Whether a redirect asks for the same request again (RFC 9110 §15.4), and whether that can be sent. */
const canFollow = (request: HttpClientRequest.HttpClientRequest, { status }: HttpClientResponse): boolean =>
  (status === 307 || status === 308 || request.method === "GET" || request.method === "HEAD") &&
  Resend.canBeSentAgain(bodyOf(request))

const MAX_REDIRECTS = 5

/** `HttpClient.retryTransient` repeats requests that fail with `Transport`, which cannot help after a final refusal. */
const asRequestError = (request: HttpClientRequest.HttpClientRequest, cause: OAuthError): HttpClientError => {
  const { message: description } = cause
  return isTransient(cause)
    ? new RequestError({ request, reason: "Transport", cause, description })
    : new RequestError({ request, reason: "Encode", cause, description })
}

/**
 * The `HttpClient` of the context, authenticated by the `OAuthProvider` of the context.
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
 * A Layer of the authenticated `HttpClient`, on top of a plain one.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { ClientSecret } from "@effect-mcp-auth/client-secret"
 * import { OAuthHttpClient, TokenStorage } from "@effect-mcp-auth/core"
 * import { FetchHttpClient, HttpClient } from "@effect/platform"
 * import { Effect, Layer, Redacted } from "effect"
 *
 * const Auth = ClientSecret.layer({
 *   serverUrl: "https://mcp.example.com/mcp",
 *   issuer: "https://auth.example.com",
 *   clientId: "nightly-report",
 *   clientSecret: Redacted.make("...")
 * }).pipe(Layer.provide(TokenStorage.layerMemory))
 *
 * const AuthenticatedHttpClient = OAuthHttpClient.layer.pipe(
 *   Layer.provide(Auth),
 *   Layer.provide(FetchHttpClient.layer)
 * )
 *
 * const program = HttpClient.get("https://mcp.example.com/reports/today").pipe(
 *   Effect.flatMap((response) => response.json),
 *   Effect.provide(AuthenticatedHttpClient)
 * )
 * ```
 */
export const layer: Layer.Layer<HttpClient.HttpClient, never, OAuthProvider | HttpClient.HttpClient> = Layer.effect(
  HttpClient.HttpClient,
  make
)
