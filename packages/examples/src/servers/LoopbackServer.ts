/**
 * A `node:http` server on 127.0.0.1 that lives as long as a `Scope`. Both servers of the demo are built on it.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createServer } from "node:http"
import type { IncomingMessage, RequestListener, Server } from "node:http"

export interface Options {
  /** The name of the server in error messages. */
  readonly name: string
  /** Default: 0, any free port. */
  readonly port?: number | undefined
  /** How long every request waits before `listener` receives it, in milliseconds. Default: 0. */
  readonly latency?: number | undefined
  /** Runs before that wait. A request whose connection is closed afterwards is not answered. */
  readonly onRequest?: ((request: IncomingMessage) => Promise<void>) | undefined
  /** Builds the handler of requests. Called once, when the port is known, before the first request can arrive. */
  readonly listener: (origin: string) => RequestListener
}

export interface LoopbackServer {
  readonly origin: string
  /** How many requests have arrived so far at `METHOD /path`. */
  readonly requests: (endpoint: string) => number
}

/** The server could not listen on its port. */
export class ListenError extends Data.TaggedError("ListenError")<{
  readonly name: string
  readonly port: number
  readonly cause: NodeJS.ErrnoException
}> {
  override get message(): string {
    const why = this.cause.code === "EADDRINUSE" ? "another program listens there" : this.cause.message
    return `${this.name} cannot listen on 127.0.0.1:${this.port}: ${why}`
  }
}

export const make = (options: Options): Effect.Effect<LoopbackServer, ListenError, Scope.Scope> =>
  Effect.map(Effect.acquireRelease(listen(options), ({ server }) => close(server)), ({ origin, counts }) => ({
    origin,
    requests: (endpoint) => counts.get(endpoint) ?? 0
  }))

interface Listening {
  readonly server: Server
  readonly origin: string
  readonly counts: ReadonlyMap<string, number>
}

const listen = ({ latency = 0, listener, name, onRequest, port = 0 }: Options): Effect.Effect<Listening, ListenError> =>
  Effect.async((resume) => {
    const server = createServer()
    // Only the client closes idle connections: if the server did so while the next request is sent, that request fails.
    server.keepAliveTimeout = 0
    const failed = (cause: NodeJS.ErrnoException) => resume(new ListenError({ name, port, cause }))
    server.once("error", failed)
    // A fleet connects all at once. A client that finds the queue full retries after 1 s, 3 s and 7 s.
    server.listen({ port, host: "127.0.0.1", backlog: 4096 }, () => {
      server.off("error", failed)
      const address = server.address()
      const origin = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : port}`
      const counts = new Map<string, number>()
      const answer = listener(origin)
      server.on("request", (request, response) => {
        const endpoint = endpointOf(request)
        counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1)
        const respond = () => {
          if (!request.socket.destroyed) answer(request, response)
        }
        const wait = () => latency > 0 ? void setTimeout(respond, latency) : respond()
        if (onRequest === undefined) wait()
        else void onRequest(request).then(wait)
      })
      resume(Effect.succeed({ server, origin, counts }))
    })
  })

const endpointOf = (request: IncomingMessage): string =>
  `${request.method ?? "GET"} ${(request.url ?? "/").replace(/[?#].*$/, "")}`

/** Closes open connections too: the program ends. */
const close = (server: Server): Effect.Effect<void> =>
  Effect.async((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })
