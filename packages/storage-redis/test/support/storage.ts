/**
 * What the tests ask of a storage: tokens that are told apart, and the names of what is in Redis.
 */
import type { TokenStorage } from "@effect-mcp-auth/core"
import { AccessToken, TokenKey } from "@effect-mcp-auth/core"
import { RedisTokenStorage } from "@effect-mcp-auth/storage-redis"
import { Effect, Exit, Redacted, Scope } from "effect"

export const encryptionKey = Redacted.make(Buffer.alloc(32, 7).toString("base64url"))

export const makeKey = (): TokenKey.TokenKey => ({
  issuer: "https://auth.example.com",
  clientId: `nightly-report ${crypto.randomUUID()}`,
  authenticationMethod: "client_secret_basic",
  grantType: "client_credentials",
  resource: "https://mcp.example.com/mcp",
  subject: "",
  scopes: [],
  parameters: []
})

export const makeToken = (options: { readonly issuedIn?: number; readonly refreshToken?: boolean } = {}) => {
  const issuedAt = Date.now() + (options.issuedIn ?? -1000)
  return new AccessToken.AccessToken({
    value: Redacted.make(`canary-${crypto.randomUUID()}`),
    tokenType: "Bearer",
    scopes: [],
    issuer: "https://auth.example.com",
    issuedAt,
    expiresAt: issuedAt + 60_000,
    ...(options.refreshToken === true ? { refreshToken: Redacted.make(`canary-${crypto.randomUUID()}`) } : {})
  })
}

export const open = (url: string, options: Partial<RedisTokenStorage.Options> = {}) =>
  RedisTokenStorage.make({ url: Redacted.make(url), encryptionKey, ...options })

/** Holds the lease until the result is run. */
export const hold = ({ lease }: TokenStorage.TokenStorage.Service, key: TokenKey.TokenKey) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    yield* Scope.extend(lease(key), scope)
    return Scope.close(scope, Exit.void)
  })

export const namesOf = (key: TokenKey.TokenKey) =>
  Effect.map(TokenKey.digest(key), (digest) => ({
    record: `mcp-auth:{${digest}}:record`,
    lease: `mcp-auth:{${digest}}:lease`,
    fence: `mcp-auth:{${digest}}:fence`,
    line: `mcp-auth:{${digest}}:line`
  }))

/** Looks until it is so: for what another process does in its own time. */
export const until = <A>(look: () => Promise<A>, is: (value: A) => boolean) =>
  Effect.promise(look).pipe(Effect.zipLeft(Effect.sleep("5 millis")), Effect.repeat({ until: is }))
