import { AssertionProvider, TokenStorage } from "@effect-mcp-auth/core"
import type { SignedAssertion } from "@effect-mcp-auth/core"
import { AssertionVerifier, TestServers } from "@effect-mcp-auth/testing"
import { Effect, Layer, Redacted } from "effect"
import { generateKeyPair } from "jose"
import type { JWTPayload } from "jose"

/** One key pair per algorithm and file of tests. */
const pairs = new Map<string, Promise<CryptoKeyPair>>()

export const keyPair = (alg: string, name = alg): Effect.Effect<CryptoKeyPair> =>
  Effect.promise(() => {
    const known = pairs.get(name) ?? generateKeyPair(alg, { extractable: true })
    pairs.set(name, known)
    return known
  })

/** An authorization server that knows the client `machine` by its key, and accepts each `jti` once (RFC 7523 §3). */
export const strict = (options: {
  readonly publicKey: CryptoKey
  readonly keyId?: string
  readonly audience?: string
  readonly servers?: TestServers.TestServers.Options
}) => {
  const { rotate, seen, verify } = AssertionVerifier.make({
    issuer: "machine",
    keys: [{ publicKey: options.publicKey, keyId: options.keyId }],
    audiences: [options.audience ?? options.servers?.issuer ?? "https://auth.example.com"]
  })
  return {
    /** Replaces the key of the client. */
    rotate: (publicKey: CryptoKey, keyId?: string) => rotate([{ publicKey, keyId }]),
    seen,
    environment: Layer.merge(
      TestServers.layer({
        ...options.servers,
        authorizationServer: {
          authMethods: ["private_key_jwt"],
          clients: [{ clientId: "machine", scopes: ["mcp", "admin"], defaultScopes: ["mcp"] }],
          verifyClientAssertion: (assertion) => Effect.as(verify(assertion), "machine"),
          ...options.servers?.authorizationServer
        }
      }),
      TokenStorage.layerMemory
    )
  }
}

/** Assertions signed by this key. */
export const signed = (
  signingKey: SignedAssertion.Options["signingKey"],
  changes: Partial<SignedAssertion.Options> = {}
) => AssertionProvider.layerSigned({ issuer: "machine", signingKey, signingAlgorithm: "ES256", ...changes })

/** The forms of all token requests so far. */
export const forms = Effect.flatMap(
  TestServers.TestServers,
  ({ network }) =>
    Effect.map(
      network.requestsTo("token"),
      (requests) => requests.map(({ body }) => Object.fromEntries(new URLSearchParams(body)))
    )
)

/** A prebuilt assertion with an invalid signature. */
export const unsigned = (claims: JWTPayload, alg = "ES256"): Redacted.Redacted<string> => {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")
  return Redacted.make(`${encode({ alg })}.${encode(claims)}.canary-signature`)
}
