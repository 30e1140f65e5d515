/**
 * A `node:http` server on 127.0.0.1 that lives as long as a `Scope`: what both servers of the demo stand on.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createServer } from "node:http"
import type { IncomingMessage, RequestListener, Server } from "node:http"

export interface Options {
  /** What the server is called when it fails to start. */
  readonly name: string
  /** Default: 0, any free port. */
  readonly port?: number | undefined
  /** Milliseconds that every request waits before it is looked at. Default: 0. */
  readonly latency?: number | undefined
  /** What is waited for before that. A request whose connection is closed by then is not answered. */
  readonly onRequest?: ((request: IncomingMessage) => Promise<void>) | undefined
  /** Builds what answers requests. It is called once the port is known and before the first request can arrive. */
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
    // Idle connections are the client's to close: if the server does as the next request is sent, that one fails.
    server.keepAliveTimeout = 0
    const refused = (cause: NodeJS.ErrnoException) => resume(new ListenError({ name, port, cause }))
    server.once("error", refused)
    // A fleet connects in one moment: who finds the queue full comes again after 1, 3 and 7 seconds.
    server.listen({ port, host: "127.0.0.1", backlog: 4096 }, () => {
      server.off("error", refused)
      const address = server.address()
      const origin = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : port}`
      const counts = new Map<string, number>()
      const answer = listener(origin)
      server.on("request", (request, response) => {
        const endpoint = endpointOf(request)
        counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1)
        const look = () => {
          if (!request.socket.destroyed) answer(request, response)
        }
        const wait = () => latency > 0 ? void setTimeout(look, latency) : look()
        if (onRequest === undefined) wait()
        else void onRequest(request).then(wait)
      })
      resume(Effect.succeed({ server, origin, counts }))
    })
  })

const endpointOf = (request: IncomingMessage): string =>
  `${request.method ?? "GET"} ${(request.url ?? "/").replace(/[?#].*$/, "")}`

/** Does not wait for clients that keep a connection open: the program is over. */
const close = (server: Server): Effect.Effect<void> =>
  Effect.async((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })
