/**
 * A real MCP server, built with `@modelcontextprotocol/server` and protected as the MCP authorization specification
 * asks: protected resource metadata (RFC 9728), JWT access tokens verified against the issuer's keys, and challenges
 * (RFC 6750) that tell a client what to do next.
 *
 * Every request needs the scope `reports:read`. The tool `publish` needs `reports:write` as well.
 */
import { toNodeHandler } from "@modelcontextprotocol/node"
import type { NodeIncomingMessageLike } from "@modelcontextprotocol/node"
import {
  bearerAuthChallengeResponse,
  createMcpHandler,
  hostHeaderValidationResponse,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  McpServer as Sdk,
  OAuthError,
  OAuthErrorCode,
  originValidationResponse,
  requireScopes,
  verifyBearerToken
} from "@modelcontextprotocol/server"
import type { AuthInfo, McpHttpHandler, OAuthTokenVerifier } from "@modelcontextprotocol/server"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as jose from "jose"
import { z } from "zod"
import * as LoopbackServer from "./LoopbackServer.ts"

export interface Options {
  /** The server accepts the tokens of this issuer alone. */
  readonly issuer: string
  /** The URL of the issuer's public keys. */
  readonly jwksUri: string
  /** Default: any free port. */
  readonly port?: number | undefined
  /** How long every request waits before it is answered, in milliseconds. Default: 0. */
  readonly latency?: number | undefined
  /** Whether answers are single JSON bodies or event streams. Default: `auto`, the SDK decides. */
  readonly responseMode?: "auto" | "json" | "sse" | undefined
  /**
   * Answers the requests to the MCP endpoint whose token is valid. Default: the handler of the SDK, which serves the
   * sessions of `makeSession` for the protocols 2025-11-25 and 2026-07-28.
   */
  readonly serve?: McpHttpHandler["fetch"] | undefined
}

export interface McpServer {
  /** The MCP endpoint, which is also the server's resource identifier: tokens must be issued for this audience. */
  readonly url: string
  /** A plain JSON resource behind the same tokens. */
  readonly reportUrl: string
  readonly resourceMetadataUrl: string
  /**
   * Refuses every token that was issued before now, as an operator does after a leak. Of the tokens issued in the
   * current second, the server refuses those that it has seen. The authorization server issues tokens as before, so
   * that the server accepts new tokens.
   */
  readonly revokeAll: Effect.Effect<void>
  /** How many requests have arrived so far at `METHOD /path`. */
  readonly requests: (endpoint: string) => number
  /** How many requests were answered with this status so far because of their token. */
  readonly refused: (status: 401 | 403) => number
}

/** The scopes that this server knows. */
export const scopes = ["reports:read", "reports:write"] as const

export const make = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<
  McpServer,
  LoopbackServer.ListenError,
  Scope.Scope
> {
  const log = Runtime.runFork(yield* Effect.runtime())
  const failed = (error: unknown) => log(Effect.logError("The MCP server failed", error))

  const mcp = createMcpHandler(makeSession, { onerror: failed, responseMode: options.responseMode ?? "auto" })
  yield* Effect.addFinalizer(() => Effect.promise(() => mcp.close()))

  const revocations = makeRevocations()
  const refused = { 401: 0, 403: 0 }
  const server = yield* LoopbackServer.make({
    name: "The MCP server",
    port: options.port,
    latency: options.latency,
    listener: (origin) => {
      const resource = new URL("/mcp", origin)
      const answer = makeAnswer({
        issuer: options.issuer,
        resource,
        resourceMetadataUrl: resourceMetadata(origin),
        verifier: makeVerifier({ ...options, audience: resource.href, isRevoked: revocations.isRevoked }),
        mcp: options.serve ?? mcp.fetch,
        failed
      })
      const handler = toNodeHandler({
        fetch: async (request) => {
          const response = hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
            originValidationResponse(request, localhostAllowedOrigins()) ??
            await answer(request)
          const { status } = response
          if ((status === 401 || status === 403) && response.headers.has("www-authenticate")) refused[status] += 1
          return response
        }
      }, { onerror: failed })
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the SDK's type lacks the `undefined` of Node's type
      return (request, response) => void handler(request as NodeIncomingMessageLike, response)
    }
  })

  return {
    url: `${server.origin}/mcp`,
    reportUrl: `${server.origin}/reports/today`,
    resourceMetadataUrl: resourceMetadata(server.origin),
    revokeAll: Effect.sync(revocations.revokeAll),
    requests: server.requests,
    refused: (status) => refused[status]
  }
})

interface Behind {
  readonly issuer: string
  readonly resource: URL
  readonly resourceMetadataUrl: string
  readonly verifier: OAuthTokenVerifier
  readonly mcp: McpHttpHandler["fetch"]
  readonly failed: (error: unknown) => void
}

