/**
 * The clients of a `TestNetwork`: what `fetch` and `FetchHttpClient` do on a real network.
 *
 * @internal
 */
import * as SecureEndpoint from "@effect-mcp-auth/core/authoring/SecureEndpoint"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { RequestError } from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Match from "effect/Match"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"
import { ConnectionDropped } from "../../Answer.ts"
import type { IncomingRequest } from "../../NetworkRequest.ts"

/** @internal */
export interface Outgoing extends IncomingRequest {
  readonly signal: AbortSignal
}

type Send = (outgoing: Outgoing) => Effect.Effect<Response, ConnectionDropped>

/** @internal */
export const makeHttpClient = (send: Send): HttpClient.HttpClient =>
  HttpClient.make((request, url, signal, fiber) => {
    const init = Option.getOrUndefined(Context.getOption(fiber.currentContext, FetchHttpClient.RequestInit))
    return bodyOf(request).pipe(
      Effect.flatMap((body) =>
        Effect.try(() => {
          const headers = new Headers(init?.headers)
          // A field that cannot be sent (a line break in a token) throws here, as it does in fetch.
          for (const [name, value] of Object.entries(request.headers)) {
            headers.set(name, value)
          }
          if (body.contentType !== undefined && !headers.has("content-type")) {
            headers.set("content-type", body.contentType)
          }
          return outgoing(request.method, url, headers, body.text, signal)
        })
      ),
      Effect.flatMap((outgoing) => follow(send, outgoing, init?.redirect ?? "follow")),
      Effect.mapBoth({
        onFailure: (cause) => new RequestError({ request, reason: "Transport", cause }),
        onSuccess: ({ response }) => HttpClientResponse.fromWeb(request, response)
      })
    )
  })

/** @internal */
export const makeFetch = (send: Send, runtime: Runtime.Runtime<never>): typeof globalThis.fetch => {
  const run = Runtime.runPromiseExit(runtime)
  return async (input, init) => {
    const request = new Request(input, init)
    const body = request.body === null ? "" : await request.text()
    const signal = request.signal
    signal.throwIfAborted()
    const exit = await run(
      follow(send, outgoing(request.method, new URL(request.url), request.headers, body, signal), request.redirect),
      { signal }
    )
    if (Exit.isSuccess(exit)) {
      const { redirected, response, url } = exit.value
      // The constructor of a Response cannot set these two.
      return Object.defineProperties(response, { url: { value: url }, redirected: { value: redirected } })
    }
    signal.throwIfAborted()
    throw new TypeError("fetch failed", { cause: Cause.squash(exit.cause) })
  }
}

/**
 * The same response with a body that is pulled as it is read, counts what was read, and breaks when the request is
 * aborted.
 *
 * @internal
 */
export const metered = (response: Response, signal: AbortSignal, onBytes: (bytes: number) => void): Response => {
  if (response.body === null) {
    return response
  }
  const reader = response.body.getReader()
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      signal.addEventListener("abort", () => {
        controller.error(signal.reason)
        // The call rejects if the source has already failed. The reader has received that error.
        reader.cancel(signal.reason).catch(() => undefined)
      }, { once: true })
    },
    async pull(controller) {
      const { done, value } = await reader.read()
      if (signal.aborted) {
        return
      }
      if (done) {
        return controller.close()
      }
      onBytes(value.byteLength)
      controller.enqueue(value)
    },
    cancel: (reason) => reader.cancel(reason)
  }, { highWaterMark: 0 })
  return new Response(body, response)
}

const outgoing = (method: string, url: URL, headers: Headers, body: string, signal: AbortSignal): Outgoing => {
  const target = new URL(url)
  target.hash = ""
  return { method, url: target.href, headers: Object.fromEntries(headers), body, signal }
}

interface Body {
  readonly text: string
  readonly contentType?: string | undefined
}

const bodyOf = ({ body }: HttpClientRequest): Effect.Effect<Body, unknown> =>
  Match.valueTags(body, {
    Empty: () => Effect.succeed({ text: "" }),
    Uint8Array: ({ body }) => Effect.succeed({ text: new TextDecoder().decode(body) }),
    Raw: ({ body }) => typeof body === "string" ? Effect.succeed({ text: body }) : encoded(body),
    FormData: ({ formData }) => encoded(formData),
    Stream: ({ stream }) => Effect.map(Stream.mkString(Stream.decodeText(stream)), (text) => ({ text }))
  })

const encoded = (content: unknown): Effect.Effect<Body, unknown> =>
  Effect.tryPromise(async () => {
    if (!isBodyInit(content)) {
      throw new TypeError("not a body that fetch could send")
    }
    const response = new Response(content)
    return { text: await response.text(), contentType: response.headers.get("content-type") ?? undefined }
  })

const isBodyInit = (content: unknown): content is BodyInit =>
  ArrayBuffer.isView(content)
  || [ArrayBuffer, Blob, FormData, ReadableStream, URLSearchParams].some((type) => content instanceof type)

const maxRedirects = 20

interface Arrived {
  readonly response: Response
  readonly url: string
  readonly redirected: boolean
}

const follow = (
  send: Send,
  outgoing: Outgoing,
  mode: RequestRedirect,
  hops = 0
): Effect.Effect<Arrived, ConnectionDropped> =>
  Effect.flatMap(send(outgoing), (response) => {
    const location = response.headers.get("location")
    if (mode === "manual" || location === null || ![301, 302, 303, 307, 308].includes(response.status)) {
      return Effect.succeed({ response, url: outgoing.url, redirected: hops > 0 })
    }
    if (mode === "error") {
      return Effect.fail(new ConnectionDropped({ message: "unexpected redirect" }))
    }
    const target = SecureEndpoint.parse(location, outgoing.url)
    if (hops === maxRedirects || target === undefined) {
      return Effect.fail(new ConnectionDropped({ message: "redirect count exceeded, or a location that is no URL" }))
    }
    return follow(send, redirected(outgoing, response.status, target), mode, hops + 1)
  })

/** The Fetch standard, "HTTP-redirect fetch": what the next request of a redirect keeps of the one before. */
const redirected = (from: Outgoing, status: number, to: URL): Outgoing => {
  const headers = new Headers(from.headers)
  const asGet = (status === 303 && from.method !== "GET" && from.method !== "HEAD")
    || ((status === 301 || status === 302) && from.method === "POST")
  if (asGet) {
    for (const name of ["content-type", "content-length", "content-encoding", "content-language", "content-location"]) {
      headers.delete(name)
    }
  }
  if (to.origin !== new URL(from.url).origin) {
    for (const name of ["authorization", "proxy-authorization", "cookie", "host"]) {
      headers.delete(name)
    }
  }
  return outgoing(asGet ? "GET" : from.method, to, headers, asGet ? "" : from.body, from.signal)
}
