/**
 * A `fetch` whose requests to the MCP server carry a valid token, for the transports of the official MCP SDK and for
 * any other code that takes a `fetch`.
 *
 * @since 0.1.0
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as AccessToken from "./AccessToken.ts"
import * as Resend from "./internal/http/resend.ts"
import { makeIsSameOrigin } from "./internal/http/sameOrigin.ts"
import type { OAuthError } from "./OAuthError.ts"
import { OAuthProvider } from "./OAuthProvider.ts"

/**
 * An authenticated `fetch` on top of the given one. While the token in memory is fresh, a call adds one header and uses
 * no fiber.
 *
 * Requests to other origins, and requests with an `Authorization` header of their own, pass unchanged. After a 401 the
 * request is sent once more with a renewed token; after a 403 with `insufficient_scope`, once more with a token of more
 * scope. A request is sent again only if its body can be: a stream, and the body of a `Request` object, cannot. The
 * response that follows goes to the caller.
 *
 * The promise rejects with an `OAuthError` if no token can be acquired, with the signal's reason if the signal aborts,
 * and with the error of the given `fetch` if that rejects.
 *
 * @param runtime the context and settings of the fibers that acquire tokens; Effect's default runtime by default
 *
 * @since 0.1.0
 * @category combinators
 */
export const authenticate = (
  fetch: typeof globalThis.fetch,
  provider: OAuthProvider.Service,
  runtime: Runtime.Runtime<never> = Runtime.defaultRuntime
): typeof globalThis.fetch => {
  const isResource = makeIsSameOrigin(provider.resource)
  const runExit = Runtime.runPromiseExit(runtime)

  /** Waits for a token until the signal aborts. The acquisition continues for other callers. */
  const wait = async (
    token: Effect.Effect<AccessToken.AccessToken, OAuthError>,
    signal: AbortSignal | null | undefined
  ): Promise<AccessToken.AccessToken> => {
    signal?.throwIfAborted()
    const exit = await runExit(token, signal ? { signal } : undefined)
    signal?.throwIfAborted()
    if (Exit.isSuccess(exit)) return exit.value
    throw Option.getOrElse(Cause.failureOption(exit.cause), () => Cause.squash(exit.cause))
  }

  const attempt = (
    input: RequestInfo | URL,
    init: RequestInit | undefined,
    token: AccessToken.AccessToken,
    tried: Resend.Tried
  ): Promise<Response> => {
    let headers: HeadersInit
    try {
      headers = withAuthorization(headersOf(input, init), AccessToken.authorization(token))
    } catch (error) {
      // `fetch` rejects invalid headers; it does not throw.
      return Promise.reject(error)
    }
    return fetch(input, { ...init, headers }).then((response) =>
      response.status === 401 || response.status === 403
        ? recover(response, input, init, token, tried)
        : response
    )
  }

  const recover = async (
    response: Response,
    input: RequestInfo | URL,
    init: RequestInit | undefined,
    token: AccessToken.AccessToken,
    tried: Resend.Tried
  ): Promise<Response> => {
    // After a redirect the response, and its challenge, may come from another origin.
    if (response.url !== "" && !isResource(response.url)) return response
    const renewal = Resend.afterResponse(response.status, response.headers.get("www-authenticate"), tried)
    if (renewal === undefined) return response
    let renewed: AccessToken.AccessToken
    try {
      renewed = await wait(provider.renew(token, renewal.challenge), signalOf(input, init))
    } catch (error) {
      if (!Resend.failsCall(renewal) && !signalOf(input, init)?.aborted) return response
      discard(response)
      throw error
    }
    const causes = Resend.afterRenewal(renewal, token, renewed, bodyOf(input, init))
    if (causes === undefined) return response
    discard(response)
    return attempt(input, init, renewed, causes)
  }

  return (input, init) => {
    if (!isResource(urlOf(input)) || hasAuthorization(headersOf(input, init))) return fetch(input, init)
    const token = provider.unsafeFresh()
    return token === undefined
      ? wait(provider.accessToken, signalOf(input, init)).then((token) =>
        attempt(input, init, token, Resend.nothingTried)
      )
      : attempt(input, init, token, Resend.nothingTried)
  }
}

