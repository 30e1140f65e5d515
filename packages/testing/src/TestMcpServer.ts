/**
 * A protected MCP server in memory: RFC 9728 metadata, RFC 6750 challenges, and a small MCP behind them.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { JsonObject } from "./Answer.ts"
import * as Mcp from "./internal/mcp.ts"
import { canonical, jsonResponse, withWellKnown } from "./internal/web.ts"
import type { IssuedToken } from "./IssuedToken.ts"
import type { NetworkRequest } from "./NetworkRequest.ts"
import type { TestAuthorizationServer } from "./TestAuthorizationServer.ts"
import { bearerChallenge } from "./ServerChallenge.ts"
import type { ChallengeDetails } from "./ServerChallenge.ts"
import { TestNetwork } from "./TestNetwork.ts"

export { bearerChallenge } from "./ServerChallenge.ts"
export type { ChallengeDetails } from "./ServerChallenge.ts"

/**
 * A tool call that the server accepted.
 *
 * @since 0.1.0
 * @category models
 */
export interface ToolCall {
  /** Epoch milliseconds. */
  readonly at: number
  readonly tool: string
  readonly arguments: JsonObject
  /** The token of the request. */
  readonly token: IssuedToken
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The MCP endpoint, as in `https://mcp.example.com/mcp`. Everything below its path is protected too. */
  readonly url: string
  /** The authorization servers whose tokens are accepted. The metadata names them in this order. */
  readonly authorizationServers: ReadonlyArray<TestAuthorizationServer>
  /**
   * The resource identifier: in the metadata, and the audience that a token must have (RFC 9728 §2, RFC 8707).
   *
   * @default the canonical form of `url`
   */
  readonly resource?: string | undefined
  /**
   * `scopes_supported` of the metadata. An empty list is left out of the metadata.
   *
   * @default `requiredScopes`
   */
  readonly scopesSupported?: ReadonlyArray<string> | undefined
  /**
   * The scopes that every request needs.
   *
   * @default []
   */
  readonly requiredScopes?: ReadonlyArray<string> | undefined
  /**
   * The scopes that a call of a tool needs in addition, by the name of the tool.
   *
   * @default { admin: ["admin"] }
   */
  readonly toolScopes?: Readonly<Record<string, ReadonlyArray<string>>> | undefined
  /**
   * Where the metadata is served: at the well-known address with the server's path, at the one without the path, at a
   * URL of your own, or nowhere (RFC 9728 §3.1). A challenge names this address.
   *
   * @default "path"
   */
  readonly serveMetadataAt?: "path" | "root" | "nowhere" | URL | undefined
  /**
   * Members that are added to the metadata. A member of the same name replaces the standard one; `undefined` removes
   * it.
   *
   * @default {}
   */
  readonly metadata?: JsonObject | undefined
  /**
   * The `WWW-Authenticate` field lines of a `401` or `403`. An empty list sends none.
   *
   * @default bearerChallenge
   */
  readonly challenge?: ((details: ChallengeDetails) => ReadonlyArray<string>) | undefined
  /**
   * Whether a GET opens an SSE stream. If not, a GET is answered with `405`.
   *
   * @default true
   */
  readonly stream?: boolean | undefined
}

/**
 * A protected MCP server on a `TestNetwork`, with its handles.
 *
 * @since 0.1.0
 * @category models
 */
export interface TestMcpServer {
  readonly url: string
  /** The resource identifier. */
  readonly resource: string
  /** Where the metadata is served. `undefined` if it is served nowhere. */
  readonly metadataUrl: string | undefined
  /** The accepted tool calls, in order. */
  readonly toolCalls: Effect.Effect<ReadonlyArray<ToolCall>>
  /** From now on every request needs these scopes. */
  readonly setRequiredScopes: (scopes: ReadonlyArray<string>) => Effect.Effect<void>
  /** From now on the metadata names these authorization servers, and only their tokens are accepted: a migration. */
  readonly setAuthorizationServers: (servers: ReadonlyArray<TestAuthorizationServer>) => Effect.Effect<void>
  /** How many SSE streams are open. */
  readonly openStreams: Effect.Effect<number>
  /** Sends a JSON-RPC notification to every open SSE stream. */
  readonly notify: (method: string, params?: JsonObject) => Effect.Effect<void>
  /** Ends every open SSE stream. */
  readonly closeStreams: Effect.Effect<void>
}

