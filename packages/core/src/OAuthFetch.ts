/**
 * A `fetch` whose requests to the MCP server carry a valid token, for the transports of the official MCP SDK and for
 * any other code that takes a `fetch`.
 *
 * @since 0.1.0
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as AccessToken from "./AccessToken.ts"
import { ClientLog } from "./internal/http/clientLog.ts"
import * as FetchInput from "./internal/http/fetchInput.ts"
import * as Resend from "./internal/http/resend.ts"
import { makeIsSameOrigin } from "./internal/http/sameOrigin.ts"
import type { OAuthError } from "./OAuthError.ts"
import { OAuthProvider } from "./OAuthProvider.ts"

/**
 * An authenticated `fetch` on top of the given one. While the token in memory is fresh, a call adds one header and uses
 * no fiber.
 *
 * Requests to other origins, and requests with an `Authorization` header of their own, pass unchanged. The log has a
 * line at Debug about each such origin. After a 401, or a 403 with `invalid_token`, the request is sent once more with
 * a renewed token; after a 403 with `insufficient_scope`, once more with a token of more scope. A request is sent again
 * only if its body can be: a stream, and the body of a `Request` object, cannot. The response that follows goes to the
 * caller. URL, headers, init and body are read when the call is made.
 *
 * Requests that carry the token have the fields of the runtime's `FetchHttpClient.RequestInit`, such as the `dispatcher`
 * of a proxy or of a client certificate, unless the call has a field or a header of the same name. A `Request` object
 * has its own standard fields, so it gets only the others.
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
  const log = new ClientLog(provider.resource)
  const complete = completer(Option.getOrUndefined(Context.getOption(runtime.context, FetchHttpClient.RequestInit)))
  const wait = waiter(runtime)
  const report = reporter(runtime)

  const attempt = (
    { headers, init, target }: Call,
    token: AccessToken.AccessToken,
    tried: Resend.Tried
  ): Promise<Response> => {
    const sent = { ...init, headers: withAuthorization(headers, AccessToken.authorization(token)) }
    return fetch(target, sent).then((response) => {
      if (response.redirected && !isResource(response.url)) report(log.redirected(response.url))
      return response.status === 401 || response.status === 403
        ? recover(response, { target, init: sent, headers: sent.headers }, token, tried)
        : response
    })
  }

  const recover = async (
    response: Response,
    call: Call,
    token: AccessToken.AccessToken,
    tried: Resend.Tried
  ): Promise<Response> => {
    // After a redirect the response, and its challenge, may come from another origin.
    if (response.url !== "" && !isResource(response.url)) return response
    const renewal = Resend.afterResponse(response.status, response.headers.get("www-authenticate"), tried)
    if (renewal === undefined) return response
    if (renewal._tag === "RejectedAgain") {
      provider.unsafeRejected?.(token)
      report(log.rejectedAgain(token, renewal.challenge))
      return response
    }
    const signal = signalOf(call)
    let renewed: AccessToken.AccessToken
    try {
      renewed = await wait(provider.renew(token, renewal.challenge), signal)
    } catch (error) {
      if (!Resend.failsCall(renewal) && !signal?.aborted) return response
      discard(response)
      throw error
    }
    if (Resend.isRejectedAgain(renewal, token, renewed)) report(log.rejectedAgain(token, renewal.challenge))
    const causes = Resend.afterRenewal(renewal, token, renewed, bodyOf(call))
    if (causes === undefined) return response
    discard(response)
    return attempt(call, renewed, causes)
  }

  return (input, init) => {
    const { fields, target, url } = FetchInput.read(input)
    if (!isResource(url)) {
      report(log.otherOrigin(url))
      return fetch(input, init)
    }
    // `fetch` rejects invalid headers; it does not throw.
    try {
      const own = { ...readInit(fields), ...readInit(init) }
      const headers = headersOf(input, own)
      if (headers !== undefined && hasAuthorization(headers)) {
        report(log.ownAuthorization())
        return fetch(input, headers === own.headers ? init : { ...own, headers })
      }
      const call = complete(target, own, headers)
      const token = provider.unsafeFresh()
      if (token !== undefined) return attempt(call, token, Resend.nothingTried)
      const copy = { ...call, headers: copyOfHeaders(call.headers) }
      return wait(provider.accessToken, signalOf(copy)).then((token) => attempt(copy, token, Resend.nothingTried))
    } catch (error) {
      return Promise.reject(error)
    }
  }
}

/** Waits for a token until the signal aborts. The acquisition continues for other callers. */
const waiter = (runtime: Runtime.Runtime<never>) => {
  const runExit = Runtime.runPromiseExit(runtime)
  return async (
    token: Effect.Effect<AccessToken.AccessToken, OAuthError>,
    signal: AbortSignal | null | undefined
  ): Promise<AccessToken.AccessToken> => {
    signal?.throwIfAborted()
    const exit = await runExit(token, signal ? { signal } : undefined)
    signal?.throwIfAborted()
    if (Exit.isSuccess(exit)) return exit.value
    throw Option.getOrElse(Cause.failureOption(exit.cause), () => Cause.squash(exit.cause))
  }
}

