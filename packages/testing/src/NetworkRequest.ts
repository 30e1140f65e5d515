/**
 * A request on a `TestNetwork`: as it arrives at a host, and as the network records it.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"

/**
 * What a request was for. The host that serves the request decides. For a request that no host serves, a well-known
 * name in the path decides (a client that looks for metadata in the wrong place is looking for metadata). Any other
 * request is `"other"`.
 *
 * @since 0.1.0
 * @category models
 */
export type Endpoint =
  | "protected-resource-metadata"
  | "authorization-server-metadata"
  | "token"
  | "resource"
  | "other"

/**
 * A request as it is sent, over the network's own clients or over a socket.
 *
 * @since 0.1.0
 * @category models
 */
export interface IncomingRequest {
  readonly method: string
  /** The whole URL with its query, without a fragment. */
  readonly url: string
  /** Header fields by lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  /** The body as text. Empty if the request has no body. */
  readonly body: string
}

/**
 * A request as it arrives at a host.
 *
 * @since 0.1.0
 * @category models
 */
export interface NetworkRequest extends IncomingRequest {
  /** When the request was sent, in epoch milliseconds of the `Clock`. */
  readonly at: number
}

/**
 * How a request ended. `at` is in epoch milliseconds of the `Clock`.
 *
 * - `Pending`: the client has no answer yet
 * - `Answered`: the client has the status and the headers
 * - `Dropped`: the connection broke
 * - `Interrupted`: the client gave up first, by a time limit or an interruption
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome =
  | { readonly _tag: "Pending" }
  | { readonly _tag: "Answered"; readonly at: number; readonly status: number }
  | { readonly _tag: "Dropped"; readonly at: number }
  | { readonly _tag: "Interrupted"; readonly at: number }

/**
 * A request as the network records it.
 *
 * @since 0.1.0
 * @category models
 */
export interface RecordedRequest extends NetworkRequest {
  readonly endpoint: Endpoint
  readonly outcome: Outcome
  /** How many requests were in flight when this one was sent, itself included. */
  readonly inFlight: number
  /** How many bytes of the answer's body the client has read so far. Over a socket: how many were written to it. */
  readonly bytesRead: number
}

/**
 * Selects requests: all requests to an endpoint, or those that a predicate accepts.
 *
 * @since 0.1.0
 * @category models
 */
export type Target = Endpoint | ((request: RecordedRequest) => boolean)

/**
 * What a host does with one request.
 *
 * @since 0.1.0
 * @category models
 */
export interface Route {
  readonly endpoint: Endpoint
  readonly respond: Effect.Effect<Response>
}

/**
 * A host: has a route for a request, or `undefined` for a request that the host does not serve.
 *
 * @since 0.1.0
 * @category models
 */
export type Host = (request: NetworkRequest) => Route | undefined
