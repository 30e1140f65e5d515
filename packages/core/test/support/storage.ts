/**
 * Tokens, their key, and the storage of a Layer, for the tests of storages.
 */
import { Context, Effect, Layer, Redacted } from "effect"
import { AccessToken, type TokenKey, TokenStorage } from "../../src/index.ts"

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

export const encryptionKey = Redacted.make(Buffer.alloc(32, 7).toString("base64url"))

export const view = <E, R>(layer: Layer.Layer<TokenStorage.TokenStorage, E, R>) =>
  Effect.map(Layer.build(layer), Context.get(TokenStorage.TokenStorage))

export const otherEncryptionKey = Redacted.make(Buffer.alloc(32, 8).toString("base64url"))

/** A storage in the `KeyValueStore` with these keys; in plaintext if there is none. */
export const storedBy = (keys: ReadonlyArray<Redacted.Redacted<string>>) =>
  view(
    keys.length === 0
      ? TokenStorage.layerKeyValueStorePlaintext
      : TokenStorage.layerKeyValueStore({ encryptionKey: keys })
  )