/** Logs a line, if there is one. */
const reporter = (runtime: Runtime.Runtime<never>) => {
  const runFork = Runtime.runFork(runtime)
  return (line: Effect.Effect<void> | undefined): void => {
    if (line !== undefined) runFork(line)
  }
}

/**
 * The arguments for `fetch`. The caller may change its objects after the call, and `fetch` reads its arguments when it
 * is called. So each argument is read once, and a call that waits, or that is sent again, has copies of the caller's
 * objects.
 */
interface Call {
  readonly target: string | Request
  readonly init: RequestInit
  readonly headers: HeadersInit | undefined
}

const copyOfHeaders = (headers: HeadersInit | undefined): HeadersInit | undefined =>
  headers === undefined ? undefined : isRecord(headers) ? { ...headers } : new Headers(headers)

/** The fields of a `RequestInit` that belong to one call. */
const ofOneCall = ["body", "duplex", "headers", "method", "signal"]

/** The fields that a `Request` object has, also where its maker did not set them. */
const ofRequest = ofOneCall.concat(
  "cache",
  "credentials",
  "integrity",
  "keepalive",
  "mode",
  "priority",
  "redirect",
  "referrer",
  "referrerPolicy"
)

/** The fields of an init that is an object of a class: those of a `Request`, and the one that undici adds. */
const ofClass = ofRequest.concat("dispatcher")

/** Completes the calls of a caller with the fields that all of them share. */
const completer = (shared: RequestInit | undefined) => {
  const without = (names: ReadonlyArray<string>): RequestInit =>
    Object.fromEntries(Object.entries(shared ?? {}).filter(([name]) => !names.includes(name)))
  const forUrl = without(ofOneCall)
  const forRequest = without(ofRequest)
  const sharedHeaders = shared?.headers && ownSharedHeaders(shared.headers)
  return (target: string | Request, init: RequestInit, headers: HeadersInit | undefined): Call => {
    const { body } = init
    return {
      target,
      init: {
        ...typeof target === "string" ? forUrl : forRequest,
        ...init,
        ...body === undefined ? {} : { body: Resend.copyOfBody(body) }
      },
      headers: sharedHeaders === undefined ? headers : mergedHeaders(sharedHeaders, headers)
    }
  }
}

/** A copy of headers that nobody has checked yet. */
const ownSharedHeaders = (headers: HeadersInit): HeadersInit =>
  isRecord(headers) ? { ...headers } : Array.from(headers, ([name, value]): [string, string] => [name, value])

const mergedHeaders = (shared: HeadersInit, own: HeadersInit | undefined): Headers => {
  const merged = new Headers(shared)
  new Headers(own).forEach((value, name) => merged.set(name, value))
  return merged
}

const signalOf = ({ init, target }: Call): AbortSignal | null | undefined =>
  init.signal === undefined && FetchInput.isRequest(target) ? target.signal : init.signal

/** The headers of the call. An iterator can be read once only, so that its headers are copied. */
const headersOf = (input: RequestInfo | URL, init: RequestInit): HeadersInit | undefined => {
  const headers = init.headers ?? (FetchInput.isRequest(input) ? input.headers : undefined)
  return headers === undefined || headers instanceof Headers || isRecord(headers) ? headers : new Headers(headers)
}

/** The fields of the init, each read once. An object of a class, such as a `Request`, has its fields in its prototype. */
const readInit = (init: RequestInit | undefined): RequestInit | undefined => {
  if (init === undefined || init === null) return undefined
  const prototype: unknown = Object.getPrototypeOf(init)
  if (prototype === Object.prototype || prototype === null) return { ...init }
  const inherited = ofClass.flatMap((name) => {
    const value: unknown = Reflect.get(init, name)
    return value === undefined ? [] : [[name, value]]
  })
  return { ...init, ...Object.fromEntries(inherited) }
}

const isAuthorization = (name: string): boolean => name.toLowerCase() === "authorization"

/** Most callers pass a record. */
const isRecord = (headers: HeadersInit): headers is Record<string, string> => !(Symbol.iterator in headers)

const hasAuthorization = (headers: HeadersInit): boolean =>
  isRecord(headers) ? Object.keys(headers).some(isAuthorization) : new Headers(headers).has("authorization")

const withAuthorization = (headers: HeadersInit | undefined, authorization: string): HeadersInit => {
  if (headers === undefined) return { authorization }
  if (isRecord(headers)) return { ...headers, authorization }
  const copy = new Headers(headers)
  copy.set("authorization", authorization)
  return copy
}

/** The body that is sent. The body of a `Request` is always a stream. */
const bodyOf = ({ init, target }: Call): unknown =>
  init.body ?? (FetchInput.isRequest(target) ? target.body : undefined)

/** Frees the connection. An error of a body that nobody reads is ignored. */
const discard = (response: Response): void => void response.body?.cancel().catch(() => undefined)

/**
 * An authenticated `fetch` on top of the `FetchHttpClient.Fetch` of the context, or of the global `fetch` if the
 * context has none, with the `FetchHttpClient.RequestInit` of the context. Keep the provider's scope open for as long as
 * the `fetch` is used.
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
