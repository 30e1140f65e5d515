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
import type { IssuedToken, TestAuthorizationServer } from "./TestAuthorizationServer.ts"
import type { NetworkRequest, Route } from "./TestNetwork.ts"
import { TestNetwork } from "./TestNetwork.ts"

/**
 * What a server says to a request that it turns away.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChallengeDetails {
  /** `401`: no token, or one that is no good. `403`: a good token with too little scope. */
  readonly status: 401 | 403
  /** Absent for a request without a token (RFC 6750 §3.1). */
  readonly error: "invalid_token" | "insufficient_scope" | undefined
  readonly errorDescription: string | undefined
  /** Where the metadata is, if it is anywhere (RFC 9728 §5.1). */
  readonly resourceMetadata: string | undefined
  /** What this request needs. */
  readonly scopes: ReadonlyArray<string>
}

/**
 * A tool call that got through.
 *
 * @since 0.1.0
 * @category models
 */
export interface ToolCall {
  /** Epoch milliseconds. */
  readonly at: number
  readonly tool: string
  readonly arguments: JsonObject
  /** The token it came with. */
  readonly token: IssuedToken
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The MCP endpoint, as in `https://mcp.example.com/mcp`. Everything below its path is protected too. */
  readonly url: string
  /** Whose tokens are accepted, and who is named in the metadata, in this order. */
  readonly authorizationServers: ReadonlyArray<TestAuthorizationServer>
  /** The resource identifier: in the metadata, and the audience that a token must have. The canonical `url` by default. */
  readonly resource?: string | undefined
  /** `scopes_supported` of the metadata. `requiredScopes` by default; left out of the metadata if empty. */
  readonly scopesSupported?: ReadonlyArray<string> | undefined
  /** What every request needs. Nothing by default. */
  readonly requiredScopes?: ReadonlyArray<string> | undefined
  /** What a call of a tool needs on top of that. `{ admin: ["admin"] }` by default. */
  readonly toolScopes?: Readonly<Record<string, ReadonlyArray<string>>> | undefined
  /**
   * Where the metadata is served: at the well-known address with the server's path (the default), at the one without
   * it, at a URL of your own, or nowhere. A challenge points to it.
   */
  readonly serveMetadataAt?: "path" | "root" | "nowhere" | URL | undefined
  /** Members to add to the metadata, or to put in place of the standard ones; `undefined` leaves one out. */
  readonly metadata?: JsonObject | undefined
  /**
   * The `WWW-Authenticate` field lines of a `401` or `403`. {@link bearerChallenge} by default; an empty list sends
   * none.
   */
  readonly challenge?: ((details: ChallengeDetails) => ReadonlyArray<string>) | undefined
  /** Whether GET opens an SSE stream. `true` by default; otherwise it is answered `405`. */
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
  /** Where its metadata is served, if it is. */
  readonly metadataUrl: string | undefined
  /** The tool calls that got through, in order. */
  readonly toolCalls: Effect.Effect<ReadonlyArray<ToolCall>>
  /** From now on every request needs these scopes. */
  readonly setRequiredScopes: (scopes: ReadonlyArray<string>) => Effect.Effect<void>
  /** From now on other authorization servers are named and trusted: a migration. */
  readonly setAuthorizationServers: (servers: ReadonlyArray<TestAuthorizationServer>) => Effect.Effect<void>
  /** How many SSE streams are open. */
  readonly openStreams: Effect.Effect<number>
  /** Sends a JSON-RPC notification down every open SSE stream. */
  readonly notify: (method: string, params?: JsonObject) => Effect.Effect<void>
  /** Ends every open SSE stream. */
  readonly closeStreams: Effect.Effect<void>
}

