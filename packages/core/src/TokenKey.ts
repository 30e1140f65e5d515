/**
 * The key under which a `TokenStorage` stores a token: everything that makes two token requests ask for the same token.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Order from "effect/Order"

/**
 * Everything that makes two token requests ask for the same token. The order of scopes and of parameters makes no
 * difference.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenKey {
  /** The issuer of the authorization server (RFC 8414 §2), or `discover` if the MCP server names it. */
  readonly issuer: string
  /** The client identifier (RFC 6749 §2.2), or an empty text for a grant without one. */
  readonly clientId: string
  /** How the client authenticates at the token endpoint, such as `client_secret_basic` (RFC 7591 §2). */
  readonly authenticationMethod: string
  /** The `grant_type` of the token request (RFC 6749 §4.5). */
  readonly grantType: string
  /** The resource that the token is for (RFC 8707 §2). */
  readonly resource: string
  /** The subject that the grant speaks for, or an empty text if the client speaks for itself. */
  readonly subject: string
  /** The scopes that the token request asks for (RFC 6749 §3.3). */
  readonly scopes: ReadonlyArray<string>
  /** All further parameters of the token request. */
  readonly parameters: ReadonlyArray<readonly [name: string, value: string]>
}

/**
 * The key as text. Equal keys give equal texts, and different keys give different texts. The text names the client and
 * the servers in the clear: use `digest` where others can read it.
 *
 * @example
 * ```ts
 * import type { AccessToken } from "@effect-mcp-auth/core"
 * import { TokenKey } from "@effect-mcp-auth/core"
 *
 * const tokens = new Map<string, AccessToken.AccessToken>()
 *
 * export const find = (key: TokenKey.TokenKey) => tokens.get(TokenKey.encode(key))
 * ```
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (key: TokenKey): string =>
  JSON.stringify([
    key.issuer,
    key.clientId,
    key.authenticationMethod,
    key.grantType,
    key.resource,
    key.subject,
    key.scopes.toSorted(),
    key.parameters.toSorted(byNameAndValue)
  ])

const byNameAndValue = Order.tuple(Order.string, Order.string)

/** A digest of the text of a key, computed once for each key object. */
const makeDigest = (textOf: (key: TokenKey) => string): (key: TokenKey) => Effect.Effect<string> => {
  const digests = new WeakMap<TokenKey, string>()
  return (key) =>
    Effect.suspend(() => {
      const known = digests.get(key)
      if (known !== undefined) return Effect.succeed(known)
      return Effect.promise(async () => {
        const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(textOf(key)))
        const computed = Encoding.encodeBase64Url(new Uint8Array(hash))
        digests.set(key, computed)
        return computed
      })
    })
}

/**
 * The name of the key where others can read it, such as in file names and in keys of Redis: the SHA-256 of its text as
 * 43 characters of base64url. The digest is computed once for each key object.
 *
 * @since 0.1.0
 * @category encoding
 */
export const digest: (key: TokenKey) => Effect.Effect<string> = makeDigest(encode)

/**
 * The name under which a storage keeps the discovery record of the key. The name differs from that of the token.
 *
 * @since 0.1.0
 * @category encoding
 */
export const discoveryDigest: (key: TokenKey) => Effect.Effect<string> = makeDigest((key) => `discovery ${encode(key)}`)
