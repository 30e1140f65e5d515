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

/**
 * The targets of requests. The root document describes the parent of an MCP server. The challenged document has the
 * query `challenged`, which only a challenge names.
 */
export type Address =
  | "token"
  | "challenged resource metadata"
  | "resource metadata"
  | "root resource metadata"
  | "server metadata"
  | "openid configuration"

/** An answer in place of the right one. `Issues` is an answer with a token, and differs in its form. */
export type Fault =
  | { readonly _tag: "Refused" }
  | { readonly _tag: "Reset" }
  | { readonly _tag: "Hangs" }
  | {
    readonly _tag: "Answers"
    readonly status: number
    readonly body: string
    readonly headers?: Record<string, string>
  }
  | {
    readonly _tag: "Issues"
    readonly status: number
    readonly change: Readonly<Record<string, unknown>>
  }

/** How the MCP server rejects a token. */
export interface Rejection {
  readonly status: number
  readonly challenge: (resourceMetadataUrl: string) => string
}

export interface Options {
  readonly now: () => number
  readonly tokenLifetimeMillis: number
  /** The fault of this request. Called at every request to an address of the list. */
  readonly fault?: (address: Address, request: HttpClientRequest.HttpClientRequest) => Fault | undefined
  /** How the MCP server rejects this request. Called at every request without a valid token. */
  readonly rejection?: () => Rejection | undefined
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

const connectionFailed = (request: HttpClientRequest.HttpClientRequest, code: "ECONNREFUSED" | "ECONNRESET") =>
  new HttpClientError.RequestError({
    request,
    reason: "Transport",
    cause: Object.assign(new TypeError("fetch failed"), { cause: Object.assign(new Error(code), { code }) })
  })

const faultyAnswer = (
  request: HttpClientRequest.HttpClientRequest,
  fault: Exclude<Fault, { readonly _tag: "Issues" }>
): Effect.Effect<Response, HttpClientError.RequestError> => {
  switch (fault._tag) {
    case "Refused":
      return Effect.fail(connectionFailed(request, "ECONNREFUSED"))
    case "Reset":
      return Effect.fail(connectionFailed(request, "ECONNRESET"))
    case "Hangs":
      return Effect.never
    case "Answers":
      return Effect.succeed(
        new Response(fault.body, { status: fault.status, headers: { ...jsonType, ...fault.headers } })
      )
  }
}

const serverMetadata = JSON.stringify({
  issuer,
  token_endpoint: `${issuer}/token`,
  token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
  grant_types_supported: ["client_credentials"],
  response_types_supported: []
})

const resultBody = JSON.stringify({ jsonrpc: "2.0", id: 1, result: { content: [{ type: "text", text: "done" }] } })

const resourceMetadataPath = "/.well-known/oauth-protected-resource"

/** The query of the address that only a challenge names. */
export const challenged = "?challenged"

const addressOf = ({ origin, pathname, search }: URL): Address | undefined => {
  if (origin === issuer) {
    if (pathname === "/token") return "token"
    return pathname.startsWith("/.well-known/openid-configuration") ? "openid configuration" : "server metadata"
  }
  if (search === challenged) return "challenged resource metadata"
  if (pathname === resourceMetadataPath) return "root resource metadata"
  return pathname.startsWith(resourceMetadataPath) ? "resource metadata" : undefined
}

const document = ({ origin, pathname }: URL): Response =>
  origin === issuer
    ? new Response(serverMetadata, { headers: jsonType })
    : json({
      resource: `${origin}${pathname.slice(resourceMetadataPath.length)}`,
      authorization_servers: [issuer],
      scopes_supported: [credentials.scope]
    })

const defaultRejection: Rejection = {
  status: 401,
  challenge: (url) => `Bearer resource_metadata="${url}", error="invalid_token"`
}

export const make = (options: Options): MemoryServers => {
  const tokens = new Map<string, { readonly askedAt: number; readonly expiresAt: number }>()
  let lastToken = 0

  const issue = (askedAt: number, fault?: Extract<Fault, { readonly _tag: "Issues" }>): Response => {
    const now = options.now()
    // Old tokens are deleted, or the memory of the servers would count as memory of the client.
    for (const [token, { expiresAt }] of tokens) {
      if (expiresAt > now) break
      tokens.delete(token)
    }
    const token = `token-${++lastToken}-${"x".repeat(24)}`
    tokens.set(token, { askedAt, expiresAt: now + options.tokenLifetimeMillis })
    const body = {
      access_token: token,
      token_type: "Bearer",
      expires_in: options.tokenLifetimeMillis / 1000,
      scope: credentials.scope
    }
    return new Response(JSON.stringify({ ...body, ...fault?.change }), {
      status: fault?.status ?? 200,
      headers: { ...jsonType, "cache-control": "no-store" }
    })
  }

  const tokenEndpoint = (
    request: HttpClientRequest.HttpClientRequest
  ): Effect.Effect<Response, HttpClientError.RequestError> =>
    Effect.suspend(() => {
      options.onTokenRequest?.()
      const fault = options.fault?.("token", request)
      const askedAt = options.now()
      const millis = options.tokenMillis?.() ?? 0
      const answer = Effect.suspend(() =>
        fault === undefined || fault._tag === "Issues"
          ? Effect.succeed(issue(askedAt, fault))
          : faultyAnswer(request, fault)
      )
      return millis > 0 ? Effect.delay(answer, millis) : answer
    })

  const admits = (authorization: string): boolean => {
    const token = tokens.get(authorization.slice("Bearer ".length))
    return token !== undefined && token.expiresAt > options.now()
  }

  const resource = (request: HttpClientRequest.HttpClientRequest, path: string): Response => {
    if (admits(request.headers["authorization"] ?? "")) return new Response(resultBody, { headers: jsonType })
    const { challenge, status } = options.rejection?.() ?? defaultRejection
    return new Response(null, {
      status,
      headers: { "www-authenticate": challenge(`${resourceOrigin}${resourceMetadataPath}${path}`) }
    })
  }

  const respond = (
    request: HttpClientRequest.HttpClientRequest,
    url: URL
  ): Effect.Effect<Response, HttpClientError.RequestError> => {
    const address = addressOf(url)
    if (address === "token") return tokenEndpoint(request)
    return Effect.suspend(() => {
      if (address === undefined) return Effect.succeed(resource(request, url.pathname))
      const fault = options.fault?.(address, request)
      return fault === undefined || fault._tag === "Issues"
        ? Effect.succeed(document(url))
        : faultyAnswer(request, fault)
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
