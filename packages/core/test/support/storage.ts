/**
 * Tokens, their key, and the storage of a Layer, for the tests of storages.
 */
import { expect } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Option, Redacted, TestClock } from "effect"
import {
  AccessToken,
  type DiscoveryRecord,
  KeyValueTokenStorage,
  type TokenKey,
  TokenStorage
} from "../../src/index.ts"

export const key: TokenKey.TokenKey = {
  issuer: "https://auth.example.com",
  clientId: "client",
  authenticationMethod: "client_secret_basic",
  grantType: "client_credentials",
  resource: "https://mcp.example.com/mcp",
  subject: "",
  scopes: ["b", "a"],
  parameters: [["y", "1"], ["x", "2"]]
}

export const makeToken = (issuedAt: number, expiresAt: number, value = "canary") =>
  new AccessToken.AccessToken({
    value: Redacted.make(value),
    tokenType: "Bearer",
    scopes: ["a"],
    issuer: key.issuer,
    issuedAt,
    expiresAt
  })

export const token = makeToken(0, 1)

/** A discovery record with both documents. */
export const record = {
  issuer: key.issuer,
  confirmedAt: 0,
  protectedResource: {
    url: "https://mcp.example.com/.well-known/oauth-protected-resource/mcp",
    readAt: 0,
    freshUntil: 1000,
    metadata: { resource: key.resource, authorization_servers: [key.issuer], scopes_supported: ["a", "b"] },
    challenge: { scope: "a", resourceMetadata: "https://mcp.example.com/.well-known/oauth-protected-resource/mcp" }
  },
  authorizationServer: {
    url: "https://auth.example.com/.well-known/oauth-authorization-server",
    readAt: 0,
    freshUntil: 2000,
    metadata: { issuer: key.issuer, token_endpoint: "https://auth.example.com/token", dpop: true }
  }
} satisfies DiscoveryRecord.DiscoveryRecord

/** The operations of a storage that keeps what discovery has found. */
export const discoveryOf = ({ discovery }: TokenStorage.TokenStorage.Service) =>
  discovery === undefined ? Effect.dieMessage("the storage keeps tokens only") : Effect.succeed(discovery)

export const encryptionKey = Redacted.make(Buffer.alloc(32, 7).toString("base64url"))

export const view = <E, R>(layer: Layer.Layer<TokenStorage.TokenStorage, E, R>) =>
  Effect.map(Layer.build(layer), Context.get(TokenStorage.TokenStorage))

export const otherEncryptionKey = Redacted.make(Buffer.alloc(32, 8).toString("base64url"))

/** A storage in the `KeyValueStore` with these keys; in plaintext if there is none. */
export const storedBy = (keys: ReadonlyArray<Redacted.Redacted<string>>) =>
  view(
    keys.length === 0
      ? KeyValueTokenStorage.layerPlaintext
      : KeyValueTokenStorage.layer({ encryptionKey: keys })
  )

/**
 * Makes a storage whose place reads with `slow`, and `others`, by which another process writes to the same place at
 * once.
 */
export type MakeSlowPlace = (slow: <A>(read: () => A) => Effect.Effect<A>) => {
  readonly storage: TokenStorage.TokenStorage.Service
  readonly others: (token: AccessToken.AccessToken) => Effect.Effect<unknown, unknown>
}

/** Another process stores a token while a set reads the place: the token of the other process stays. */
export const keepsTokenStoredDuringSet = (makeSlowPlace: MakeSlowPlace) =>
  Effect.gen(function*() {
    const { others, storage } = makeSlowPlace((read) => Effect.delay(Effect.sync(read), "1 second"))
    const setting = yield* Effect.fork(storage.set(key, makeToken(0, 100_000, "earlier")))
    yield* TestClock.adjust("900 millis")
    yield* others(makeToken(800, 100_000, "later"))
    yield* TestClock.adjust("100 millis")
    yield* Fiber.join(setting)
    const reading = yield* Effect.fork(storage.get(key))
    yield* TestClock.adjust("1 second")
    const token = Option.getOrThrow(yield* Fiber.join(reading))
    expect(Redacted.value(token.value)).toBe("later")
  })
