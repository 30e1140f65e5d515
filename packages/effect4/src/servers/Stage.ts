/**
 * A real MCP server and a real authorization server for the tests of clients, with switches for what happens to a client
 * in production: tokens that expire and are revoked, an authorization server that is away, a client that is removed.
 */
import * as AuthorizationServer from "@effect-mcp-auth/examples/servers/AuthorizationServer"
import type { ListenError } from "@effect-mcp-auth/examples/servers/LoopbackServer"
import * as McpServer from "@effect-mcp-auth/examples/servers/McpServer"
import type { AuthInfo } from "@modelcontextprotocol/server"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { createHash } from "node:crypto"
import { Gate } from "./Gate.ts"
import * as Sessions from "./Sessions.ts"
import * as Stateless from "./Stateless.ts"

export interface Options {
  /** Lifetime of an access token, in seconds. Default: 60. */
  readonly tokenLifetime?: number | undefined
  /**
   * The official SDK that serves. 1 serves the protocol 2025-11-25 in sessions; 2 serves 2025-11-25 without sessions,
   * and 2026-07-28. Default: 2.
   */
  readonly sdk?: 1 | 2 | undefined
}

/** What a client must know. */
export interface Settings {
  readonly serverUrl: string
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
}

/** A request to the MCP endpoint whose token was accepted. */
export interface AcceptedRequest {
  readonly method: string
  /** A name of the token, which is not the token. */
  readonly token: string
}

/** The requests that the servers have received so far. */
export interface State {
  /** How many requests the token endpoint has got. */
  readonly tokenRequests: number
  /** How many requests the MCP server has refused because of their token, by status. */
  readonly refused: { readonly 401: number; readonly 403: number }
  readonly accepted: ReadonlyArray<AcceptedRequest>
}

export interface Stage {
  readonly settings: Settings
  readonly state: Effect.Effect<State>
  /** The MCP server refuses the tokens that it has seen, and all that are older. */
  readonly revokeAll: Effect.Effect<void>
  /** Every connection to the authorization server breaks, until `authorizationServerBack`. */
  readonly authorizationServerAway: Effect.Effect<void>
  readonly authorizationServerBack: Effect.Effect<void>
  /** The authorization server refuses the client with `invalid_client`. */
  readonly removeClient: Effect.Effect<void>
  /** The MCP server of SDK 1 forgets its sessions, as after a restart. */
  readonly forgetSessions: Effect.Effect<void>
  /** Waits until a call of the tool `follow` is in flight. */
  readonly following: Effect.Effect<void>
  /** Lets the calls of the tool `follow` end, each after the token that it came with has expired. */
  readonly release: Effect.Effect<void>
}

export const make = Effect.fnUntraced(function*({ sdk = 2, tokenLifetime = 60 }: Options = {}): Effect.fn.Return<
  Stage,
  ListenError,
  Scope.Scope
> {
  let isAway = false
  const accepted: Array<AcceptedRequest> = []
  const following = new Gate()
  const released = new Gate()
  const mcp = sdk === 1 ? Sessions.make({ following, released }) : Stateless.make({ following, released })
  yield* Effect.addFinalizer(() => Effect.promise(mcp.close))

  const authorizationServer = yield* AuthorizationServer.make({
    accessTokenLifetime: tokenLifetime,
    onRequest: (request) => {
      if (isAway) request.socket.destroy()
      return Promise.resolve()
    }
  })
  const mcpServer = yield* McpServer.make({
    ...authorizationServer,
    serve: (request, options) => {
      accepted.push({ method: request.method, token: nameOf(options?.authInfo) })
      return mcp.serve(request, options)
    }
  })
  yield* authorizationServer.register({ identifier: mcpServer.url, scopes: McpServer.scopes })
  const [{ clientId, clientSecret }] = authorizationServer.clients

  return {
    settings: {
      serverUrl: mcpServer.url,
      issuer: authorizationServer.issuer,
      clientId,
      clientSecret: Redacted.value(clientSecret)
    },
    state: Effect.sync(() => ({
      tokenRequests: authorizationServer.requests("POST /token"),
      refused: { 401: mcpServer.refused(401), 403: mcpServer.refused(403) },
      accepted: [...accepted]
    })),
    revokeAll: mcpServer.revokeAll,
    authorizationServerAway: Effect.sync(() => {
      isAway = true
    }),
    authorizationServerBack: Effect.sync(() => {
      isAway = false
    }),
    removeClient: authorizationServer.remove(clientId),
    forgetSessions: Effect.promise(mcp.close),
    following: Effect.promise(() => following.passed),
    release: Effect.sync(() => released.open())
  }
})

const nameOf = (authInfo: AuthInfo | undefined): string =>
  createHash("sha256").update(authInfo?.token ?? "").digest("base64url").slice(0, 12)
