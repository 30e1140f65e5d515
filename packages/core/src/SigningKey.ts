/**
 * The kinds of private keys that sign assertions, and the parameters of each JWS algorithm (RFC 7518 §3, RFC 8037
 * §3.1).
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { JWK } from "jose"
import type { AssertionError } from "./OAuthError.ts"

/**
 * The algorithms of RFC 7518 §3.1 and RFC 8037 §3.1 that sign with a private key.
 *
 * @since 0.1.0
 * @category models
 */
export type SigningAlgorithm =
  | "RS256"
  | "RS384"
  | "RS512"
  | "PS256"
  | "PS384"
  | "PS512"
  | "ES256"
  | "ES384"
  | "ES512"
  | "EdDSA"

/**
 * Signs bytes where the key is stored, for example in a KMS or an HSM. The result is a signature as JWS defines it
 * (RFC 7518 §3): for ES256, ES384 and ES512 the values R and S one after the other, not DER.
 *
 * @since 0.1.0
 * @category models
 */
export type ExternalSigner = (data: Uint8Array) => Effect.Effect<Uint8Array, AssertionError>

/**
 * A private key in PEM (PKCS#8, PKCS#1 or SEC1), a private JWK as an object or as its JSON text, a `CryptoKey` with the
 * usage `sign`, or a function that signs elsewhere.
 *
 * A PEM may have escaped line breaks (`\\n`), be in quotes or in base64, be indented, or stand between certificates and
 * attributes, as in variables of CI systems.
 *
 * @since 0.1.0
 * @category models
 */
export type SigningKey = Redacted.Redacted<string> | Redacted.Redacted<JWK> | CryptoKey | ExternalSigner

/**
 * A key together with the names by which the authorization server finds it, for a rotation that changes both.
 *
 * @since 0.1.0
 * @category models
 */
export interface IdentifiedKey {
  readonly key: SigningKey
  /**
   * The header `kid` (RFC 7515 §4.1.4).
   *
   * @default `keyId` of the options, or else the JWK's own `kid`
   */
  readonly keyId?: string | undefined
  /**
   * The header `x5t`: the SHA-1 thumbprint of the certificate, in base64url, base64 or hex (RFC 7515 §4.1.7).
   *
   * @default `x5t` of the options
   */
  readonly x5t?: string | undefined
  /**
   * The header `x5t#S256`: the SHA-256 thumbprint of the certificate, in base64url, base64 or hex (RFC 7515 §4.1.8).
   *
   * @default `x5tS256` of the options
   */
  readonly x5tS256?: string | undefined
}

/**
 * The parameters of one algorithm, for WebCrypto and for error messages.
 *
 * @internal
 */
export interface Algorithm {
  /** The name of a key for this algorithm in error messages. */
  readonly keyName: string
  /** The algorithm of such a key, for WebCrypto's `importKey`. */
  readonly importParameters: { readonly name: string; readonly hash?: string; readonly namedCurve?: string }
  /** The algorithm of a signature, for WebCrypto's `sign`. */
  readonly signParameters: AlgorithmIdentifier | EcdsaParams | RsaPssParams
  /** The length of a signature in bytes; `undefined` for RSA, where a signature is as long as its key. */
  readonly signatureLength: number | undefined
}

const rsa = (name: "RSASSA-PKCS1-v1_5" | "RSA-PSS", bits: number): Algorithm => ({
  keyName: "an RSA key",
  importParameters: { name, hash: `SHA-${bits}` },
  signParameters: name === "RSA-PSS" ? { name, saltLength: bits / 8 } : { name },
  signatureLength: undefined
})

const ecdsa = (namedCurve: string, bits: number, signatureLength: number): Algorithm => ({
  keyName: `an EC key on ${namedCurve}`,
  importParameters: { name: "ECDSA", namedCurve },
  signParameters: { name: "ECDSA", hash: `SHA-${bits}` },
  signatureLength
})

/**
 * The parameters of each algorithm: RFC 7518 §3.3 to §3.5, RFC 8037 §3.1, RFC 8032 §5.1.6.
 *
 * @internal
 */
export const algorithms: Readonly<Record<SigningAlgorithm, Algorithm>> = {
  RS256: rsa("RSASSA-PKCS1-v1_5", 256),
  RS384: rsa("RSASSA-PKCS1-v1_5", 384),
  RS512: rsa("RSASSA-PKCS1-v1_5", 512),
  PS256: rsa("RSA-PSS", 256),
  PS384: rsa("RSA-PSS", 384),
  PS512: rsa("RSA-PSS", 512),
  ES256: ecdsa("P-256", 256, 64),
  ES384: ecdsa("P-384", 384, 96),
  ES512: ecdsa("P-521", 512, 132),
  EdDSA: {
    keyName: "an Ed25519 key",
    importParameters: { name: "Ed25519" },
    signParameters: { name: "Ed25519" },
    signatureLength: 64
  }
}

/**
 * The shortest RSA key that may sign, in bits (RFC 7518 §3.3, §3.5).
 *
 * @internal
 */
export const MIN_MODULUS_LENGTH = 2048

/**
 * The signature lengths of assertions that another party signed: a shared secret (RFC 7518 §3.2), and Ed25519 by its
 * new name (RFC 9864).
 */
const otherSignatureLengths: ReadonlyMap<string, number> = new Map([
  ["HS256", 32],
  ["HS384", 48],
  ["HS512", 64],
  ["Ed25519", 64]
])

/**
 * The step between the lengths of RSA keys, in bytes. Keys in use have a multiple of 512 bits; a multiple of 64 bits is
 * accepted as well, because a refused signature is the worse mistake.
 */
const RSA_STEP = 8

const isSigningAlgorithm = (name: string): name is SigningAlgorithm => Object.hasOwn(algorithms, name)

/** @internal */
export const algorithmNames: ReadonlyArray<SigningAlgorithm> = Object.keys(algorithms).filter(isSigningAlgorithm)

/**
 * Whether a signature of so many bytes can be whole. A signature by an algorithm that is not known here counts as
 * whole.
 *
 * @internal
 */
export const isWholeSignature = (algorithm: string, bytes: number): boolean => {
  const expected = isSigningAlgorithm(algorithm)
    ? algorithms[algorithm].signatureLength
    : otherSignatureLengths.get(algorithm) ?? bytes
  return expected === undefined ? bytes >= MIN_MODULUS_LENGTH / 8 && bytes % RSA_STEP === 0 : bytes === expected
}