/** Answers the metadata to everybody, and the MCP endpoint and the report to a valid token. */
const makeAnswer = ({ failed, issuer, mcp, resource, resourceMetadataUrl, verifier }: Behind) => {
  const protection = { verifier, requiredScopes: ["reports:read"], expectedResource: resource, resourceMetadataUrl }
  const metadata = {
    resource: resource.href,
    authorization_servers: [issuer],
    scopes_supported: scopes,
    bearer_methods_supported: ["header"],
    resource_name: "Reports"
  }
  return async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url)
    if (pathname === new URL(resourceMetadataUrl).pathname) return Response.json(metadata)
    if (pathname !== "/mcp" && pathname !== "/reports/today") return new Response("Not found\n", { status: 404 })
    let authInfo: AuthInfo
    try {
      authInfo = await verifyBearerToken(request.headers.get("authorization"), protection)
    } catch (error) {
      if (!(error instanceof OAuthError)) failed(error)
      return bearerAuthChallengeResponse(error, protection)
    }
    return pathname === "/mcp"
      ? mcp(request, { authInfo })
      : Response.json({ ...report("today"), reader: authInfo.extra?.["subject"] })
  }
}

const resourceMetadata = (origin: string): string => `${origin}/.well-known/oauth-protected-resource/mcp`

// --- tools ---------------------------------------------------------------------------------------------------------

const report = (day: string) => ({ day, orders: 1_204, returns: 17 })

/** A session with the tools `report` and `publish`. The SDK asks for one at every request. */
export const makeSession = (): Sdk => {
  const sdk = new Sdk({ name: "reports", version: "1.0.0" })
  sdk.registerTool("report", {
    description: "The figures of a day",
    inputSchema: z.object({ day: z.string() })
  }, ({ day }) => ({ content: [{ type: "text", text: JSON.stringify(report(day)) }] }))
  sdk.registerTool("publish", {
    description: "Publish the figures of a day",
    inputSchema: z.object({ day: z.string() }),
    scopeChallenge: requireScopes("reports:write")
  }, ({ day }) => ({ content: [{ type: "text", text: `The report of ${day} is published` }] }))
  return sdk
}

// --- tokens --------------------------------------------------------------------------------------------------------

interface TokenId {
  readonly jti: string
  /** Seconds since 1970. */
  readonly issuedAt: number
}

/**
 * How long a token is accepted after its `exp`, in seconds (RFC 7519 §4.1.4). Issuers count in whole seconds, rounded
 * down, so that without a leeway a token expires up to 1 s earlier than its `expires_in` says, which matters for tokens
 * of 5 s.
 */
const leeway = 1

/**
 * Checks signature, issuer, audience and expiry (RFC 9068 §4), and the type, so that no ID token passes as an access
 * token.
 */
const makeVerifier = ({ audience, isRevoked, issuer, jwksUri }: Options & {
  readonly audience: string
  readonly isRevoked: (token: TokenId) => boolean
}): OAuthTokenVerifier => {
  const keys = jose.createRemoteJWKSet(new URL(jwksUri))
  return {
    verifyAccessToken: async (token) => {
      const { payload } = await jose.jwtVerify(token, keys, {
        issuer,
        audience,
        typ: "at+jwt",
        algorithms: ["ES256"],
        clockTolerance: leeway,
        requiredClaims: ["exp", "iat", "jti", "client_id"]
      }).catch((error: unknown) => {
        throw isTokenError(error) ? new OAuthError(OAuthErrorCode.InvalidToken, error.message) : error
      })
      const { client_id, exp, iat, jti, scope, sub } = claims.parse(payload)
      if (isRevoked({ jti, issuedAt: iat })) throw new OAuthError(OAuthErrorCode.InvalidToken, "Token has been revoked")
      return {
        token,
        clientId: client_id,
        scopes: scope.split(" "),
        expiresAt: exp + leeway,
        resource: new URL(audience),
        extra: { subject: sub }
      }
    }
  }
}

const claims = z.object({
  client_id: z.string(),
  exp: z.number(),
  iat: z.number(),
  jti: z.string(),
  scope: z.string().default(""),
  sub: z.string()
})

/** Whether the token is wrong. Otherwise the issuer's keys could not be read. */
const isTokenError = (error: unknown): error is jose.errors.JOSEError =>
  error instanceof jose.errors.JOSEError &&
  !(error instanceof jose.errors.JWKSTimeout || error instanceof jose.errors.JWKSInvalid)

/**
 * The record of revoked tokens. `iat` counts in whole seconds, too coarse to tell a token from its successor of the
 * same second. The tokens of the latest second that the server has seen are therefore revoked by their `jti`.
 */
const makeRevocations = () => {
  const denied = new Set<string>()
  let latest = { second: 0, ids: new Set<string>() }
  let notBefore = 0
  return {
    isRevoked: ({ issuedAt, jti }: TokenId): boolean => {
      if (issuedAt < notBefore || denied.has(jti)) return true
      if (issuedAt > latest.second) latest = { second: issuedAt, ids: new Set() }
      if (issuedAt === latest.second) latest.ids.add(jti)
      return false
    },
    revokeAll: (): void => {
      notBefore = Math.floor(Date.now() / 1000)
      for (const jti of latest.ids) denied.add(jti)
    }
  }
}
