/**
 * An authorization server and thousands of MCP servers without a network: an `HttpClient` that answers by itself. For
 * measurements that would take too long over sockets (an hour of renewals, a million calls).
 *
 * The `TestNetwork` of `@effect-mcp-auth/testing` keeps a record of every request (1.2 KB each), which would be most of
 * the heap that is measured here, takes 0.48 ms of CPU for a token request where this module takes 0.27 ms, and looks
 * for the host of a request among all hosts of an origin, of which there are ten thousand here.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import { credentials } from "./control.ts"

export const issuer = "https://auth.example.com"
export const resourceOrigin = "https://mcp.example.com"

/** The answer of the token endpoint in place of a token. */
export type Fault =
  | { readonly _tag: "Refused" }
  | { readonly _tag: "Hangs" }
  | {
    readonly _tag: "Answers"
    readonly status: number
    readonly body: string
    readonly headers?: Record<string, string>
  }

export interface Options {
  readonly now: () => number
  readonly tokenLifetimeMillis: number
  /** The fault of this token request. Called at every token request. */
  readonly fault?: () => Fault | undefined
  /** How long the token endpoint takes, in milliseconds. Called at every token request. */
  readonly tokenMillis?: () => number
  /** Called at every token request, whatever its outcome. */
  readonly onTokenRequest?: () => void
}

export interface MemoryServers {
  readonly client: HttpClient.HttpClient
  /** Whether a token is valid that was not revoked. Its life counts from the token request. */
  readonly isAnyTokenValid: () => boolean
  /** Whether the MCP server accepts this `Authorization`. */
  readonly admits: (authorization: string) => boolean
  readonly revokeAll: () => void
}

const jsonType = { "content-type": "application/json" }

const json = (value: unknown, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(value), { headers: { ...jsonType, ...headers } })

const connectionRefused = (request: HttpClientRequest.HttpClientRequest) =>
  new HttpClientError.RequestError({ request, reason: "Transport", cause: new Error("connect ECONNREFUSED") })

const serverMetadata = JSON.stringify({
  issuer,
  token_endpoint: `${issuer}/token`,
  token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
  grant_types_supported: ["client_credentials"],
  response_types_supported: []
})

const resultBody = JSON.stringify({ jsonrpc: "2.0", id: 1, result: { content: [{ type: "text", text: "done" }] } })

const resourceMetadataPath = "/.well-known/oauth-protected-resource"

export const make = (options: Options): MemoryServers => {
  const tokens = new Map<string, { readonly askedAt: number; readonly expiresAt: number }>()
  let lastToken = 0

  const issue = (askedAt: number): Response => {
    const now = options.now()
    // Old tokens are deleted, or the memory of the servers would count as memory of the client.
    for (const [token, { expiresAt }] of tokens) {
      if (expiresAt > now) break
      tokens.delete(token)
    }
    const token = `token-${++lastToken}-${"x".repeat(24)}`
    tokens.set(token, { askedAt, expiresAt: now + options.tokenLifetimeMillis })
    return json({
      access_token: token,
      token_type: "Bearer",
      expires_in: options.tokenLifetimeMillis / 1000,
      scope: credentials.scope
    }, { "cache-control": "no-store" })
  }

  const tokenEndpoint = (
    request: HttpClientRequest.HttpClientRequest
  ): Effect.Effect<Response, HttpClientError.RequestError> =>
    Effect.suspend(() => {
      options.onTokenRequest?.()
      const fault = options.fault?.()
      const askedAt = options.now()
      const millis = options.tokenMillis?.() ?? 0
      const answer = Effect.suspend(() => {
        switch (fault?._tag) {
          case undefined:
            return Effect.succeed(issue(askedAt))
          case "Refused":
            return Effect.fail(connectionRefused(request))
          case "Hangs":
            return Effect.never
          case "Answers":
            return Effect.succeed(
              new Response(fault.body, { status: fault.status, headers: { ...jsonType, ...fault.headers } })
            )
        }
      })
      return millis > 0 ? Effect.delay(answer, millis) : answer
    })

  const admits = (authorization: string): boolean => {
    const token = tokens.get(authorization.slice("Bearer ".length))
    return token !== undefined && token.expiresAt > options.now()
  }

  const resource = (request: HttpClientRequest.HttpClientRequest, path: string): Response => {
    if (admits(request.headers["authorization"] ?? "")) return new Response(resultBody, { headers: jsonType })
    const challenge =
      `Bearer resource_metadata="${resourceOrigin}${resourceMetadataPath}${path}", error="invalid_token"`
    return new Response(null, { status: 401, headers: { "www-authenticate": challenge } })
  }

  const respond = (request: HttpClientRequest.HttpClientRequest, { origin, pathname }: URL) => {
    if (origin === issuer) {
      return pathname === "/token"
        ? tokenEndpoint(request)
        : Effect.sync(() => new Response(serverMetadata, { headers: jsonType }))
    }
    return Effect.sync(() => {
      if (!pathname.startsWith(resourceMetadataPath)) return resource(request, pathname)
      return json({
        resource: `${origin}${pathname.slice(resourceMetadataPath.length)}`,
        authorization_servers: [issuer],
        scopes_supported: [credentials.scope]
      })
    })
  }

  return {
    client: HttpClient.make((request, url) =>
      Effect.map(respond(request, url), (response) => HttpClientResponse.fromWeb(request, response))
    ),
    isAnyTokenValid: () => {
      const now = options.now()
      return [...tokens.values()].some(({ askedAt }) => askedAt + options.tokenLifetimeMillis > now)
    },
    admits,
    revokeAll: () => tokens.clear()
  }
}
