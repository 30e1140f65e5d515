/**
 * A directory of tokens, and storages that use it.
 */
import { AccessToken, type DiscoveryRecord, TokenKey, type TokenStorage } from "@effect-mcp-auth/core"
import { FileTokenStorage } from "@effect-mcp-auth/storage-file"
import { NodeContext } from "@effect/platform-node"
import { FileSystem } from "@effect/platform"
import { it } from "@effect/vitest"
import { Effect, Redacted, type Scope } from "effect"

export const key: TokenKey.TokenKey = {
  issuer: "https://auth.example.com",
  clientId: "nightly-report",
  authenticationMethod: "client_secret_basic",
  grantType: "client_credentials",
  resource: "https://mcp.example.com/mcp",
  subject: "",
  scopes: [],
  parameters: []
}

export const makeToken = (value: string, issuedAt = 1, expiresAt = Number.MAX_SAFE_INTEGER) =>
  new AccessToken.AccessToken({
    value: Redacted.make(`canary-${value}`),
    tokenType: "Bearer",
    scopes: ["a"],
    issuer: key.issuer,
    issuedAt,
    expiresAt
  })

export const token = makeToken("first")
export const later = makeToken("later", 2)

export const encryptionKey = Redacted.make(Buffer.alloc(32, 7).toString("base64url"))

export const open = (options: FileTokenStorage.FileStorageOptions) =>
  FileTokenStorage.make({ encryptionKey, ...options })

export const openPlaintext = (directory: string) => FileTokenStorage.makePlaintext({ directory })

/** A directory with a token, the storage that stored the token, and the file and the folder of the token. */
export const stored = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* Effect.map(fs.makeTempDirectoryScoped(), (temporary) => `${temporary}/tokens`)
  const storage = yield* open({ directory })
  yield* storage.set(key, token)
  const folder = `${directory}/${yield* TokenKey.digest(key)}`
  return { directory, file: `${folder}/record.1`, folder, fs, storage }
})

/** The record of a discovery that has just ended. */
export const makeRecord = (confirmedAt = Date.now()): DiscoveryRecord.DiscoveryRecord => ({
  issuer: key.issuer,
  confirmedAt,
  authorizationServer: {
    url: "https://auth.example.com/.well-known/oauth-authorization-server",
    readAt: confirmedAt,
    freshUntil: confirmedAt + 3_600_000,
    metadata: { issuer: key.issuer, token_endpoint: "https://auth.example.com/token" }
  }
})

/** The operations of a storage that keeps what discovery has found. */
export const discoveryOf = ({ discovery }: TokenStorage.TokenStorage.Service) =>
  discovery === undefined ? Effect.dieMessage("the storage keeps tokens only") : Effect.succeed(discovery)

type Body<A, E> = Effect.Effect<A, E, FileSystem.FileSystem | NodeContext.NodeContext | Scope.Scope>

export const live = <A, E>(name: string, body: Body<A, E>) =>
  it.scopedLive(name, () => Effect.provide(body, NodeContext.layer))

/** A test on `TestClock`: time stands still until the test advances it, however slow the machine and its disk are. */
export const timed = <A, E>(name: string, body: Body<A, E>) =>
  it.scoped(name, () => Effect.provide(body, NodeContext.layer))
