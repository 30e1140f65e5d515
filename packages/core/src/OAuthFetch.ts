/**
 * A `fetch` whose requests to the MCP server carry a valid token: for the transports of the official MCP SDK and for
 * anything else that takes a `fetch`.
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
import { canBeSentAgain, causeOf, demandOf, makeIsSameOrigin, Tried } from "./internal/http/resourceRequest.ts"
import type { OAuthError } from "./OAuthError.ts"
import { OAuthProvider } from "./OAuthProvider.ts"

/**
 * An authenticated `fetch` over the one given. While the token in memory is fresh it costs a header: no fiber, no lock.
 *
 * Requests to other origins, and those that bring an `Authorization` of their own, pass untouched. A 401 is answered
 * with a renewed token, a 403 for want of scope with a token of more scope, each once and only if the body can be sent
 * again (a stream, or the body of a `Request` object, cannot); whatever comes then is the caller's.
 *
 * The promise rejects with an `OAuthError` if no token can be had, with the signal's reason if the signal aborts, and
 * with whatever the fetch below rejects with.
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

  /** Waits for a token, but no longer than the caller does. The request for the token goes on for the others. */
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
    tried: number
  ): Promise<Response> => {
    let headers: HeadersInit
    try {
      headers = withAuthorization(headersOf(input, init), AccessToken.authorization(token))
    } catch (error) {
      // As `fetch` does with headers that are none.
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
    tried: number
  ): Promise<Response> => {
    // After a redirect the answer, and its challenge, may be somebody else's.
    if (response.url !== "" && !isResource(response.url)) return response
    const demand = demandOf(response.status, response.headers.get("www-authenticate"))
    const cause = causeOf(response.status)
    if (demand === undefined || (tried & cause) !== 0) return response
    let renewed: AccessToken.AccessToken
    try {
      renewed = await wait(provider.renew(token, demand.challenge), signalOf(input, init))
    } catch (error) {
      // The 403 says more than the failure to get around it; a 401 without a cause would say less.
      if (response.status === 403 && !signalOf(input, init)?.aborted) return response
      discard(response)
      throw error
    }
    if (AccessToken.isSame(renewed, token) || !canBeSentAgain(bodyOf(input, init))) return response
    discard(response)
    return attempt(input, init, renewed, tried | cause)
  }

  return (input, init) => {
    if (!isResource(urlOf(input)) || hasAuthorization(headersOf(input, init))) return fetch(input, init)
    const token = provider.unsafeFresh()
    return token === undefined
      ? wait(provider.accessToken, signalOf(input, init)).then((token) => attempt(input, init, token, Tried.none))
      : attempt(input, init, token, Tried.none)
  }
}

/** Not by `instanceof`: there are other implementations of `Request` and `Headers` than the global ones. */
const isRequest = (input: RequestInfo | URL): input is Request =>
  typeof input === "object" && !(input instanceof URL) && "url" in input

const urlOf = (input: RequestInfo | URL): string => isRequest(input) ? input.url : String(input)

const signalOf = (input: RequestInfo | URL, init: RequestInit | undefined): AbortSignal | null | undefined =>
  init?.signal === undefined && isRequest(input) ? input.signal : init?.signal

const headersOf = (input: RequestInfo | URL, init: RequestInit | undefined): HeadersInit | undefined =>
  init?.headers ?? (isRequest(input) ? input.headers : undefined)

const isAuthorization = (name: string): boolean => name.length === 13 && name.toLowerCase() === "authorization"

/** A record is looked at as it is, which is all that most callers pass; whatever can be iterated becomes a copy. */
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

/** The body of a `Request` is a stream, whatever it was made from. */
const bodyOf = (input: RequestInfo | URL, init: RequestInit | undefined): unknown =>
  init?.body ?? (isRequest(input) ? input.body : undefined)

/** Lets go of the connection; that the body may have failed meanwhile is nobody's concern any more. */
const discard = (response: Response): void => void response.body?.cancel().catch(() => undefined)

/**
 * An authenticated `fetch` over `FetchHttpClient.Fetch`, if the context has one, else over the global one.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { OAuthFetch } from "@effect-mcp-auth/core"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const fetch = yield* OAuthFetch.make
 *   // new StreamableHTTPClientTransport(new URL("https://mcp.example.com/mcp"), { fetch })
 *   return yield* Effect.promise(() => fetch("https://mcp.example.com/reports"))
 * })
 * ```
 */
export const make: Effect.Effect<typeof globalThis.fetch, never, OAuthProvider> = Effect.gen(function*() {
  const provider = yield* OAuthProvider
  const given = yield* Effect.serviceOption(FetchHttpClient.Fetch)
  const runtime = yield* Effect.runtime<never>()
  // The global one is looked up at each call, since tests and instrumentations replace it.
  const fetch = Option.getOrElse(given, (): typeof globalThis.fetch => (input, init) => globalThis.fetch(input, init))
  return authenticate(fetch, provider, runtime)
})