/**
 * Puts a protected MCP server on the network. Its tools are `echo`, which returns its `message`, and `admin`, which
 * by default needs the additional scope `admin`. A request below the MCP endpoint is answered with
 * `{ ok: true, path, method, body }`.
 *
 * @example
 * ```ts
 * import { TestAuthorizationServer, TestMcpServer } from "@effect-mcp-auth/testing"
 * import { Effect } from "effect"
 *
 * const server = Effect.gen(function*() {
 * const authorizationServer = yield* TestAuthorizationServer.make({ issuer: "https://auth.example.com", clients: [] })
 *   return yield* TestMcpServer.make({
 *     url: "https://mcp.example.com/mcp",
 *     authorizationServers: [authorizationServer],
 *     requiredScopes: ["reports:read"]
 *   })
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<TestMcpServer, never, TestNetwork> =>
  Effect.gen(function*() {
    const network = yield* TestNetwork
    const { pathname } = new URL(options.url)
    const state: State = {
      resource: options.resource ?? canonical(options.url),
      metadataUrl: addressOfMetadata(options),
      toolScopes: new Map(Object.entries(options.toolScopes ?? { admin: ["admin"] })),
      toolCalls: [],
      streams: Mcp.makeStreams(),
      requiredScopes: options.requiredScopes ?? [],
      authorizationServers: options.authorizationServers
    }
    const { metadataUrl, resource, streams, toolCalls } = state

    if (metadataUrl !== undefined) {
      yield* network.register(metadataUrl, (request) =>
        request.url === metadataUrl && request.method === "GET"
          ? { endpoint: "protected-resource-metadata", respond: answerMetadata(state, options) }
          : undefined)
    }
    yield* network.register(options.url, (request) =>
      isBelow(new URL(request.url).pathname, pathname)
        ? { endpoint: "resource", respond: answerRequest(request, state, options) }
        : undefined)

    return {
      url: options.url,
      resource,
      metadataUrl,
      toolCalls: Effect.sync(() => [...toolCalls]),
      setRequiredScopes: (scopes) =>
        Effect.sync(() => {
          state.requiredScopes = scopes
        }),
      setAuthorizationServers: (authorizationServers) =>
        Effect.sync(() => {
          state.authorizationServers = authorizationServers
        }),
      openStreams: Effect.sync(() => streams.count()),
      notify: (method, params) => Effect.sync(() => streams.send({ jsonrpc: "2.0", method, params })),
      closeStreams: Effect.sync(() => streams.close())
    }
  })

interface State {
  readonly resource: string
  readonly metadataUrl: string | undefined
  readonly toolScopes: ReadonlyMap<string, ReadonlyArray<string>>
  readonly toolCalls: Array<ToolCall>
  readonly streams: ReturnType<typeof Mcp.makeStreams>
  requiredScopes: ReadonlyArray<string>
  authorizationServers: ReadonlyArray<TestAuthorizationServer>
}

const answerMetadata = (state: State, { metadata, scopesSupported }: Options): Effect.Effect<Response> =>
  Effect.sync(() => {
    const scopes = scopesSupported ?? state.requiredScopes
    return jsonResponse({
      resource: state.resource,
      authorization_servers: state.authorizationServers.map((server) => server.issuer),
      bearer_methods_supported: ["header"],
      scopes_supported: scopes.length > 0 ? scopes : undefined,
      ...metadata
    })
  })

const turnAway = (
  { metadataUrl }: State,
  { challenge = bearerChallenge }: Options,
  scopes: ReadonlyArray<string>,
  error?: ChallengeDetails["error"],
  errorDescription?: string
): Response => {
  const status = error === "insufficient_scope" ? 403 : 401
  const response = new Response(null, { status })
  for (const line of challenge({ status, error, errorDescription, resourceMetadata: metadataUrl, scopes })) {
    response.headers.append("www-authenticate", line)
  }
  return response
}

/** The token, or why the server does not accept it. */
const check = (value: string, { authorizationServers, resource }: State): Effect.Effect<IssuedToken | string> =>
  Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    for (const server of authorizationServers) {
      const token = yield* server.find(value)
      if (token !== undefined) {
        return token.revoked
          ? "the token was revoked"
          : token.expiresAt <= now
          ? "the token has expired"
          : token.resource !== resource
          ? "the token is meant for another resource"
          : token
      }
    }
    return "the token is unknown"
  })

const lacks = (token: IssuedToken, scopes: ReadonlyArray<string>): boolean =>
  !scopes.every((scope) => token.scopes.includes(scope))

const answerRequest = (request: NetworkRequest, state: State, options: Options): Effect.Effect<Response> =>
  Effect.gen(function*() {
    const { requiredScopes } = state
    // RFC 6750 §2.2 and §2.3 also allow tokens in a body or a query; MCP allows the header alone.
    const bearer = /^bearer +(\S+)$/i.exec(request.headers["authorization"] ?? "")?.[1]
    if (bearer === undefined) {
      return turnAway(state, options, requiredScopes)
    }
    const token = yield* check(bearer, state)
    if (typeof token === "string") {
      return turnAway(state, options, requiredScopes, "invalid_token", token)
    }
    if (lacks(token, requiredScopes)) {
      return turnAway(state, options, requiredScopes, "insufficient_scope", "every request needs this scope")
    }
    const { pathname: path } = new URL(request.url)
    if (path !== new URL(options.url).pathname) {
      return jsonResponse({ ok: true, path, method: request.method, body: request.body })
    }
    if (request.method === "GET" && options.stream !== false) {
      return state.streams.open()
    }
    if (request.method !== "POST") {
      return new Response(null, { status: 405, headers: { allow: "POST" } })
    }
    return yield* answerMessage(request, token, state, options)
  })

const answerMessage = ({ body }: NetworkRequest, token: IssuedToken, state: State, options: Options) =>
  Effect.map(Clock.currentTimeMillis, (at) => {
    const message = Mcp.decode(body)
    const call = Mcp.toolCall(message)
    if (call === undefined) return Mcp.answer(message)
    const scopes = state.toolScopes.get(call.tool) ?? []
    if (lacks(token, scopes)) {
      return turnAway(state, options, scopes, "insufficient_scope", `the tool ${call.tool} needs this scope`)
    }
    state.toolCalls.push({ at, token, ...call })
    return Mcp.answer(message)
  })

const addressOfMetadata = ({ serveMetadataAt = "path", url }: Options): string | undefined => {
  switch (serveMetadataAt) {
    case "path":
      return withWellKnown(url, "oauth-protected-resource")
    case "root":
      return withWellKnown(new URL(url).origin, "oauth-protected-resource")
    case "nowhere":
      return undefined
    default:
      return serveMetadataAt.href
  }
}

/** Well-known addresses belong to the origin, even if the server has the path `/` (RFC 8615 §3). */
const isBelow = (path: string, base: string): boolean =>
  path === base || (path.startsWith(base.endsWith("/") ? base : `${base}/`) && !path.startsWith("/.well-known/"))
