/**
 * Scripted answers of a host: plain values to pass to `TestNetwork.script` or `TestNetwork.always`.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

/**
 * A scripted answer. Build one with the constructors of this module.
 *
 * @since 0.1.0
 * @category models
 */
export type Answer = Data.TaggedEnum<{
  readonly Respond: { readonly status: number; readonly headers: AnswerHeaders; readonly body: string }
  readonly Proceed: {}
  readonly Dropped: { readonly description: string }
  readonly Never: {}
  readonly Delayed: { readonly duration: Duration.Duration; readonly answer: Answer }
  readonly After: { readonly effect: Effect.Effect<unknown>; readonly answer: Answer }
  readonly Truncated: {}
  readonly Oversized: { readonly bytes: number }
  readonly Modified: { readonly f: (json: JsonObject) => unknown }
}>

/**
 * Header fields of an answer. A list becomes several field lines of the same name, which is how a server sends
 * several `WWW-Authenticate` challenges (RFC 9110 §11.6.1).
 *
 * @since 0.1.0
 * @category models
 */
export type AnswerHeaders = Readonly<Record<string, string | ReadonlyArray<string>>>

/**
 * The JSON object in the body of an answer.
 *
 * @since 0.1.0
 * @category models
 */
export type JsonObject = Readonly<Record<string, unknown>>

/**
 * The connection broke before an answer arrived: a reset, a refused connection or an unknown host name. The
 * `HttpClient` of a `TestNetwork` reports it as a `RequestError` with reason `"Transport"`.
 *
 * @since 0.1.0
 * @category errors
 */
export class ConnectionDropped extends Data.TaggedError("ConnectionDropped")<{ readonly message: string }> {}

const { Respond, Proceed, Dropped, Never, Delayed, After, Truncated, Oversized, Modified, $match } = Data.taggedEnum<
  Answer
>()

/**
 * An answer with this status, and an empty body unless one is given.
 *
 * @since 0.1.0
 * @category constructors
 */
export const status = (
  code: number,
  options?: { readonly headers?: AnswerHeaders | undefined; readonly body?: string | undefined }
): Answer => Respond({ status: code, headers: options?.headers ?? {}, body: options?.body ?? "" })

/**
 * A text answer. `200` and `text/plain` by default.
 *
 * @since 0.1.0
 * @category constructors
 */
export const text = (
  body: string,
  options?: {
    readonly status?: number | undefined
    readonly headers?: AnswerHeaders | undefined
    readonly contentType?: string | undefined
  }
): Answer =>
  status(options?.status ?? 200, {
    body,
    headers: { "content-type": options?.contentType ?? "text/plain; charset=utf-8", ...options?.headers }
  })

/**
 * A JSON answer. `200` by default.
 *
 * @since 0.1.0
 * @category constructors
 */
export const json = (
  value: unknown,
  options?: { readonly status?: number | undefined; readonly headers?: AnswerHeaders | undefined }
): Answer => text(JSON.stringify(value), { ...options, contentType: "application/json" })

/**
 * An HTML page where something else was expected: the login page of a proxy, an error page of a gateway.
 *
 * @since 0.1.0
 * @category constructors
 */
export const html = (
  body: string = "<!doctype html><title>Sign in</title><h1>Sign in</h1>",
  options?: { readonly status?: number | undefined; readonly headers?: AnswerHeaders | undefined }
): Answer => text(body, { ...options, contentType: "text/html; charset=utf-8" })

/**
 * A redirect. `302` by default. With `307` and `308` a client that follows sends the body again, secrets included (RFC
 * 9110 §15.4.8).
 *
 * @since 0.1.0
 * @category constructors
 */
export const redirect = (location: string, code: 301 | 302 | 303 | 307 | 308 = 302): Answer =>
  status(code, { headers: { location } })

/**
 * The host's normal behaviour, as if nothing were scripted.
 *
 * @since 0.1.0
 * @category constructors
 */
export const proceed: Answer = Proceed()

/**
 * The connection is reset: no answer arrives and the client sees a transport error. The host never acts on the
 * request.
 *
 * @since 0.1.0
 * @category constructors
 */
export const dropped: Answer = Dropped({ description: "connection reset by the test" })

/**
 * No answer ever arrives, and the connection stays open until the client gives up.
 *
 * @since 0.1.0
 * @category constructors
 */
export const never: Answer = Never()

