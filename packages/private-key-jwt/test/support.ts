import { AssertionProvider, TokenStorage } from "@effect-mcp-auth/core"
import type { SignedAssertion } from "@effect-mcp-auth/core"
import { TestServers, TokenRequest } from "@effect-mcp-auth/testing"
import { Clock, Effect, Layer, Redacted } from "effect"
import { generateKeyPair, jwtVerify } from "jose"
import type { JWTPayload } from "jose"

/** One key pair per algorithm and file of tests. */
const pairs = new Map<string, Promise<CryptoKeyPair>>()

export const keyPair = (alg: string, name = alg): Effect.Effect<CryptoKeyPair> =>
  Effect.promise(() => {
    const known = pairs.get(name) ?? generateKeyPair(alg, { extractable: true })
    pairs.set(name, known)
    return known
  })

/**
 * An authorization server that knows the client `machine` by its key, verifies each assertion by jose and accepts each
 * `jti` once (RFC 7523 §3).
 */
export const strict = (options: {
  readonly publicKey: CryptoKey
  readonly audience?: string
  readonly servers?: TestServers.TestServers.Options
}) => {
  let { publicKey } = options
  const seen: Array<JWTPayload> = []
  const jtis = new Set<string>()
  const issuer = options.servers?.issuer ?? "https://auth.example.com"
  const refuse = (description: string) => TokenRequest.refuse("invalid_client", description)
  const verifyClientAssertion: TokenRequest.VerifyClientAssertion = (assertion) =>
    Effect.gen(function*() {
      const now = yield* Clock.currentTimeMillis
      const verified = yield* Effect.tryPromise(() =>
        jwtVerify(assertion, publicKey, {
          audience: options.audience ?? issuer,
          issuer: "machine",
          subject: "machine",
          currentDate: new Date(now),
          requiredClaims: ["iat", "exp", "jti"]
        })
      ).pipe(Effect.catchAll(() => refuse("the assertion is not the client's")))
      const { jti = "" } = verified.payload
      seen.push(verified.payload)
      if (jtis.has(jti)) return yield* refuse("replayed")
      jtis.add(jti)
      return "machine"
    })
  return {
    /** From now on the client's key is this one. */
    rotate: (key: CryptoKey) =>
      Effect.sync(() => {
        publicKey = key
      }),
    /** The claims of every assertion that verified. */
    seen: Effect.sync(() => [...seen]),
    environment: Layer.merge(
      TestServers.layer({
        ...options.servers,
        authorizationServer: {
          authMethods: ["private_key_jwt"],
          clients: [{ clientId: "machine", scopes: ["mcp", "admin"], defaultScopes: ["mcp"] }],
          verifyClientAssertion,
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

/** A prebuilt assertion that nobody has signed. */
export const unsigned = (claims: JWTPayload, alg = "ES256"): Redacted.Redacted<string> => {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")
  return Redacted.make(`${encode({ alg })}.${encode(claims)}.canary-signature`)
}
