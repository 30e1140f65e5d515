/**
 * Keys and tokens for the cases of `TokenStorageContract`, new ones for each.
 *
 * @internal
 */
import { AccessToken, isSame } from "@effect-mcp-auth/core/AccessToken"
import type { TokenKey } from "@effect-mcp-auth/core/TokenKey"
import type { TokenStorage } from "@effect-mcp-auth/core/TokenStorage"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

/** @internal */
export interface Subject {
  readonly storage: TokenStorage.Service
  readonly other: TokenStorage.Service
  readonly key: TokenKey
  /** A token. By default issued now and valid for one hour. */
  readonly token: (changes?: TokenChanges) => AccessToken
}

interface TokenChanges {
  /** Milliseconds from now. */
  readonly issuedIn?: number
  /** Milliseconds. */
  readonly lifetime?: number
  /** Milliseconds from the issue. */
  readonly refreshIn?: number
  readonly refreshToken?: Redacted.Redacted<string>
  readonly value?: string
}

/** @internal */
export const HOUR = 60 * 60 * 1000

/** @internal */
export const makeKey = (): TokenKey => ({
  issuer: "https://auth.example.com",
  clientId: `contract ${crypto.randomUUID()}`,
  authenticationMethod: "client_secret_basic",
  grantType: "client_credentials",
  resource: "https://mcp.example.com/mcp",
  subject: "",
  scopes: ["b", "a"],
  parameters: [["audience", "x"]]
})

/** @internal */
export const makeToken = (now: number) => (changes: TokenChanges = {}): AccessToken => {
  const issuedAt = now + (changes.issuedIn ?? 0)
  return new AccessToken({
    value: Redacted.make(changes.value ?? `contract-token-${crypto.randomUUID()}`),
    tokenType: "Bearer",
    scopes: ["b", "a"],
    issuer: "https://auth.example.com",
    issuedAt,
    expiresAt: issuedAt + (changes.lifetime ?? HOUR),
    ...(changes.refreshIn === undefined ? {} : { refreshAt: issuedAt + changes.refreshIn }),
    ...(changes.refreshToken === undefined ? {} : { refreshToken: changes.refreshToken })
  })
}

/**
 * Whether a storage returned the token that was set, with every member.
 *
 * @internal
 */
export const isStored = (actual: Option.Option<AccessToken>, expected: AccessToken): boolean =>
  Option.exists(
    actual,
    (token) =>
      isSame(token, expected) && token.issuedAt === expected.issuedAt && token.expiresAt === expected.expiresAt &&
      token.refreshAt === expected.refreshAt && token.issuer === expected.issuer &&
      token.tokenType === expected.tokenType &&
      token.scopes.join(" ") === expected.scopes.join(" ") && Equal.equals(token.refreshToken, expected.refreshToken)
  )