/**
 * A slow network: the host acts at once and its answer arrives after `duration`, by the `Clock`. For a host that acts
 * late, see {@link after}.
 *
 * @since 0.1.0
 * @category combinators
 */
export const delayed = (duration: Duration.DurationInput, answer: Answer): Answer =>
  Delayed({ duration: Duration.decode(duration), answer })

/**
 * A host that waits: the host does nothing until `effect` has ended, and then answers. With a `Deferred` or a latch the
 * test decides the order of two requests.
 *
 * @since 0.1.0
 * @category combinators
 */
export const after = (effect: Effect.Effect<unknown>, answer: Answer): Answer => After({ effect, answer })

/**
 * The normal answer, cut in the middle of its body: the first half of a JSON document.
 *
 * @since 0.1.0
 * @category constructors
 */
export const truncated: Answer = Truncated()

/**
 * The normal answer followed by white space until its body holds `bytes` bytes. The body stays valid JSON, so a client
 * without a limit accepts it. The body is produced while it is read: `bytesRead` in the record of the request is how
 * much of it the client has read.
 *
 * @since 0.1.0
 * @category constructors
 */
export const oversized = (bytes: number): Answer => Oversized({ bytes })

/**
 * The normal JSON answer with changes. The normal answer must be a JSON object.
 *
 * @example
 * ```ts
 * import { Answer } from "@effect-mcp-auth/testing"
 *
 * const elsewhere = Answer.modified((metadata) => ({ ...metadata, issuer: "https://elsewhere.example" }))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const modified = (f: (json: JsonObject) => unknown): Answer => Modified({ f })

/**
 * Runs an answer, given the host's normal answer. `TestNetwork` calls it, and so can a fake of your own.
 *
 * @since 0.1.0
 * @category running
 */
export const respond = (
  answer: Answer,
  normal: Effect.Effect<Response, ConnectionDropped>
): Effect.Effect<Response, ConnectionDropped> =>
  $match(answer, {
    Respond: ({ body, headers, status }) => Effect.sync(() => toResponse(status, headers, body)),
    Proceed: () => normal,
    Dropped: ({ description }) => Effect.fail(new ConnectionDropped({ message: description })),
    Never: () => Effect.never,
    Delayed: ({ answer, duration }) =>
      Effect.exit(respond(answer, normal)).pipe(Effect.zipLeft(Effect.sleep(duration)), Effect.flatten),
    After: ({ answer, effect }) => Effect.zipRight(effect, respond(answer, normal)),
    Truncated: () => withBody(normal, (body) => body.slice(0, Math.floor(body.length / 2))),
    Oversized: ({ bytes }) => withBody(normal, (body) => padded(body, bytes)),
    Modified: ({ f }) => withBody(normal, (body) => JSON.stringify(f(decodeObject(body))))
  })

const JsonObjectFromString = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown }))

const decodeObject = (body: string): JsonObject =>
  Either.getOrThrowWith(
    Schema.decodeUnknownEither(JsonObjectFromString)(body),
    () => new Error(`Answer.modified: the normal answer is not a JSON object: ${body.slice(0, 100)}`)
  )

const toResponse = (status: number, headers: AnswerHeaders, body: string): Response => {
  const fields = new Headers()
  for (const [name, value] of Object.entries(headers)) {
    for (const line of typeof value === "string" ? [value] : value) {
      fields.append(name, line)
    }
  }
  // The constructor refuses a body, even an empty one, for a status that has none.
  return new Response(body === "" ? null : body, { status, headers: fields })
}

const withBody = (
  normal: Effect.Effect<Response, ConnectionDropped>,
  f: (body: string) => string | ReadableStream<Uint8Array>
): Effect.Effect<Response, ConnectionDropped> =>
  Effect.flatMap(normal, (response) =>
    Effect.map(Effect.promise(() => response.text()), (body) => {
      const headers = new Headers(response.headers)
      headers.delete("content-length")
      return new Response(f(body), { status: response.status, headers })
    }))

const chunkBytes = 16_384

const padded = (body: string, bytes: number): ReadableStream<Uint8Array> => {
  let next = new TextEncoder().encode(body)
  let left = bytes
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (left <= 0) {
        return controller.close()
      }
      controller.enqueue(next)
      left -= next.byteLength
      next = new Uint8Array(Math.max(0, Math.min(chunkBytes, left))).fill(0x20)
    }
  }, { highWaterMark: 0 })
}
