import type { AssertionProvider } from "@effect-mcp-auth/core/AssertionProvider"
import type { AssertionRequest } from "@effect-mcp-auth/core/Assertion"
import type { AssertionError } from "@effect-mcp-auth/core/OAuthError"
import { TestNetwork } from "@effect-mcp-auth/testing"
import { Clock, ConfigProvider, Effect, Encoding, Layer, Redacted } from "effect"

export const request: AssertionRequest = {
  audience: "https://auth.example.com",
  issuer: "https://auth.example.com",
  tokenEndpoint: "https://auth.example.com/token",
  resource: "https://mcp.example.com/mcp",
  scopes: ["mcp"],
  refused: []
}

const part = (value: unknown): string => Encoding.encodeBase64Url(JSON.stringify(value))

export interface Claims {
  readonly aud?: unknown
  readonly exp?: unknown
  readonly nbf?: unknown
  readonly jti?: string
  /** Distinguishes tokens without a `jti`. */
  readonly number?: string
}

/** A JWT that contains the canary. Its signature has the length for the algorithm, and is invalid. */
export const jwt = (claims: Claims, options: { readonly alg?: string; readonly signature?: number } = {}): string => {
  const signature = Encoding.encodeBase64Url(new Uint8Array(options.signature ?? 32).fill(7))
  return `${part({ alg: options.alg ?? "HS256" })}.${part({ sub: "canary", ...claims })}.${signature}`
}

/** A JWT for the authorization server, valid for an hour from the epoch on. */
export const good = (claims: Claims = {}): string => jwt({ aud: request.audience, exp: 3600, ...claims })

export const claimsOf = (assertion: Redacted.Redacted<string>): Record<string, unknown> =>
  JSON.parse(Buffer.from(Redacted.value(assertion).split(".")[1] ?? "", "base64url").toString())

/** Issues JWTs for the audience that expire in an hour, each with its own number, and with a `jti` on request. */
export const issuer = (options: { readonly jti?: boolean } = {}) => {
  let count = 0
  return (audience: string | null, lifetime = 3600) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      const number = String(++count)
      const jti = options.jti === true ? { jti: number } : {}
      return jwt({ aud: audience ?? undefined, exp: Math.floor(now / 1000) + lifetime, number, ...jti })
    })
}

export const environment = (variables: Readonly<Record<string, string>>) =>
  Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))

/** The environment of a test: a network, and these variables. */
export const world = (variables: Readonly<Record<string, string>> = {}) =>
  Layer.merge(TestNetwork.layer, environment(variables))

export const json = (value: unknown, status = 200) => Response.json(value, { status })

export const failureOf = (
  provider: AssertionProvider.Service,
  changes: Partial<AssertionRequest> = {}
): Effect.Effect<AssertionError, Redacted.Redacted<string>> => Effect.flip(provider({ ...request, ...changes }))