/** The test avoids `instanceof`, since `Request` and `Headers` have other implementations than the global ones. */
const isRequest = (input: RequestInfo | URL): input is Request =>
  typeof input === "object" && !(input instanceof URL) && "url" in input

const urlOf = (input: RequestInfo | URL): string => isRequest(input) ? input.url : String(input)

const signalOf = (input: RequestInfo | URL, init: RequestInit | undefined): AbortSignal | null | undefined =>
  init?.signal === undefined && isRequest(input) ? input.signal : init?.signal

const headersOf = (input: RequestInfo | URL, init: RequestInit | undefined): HeadersInit | undefined =>
  init?.headers ?? (isRequest(input) ? input.headers : undefined)

const isAuthorization = (name: string): boolean => name.length === 13 && name.toLowerCase() === "authorization"

/** Most callers pass a record, which is read as it is. Headers that can be iterated are copied. */
const isRecord = (headers: HeadersInit): headers is Record<string, string> => !(Symbol.iterator in headers)

const hasAuthorization = (headers: HeadersInit | undefined): boolean => {
  if (headers === undefined) return false
  if (headers instanceof Headers) return headers.has("authorization")
  return isRecord(headers) ? Object.keys(headers).some(isAuthorization) : new Headers(headers).has("authorization")
}

const withAuthorization = (headers: HeadersInit | undefined, authorization: string): HeadersInit => {
  if (headers === undefined) return { authorization }
  if (isRecord(headers)) return { ...headers, authorization }
  const copy = new Headers(headers)
  copy.set("authorization", authorization)
  return copy
}

/** The body that is sent. The body of a `Request` is always a stream. */
const bodyOf = (input: RequestInfo | URL, init: RequestInit | undefined): unknown =>
  init?.body ?? (isRequest(input) ? input.body : undefined)

/** Frees the connection. An error of a body that nobody reads is ignored. */
const discard = (response: Response): void => void response.body?.cancel().catch(() => undefined)

/**
 * An authenticated `fetch` on top of the `FetchHttpClient.Fetch` of the context, or of the global `fetch` if the
 * context has none. Keep the provider's scope open for as long as the `fetch` is used.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { OAuthError, OAuthFetch } from "@effect-mcp-auth/core"
 * import { Data, Effect, Option } from "effect"
 *
 * class ReportFailed extends Data.TaggedError("ReportFailed")<{ readonly cause: unknown }> {}
 *
 * const report = Effect.gen(function*() {
 *   const fetch = yield* OAuthFetch.make
 *   // With the official SDK: new StreamableHTTPClientTransport(new URL("https://mcp.example.com/mcp"), { fetch })
 *   const response = yield* Effect.tryPromise({
 *     try: () => fetch("https://mcp.example.com/reports/today"),
 *     catch: (cause) => Option.getOrElse(OAuthError.fromUnknown(cause), () => new ReportFailed({ cause }))
 *   })
 *   return response.status
 * }).pipe(
 *   Effect.catchTag("TokenEndpointError", (error) => Effect.logError(`No token: ${error.message}`))
 * )
 * ```
 */
export const make: Effect.Effect<typeof globalThis.fetch, never, OAuthProvider> = Effect.gen(function*() {
  const provider = yield* OAuthProvider
  const given = yield* Effect.serviceOption(FetchHttpClient.Fetch)
  const runtime = yield* Effect.runtime<never>()
  // The global `fetch` is read at each call, since tests and instrumentation replace it.
  const fetch = Option.getOrElse(given, (): typeof globalThis.fetch => (input, init) => globalThis.fetch(input, init))
  return authenticate(fetch, provider, runtime)
})