/**
 * Puts a protected MCP server on the network. Its tools are `echo`, which answers what it is told, and `admin`, which
 * by default needs the additional scope `admin`. A request below the MCP endpoint is answered with
 * `{ ok: true, path, method, body }`.
 *
 * @example
 * ```ts
 * import { TestAuthorizationServer, TestMcpServer } from "@effect-mcp-auth/testing"
 * import { Effect } from "effect"
 *
 * const server = Effect.gen(function*() {
 *   const authorizationServer = yield* TestAuthorizationServer.make({ issuer: "https://auth.example.com", clients: [] })
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
    const endpoint = new URL(options.url)
    const resource = options.resource ?? canonical(options.url)
    const metadataUrl = addressOfMetadata(options)
    const toolScopes = new Map(Object.entries(options.toolScopes ?? { admin: ["admin"] }))
    const challenge = options.challenge ?? bearerChallenge
    const toolCalls: Array<ToolCall> = []
    const streams = Mcp.makeStreams()
    let requiredScopes = options.requiredScopes ?? []
    let servers = options.authorizationServers

    const metadata = Effect.sync(() => {
      const scopes = options.scopesSupported ?? requiredScopes
      return jsonResponse({
        resource,
        authorization_servers: servers.map((server) => server.issuer),
        bearer_methods_supported: ["header"],
        scopes_supported: scopes.length > 0 ? scopes : undefined,
        ...options.metadata
      })
    })

    const turnAway = (
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

    /** Why a token is not good enough, or the token. */
    const check = (value: string): Effect.Effect<IssuedToken | string> =>
      Effect.gen(function*() {
        const now = yield* Clock.currentTimeMillis
        for (const server of servers) {
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

    const guarded = (request: NetworkRequest): Effect.Effect<Response> =>
      Effect.gen(function*() {
        // RFC 6750 §2.2 and §2.3 also know tokens in a body or a query; MCP allows the header alone.
        const bearer = /^bearer +(\S+)$/i.exec(request.headers["authorization"] ?? "")?.[1]
        if (bearer === undefined) {
          return turnAway(requiredScopes)
        }
        const token = yield* check(bearer)
        if (typeof token === "string") {
          return turnAway(requiredScopes, "invalid_token", token)
        }
        const lacking = (scopes: ReadonlyArray<string>) => !scopes.every((scope) => token.scopes.includes(scope))
        if (lacking(requiredScopes)) {
          return turnAway(requiredScopes, "insufficient_scope", "every request needs this scope")
        }
        if (new URL(request.url).pathname !== endpoint.pathname) {
          const { pathname: path } = new URL(request.url)
          return jsonResponse({ ok: true, path, method: request.method, body: request.body })
        }
        if (request.method === "GET" && options.stream !== false) {
          return streams.open()
        }
        if (request.method !== "POST") {
          return new Response(null, { status: 405, headers: { allow: "POST" } })
        }
        const message = Mcp.decode(request.body)
        const call = Mcp.toolCall(message)
        if (call === undefined) {
          return Mcp.answer(message)
        }
        const scopes = toolScopes.get(call.tool) ?? []
        if (lacking(scopes)) {
          return turnAway(scopes, "insufficient_scope", `the tool ${call.tool} needs this scope`)
        }
        toolCalls.push({ at: yield* Clock.currentTimeMillis, token, ...call })
        return Mcp.answer(message)
      })

    if (metadataUrl !== undefined) {
      yield* network.register(metadataUrl, (request): Route | undefined =>
        request.url === metadataUrl && request.method === "GET"
          ? { endpoint: "protected-resource-metadata", respond: metadata }
          : undefined)
    }
    yield* network.register(options.url, (request): Route | undefined =>
      isBelow(new URL(request.url).pathname, endpoint.pathname)
        ? { endpoint: "resource", respond: guarded(request) }
        : undefined)

    return {
      url: options.url,
      resource,
      metadataUrl,
      toolCalls: Effect.sync(() => [...toolCalls]),
      setRequiredScopes: (scopes) =>
        Effect.sync(() => {
          requiredScopes = scopes
        }),
      setAuthorizationServers: (authorizationServers) =>
        Effect.sync(() => {
          servers = authorizationServers
        }),
      openStreams: Effect.sync(() =>
        streams.count()
      ),
      notify: (method, params) =>
        Effect.sync(() =>
          streams.send({ jsonrpc: "2.0", method, params })
        ),
      closeStreams: Effect.sync(() => streams.close())
    }
  })

/**
 * The challenge of RFC 6750 §3 with the `resource_metadata` of RFC 9728 §5.1, as one field line.
 *
 * @since 0.1.0
 * @category challenges
 */
export const bearerChallenge = (details: ChallengeDetails): ReadonlyArray<string> => {
  const parameters = [
    ["error", details.error],
    ["error_description", details.errorDescription],
    ["resource_metadata", details.resourceMetadata],
    ["scope", details.scopes.length > 0 ? details.scopes.join(" ") : undefined]
  ].flatMap(([name, value]) => value === undefined ? [] : [`${name}="${value}"`])
  return [["Bearer", parameters.join(", ")].join(" ").trim()]
}

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

/** What is well-known belongs to the origin, also where the server has the whole of it (RFC 8615 §3). */
const isBelow = (path: string, base: string): boolean =>
  path === base || (path.startsWith(base.endsWith("/") ? base : `${base}/`) && !path.startsWith("/.well-known/"))
