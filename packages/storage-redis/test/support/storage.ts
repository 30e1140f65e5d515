/**
 * Storages under test, tokens that differ, and the names of their keys in Redis.
 */
import type { TokenStorage } from "@effect-mcp-auth/core"
import { AccessToken, type DiscoveryRecord, TokenKey } from "@effect-mcp-auth/core"
import { RedisTokenStorage } from "@effect-mcp-auth/storage-redis"
import { TokenStorageContract } from "@effect-mcp-auth/testing"
import { Effect, Exit, Redacted, Scope } from "effect"
import { readFileSync } from "node:fs"

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

/** The record of a discovery that has just ended. */
export const makeRecord = (): DiscoveryRecord.DiscoveryRecord => {
  const now = Date.now()
  return {
    issuer: "https://auth.example.com",
    confirmedAt: now,
    authorizationServer: {
      url: "https://auth.example.com/.well-known/oauth-authorization-server",
      readAt: now,
      freshUntil: now + 3_600_000,
      metadata: { issuer: "https://auth.example.com", token_endpoint: "https://auth.example.com/token" }
    }
  }
}

/** The operations of a storage that keeps what discovery has found. */
export const discoveryOf = ({ discovery }: TokenStorage.TokenStorage.Service) =>
  discovery === undefined ? Effect.dieMessage("the storage keeps tokens only") : Effect.succeed(discovery)

export const open = (url: string, options: Partial<RedisTokenStorage.Options> = {}) =>
  RedisTokenStorage.make({ url: Redacted.make(url), encryptionKey, ...options })

/** Two storages, as of two processes, pass the contract. */
export const checkContract = <E, R>(place: Effect.Effect<TokenStorage.TokenStorage.Service, E, R>) =>
  Effect.gen(function*() {
    const [storage, other] = [yield* place, yield* place]
    for (const { check } of TokenStorageContract.cases) yield* check(storage, other)
    return storage
  })

/** Takes the lease. Returns the effect that releases it. */
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

/** The rights of a Redis user that the README names: for one Redis, and what a db or a cluster needs besides. */
export const readmeRights = () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8")
  const rightsOf = (row: string) => {
    const cells = readme.split("\n").filter((line) => line.startsWith(`| ${row} |`))
    const rights = cells.flatMap((cell) => cell.slice(row.length + 5).match(/[~&+][^\s`|]+/g) ?? [])
    if (rights.length === 0) throw new Error(`the README names no rights for ${row}`)
    return rights
  }
  return { always: rightsOf("always"), db: rightsOf("with a db"), cluster: rightsOf("in a cluster") }
}
