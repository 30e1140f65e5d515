/**
 * Takes requests from a socket to a `TestNetwork` and its answers back.
 *
 * @internal
 */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ConnectionDropped } from "../../Answer.ts"
import type { IncomingRequest } from "../../NetworkRequest.ts"

/**
 * Serves the network at the server's address until the scope closes. Requests that are in flight then are dropped: the
 * HTTP server waits for its connections when it closes, and a request without an answer would keep it waiting.
 *
 * @internal
 */
export const expose = (
  server: HttpServer.HttpServer,
  handle: (request: IncomingRequest) => Effect.Effect<Response, ConnectionDropped>
): Effect.Effect<string, never, Scope.Scope> =>
  Effect.gen(function*() {
    const origin = originOf(server.address)
    const closed = yield* Deferred.make<void>()
    const open = new Set<unknown>()
    yield* server.serve(
      Effect.gen(function*() {
        const request = yield* HttpServerRequest.HttpServerRequest
        const { source } = request
        open.add(source)
        yield* Effect.addFinalizer(() => Effect.sync(() => open.delete(source)))
        const response = yield* Effect.either(Effect.flatMap(read(request, origin), handle))
        return Either.isRight(response)
          ? whileOpen(HttpServerResponse.fromWeb(response.right), closed)
          : yield* reset(source)
        // The platform serves requests uninterruptibly; a client that gives up has to end the wait for an answer.
      }).pipe(Effect.interruptible)
    )
    yield* Effect.addFinalizer(() =>
      Effect.zipRight(Deferred.succeed(closed, undefined), Effect.sync(() => open.forEach(destroySocket)))
    )
    return origin
  })

const originOf = (address: HttpServer.Address): string => {
  const formatted = HttpServer.formatAddress(address)
  const [, host = "", port] = /^http:\/\/\[?(.*?)\]?:(\d+)$/.exec(formatted) ?? []
  // A Unix socket has a path and no port.
  if (port === undefined) return formatted
  // A server that listens on all interfaces is reachable on the loopback interface.
  const reachable = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host
  return `http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`
}

const read = (request: HttpServerRequest.HttpServerRequest, origin: string) =>
  Effect.map(request.text, (body): IncomingRequest => ({
    method: request.method,
    url: new URL(request.url, origin).href,
    headers: request.headers,
    body
  }))

/** A stream that goes on, such as server-sent events, ends when the server closes. */
const whileOpen = (response: HttpServerResponse.HttpServerResponse, closed: Deferred.Deferred<void>) =>
  response.body._tag === "Stream"
    ? HttpServerResponse.setBody(
      response,
      HttpBody.stream(Stream.interruptWhen(response.body.stream, Deferred.await(closed)), response.body.contentType)
    )
    : response

const broken = HttpServerResponse.stream(Stream.fail("the connection was dropped by the test"))

/** Where a socket is closed, the platform interrupts the fiber that serves the request. */
const reset = (source: unknown): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.suspend(() => destroySocket(source) ? Effect.never : Effect.succeed(broken))

/** On Node the source of a request is an `IncomingMessage`, which has its socket. `false` elsewhere. */
const destroySocket = (source: unknown): boolean => {
  const socket = Predicate.hasProperty(source, "socket") ? source.socket : undefined
  if (!Predicate.hasProperty(socket, "resetAndDestroy") || !Predicate.isFunction(socket.resetAndDestroy)) return false
  socket.resetAndDestroy()
  return true
}
