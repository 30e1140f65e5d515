import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import type * as Jose from "jose"
import { kindOf } from "../../authoring/TextOption.ts"
import { AssertionError, type InvalidOptions } from "../../OAuthError.ts"
import {
  algorithms,
  isWholeSignature,
  MIN_MODULUS_LENGTH,
  type SigningAlgorithm,
  type SigningKey
} from "../../SigningKey.ts"
import { doesNotFit, invalid } from "./readKey.ts"

/**
 * Signs a JWT with these claims.
 *
 * @internal
 */
export type Signer = (claims: Jose.JWTPayload) => Effect.Effect<string, AssertionError>

/** `jose` is loaded when a key is imported, so that a program with a client secret never loads it. */
const jose = Effect.promise(() => import("jose"))

/**
 * Imports a key that `readKey` has read, once for all the JWTs that it will sign with this header.
 *
 * @internal
 */
export const importKey = (
  key: SigningKey,
  header: { readonly alg: SigningAlgorithm }
): Effect.Effect<Signer, InvalidOptions> => {
  const prefix = `${encodeJson(header)}.`
  if (typeof key === "function") {
    return Effect.succeed((claims) =>
      Effect.gen(function*() {
        const input = yield* Effect.try({ try: () => prefix + encodeJson(claims), catch: signingFailed })
        const signature = yield* key(new TextEncoder().encode(input))
        yield* checkSignature(signature, header.alg)
        return `${input}.${Encoding.encodeBase64Url(signature)}`
      })
    )
  }
  return Effect.gen(function*() {
    const imported = yield* toCryptoKey(key, header.alg)
    yield* checkFits(imported, header.alg)
    const { signParameters } = algorithms[header.alg]
    // The result is that of `SignJWT` of jose, which copies the claims and encodes the header each time.
    return (claims) =>
      Effect.tryPromise({
        try: async () => {
          const input = prefix + encodeJson(claims)
          const signature = await crypto.subtle.sign(signParameters, imported, new TextEncoder().encode(input))
          return `${input}.${Encoding.encodeBase64Url(new Uint8Array(signature))}`
        },
        catch: signingFailed
      })
  })
}

/** The error has no cause, because the message of the cause may quote the key or the claims. */
const signingFailed = () =>
  new AssertionError({
    reason: "Unavailable",
    description: "Signing the assertion failed. Check that the key is usable and that every claim can be JSON."
  })

/** Detects a KMS that returns DER, its usual form. */
const checkSignature = (signature: Uint8Array, alg: SigningAlgorithm): Effect.Effect<void, AssertionError> => {
  // A signer in JavaScript can return anything.
  if (!Predicate.isUint8Array(signature)) {
    return new AssertionError({
      reason: "Malformed",
      description: `The external signer returned ${kindOf(signature)}, and not the bytes of a signature (a Uint8Array).`
    })
  }
  const wanted = algorithms[alg].signatureLength
  const { length } = signature
  if (isWholeSignature(alg, length)) return Effect.void
  return new AssertionError({
    reason: "Malformed",
    description: `The external signer returned ${length} bytes, which is not a signature for ${alg}: ` +
      (wanted === undefined
        ? `that has as many bytes as the key, at least ${MIN_MODULUS_LENGTH / 8} (RFC 7518 §3.3).`
        : `that has ${wanted} bytes${alg === "EdDSA" ? "" : ", R and S one after the other, not DER"} (${
          alg === "EdDSA" ? "RFC 8032 §5.1.6" : "RFC 7518 §3.4"
        }).`)
  })
}

/**
 * The `kid` of a JWK (RFC 7517 §4.5).
 *
 * @internal
 */
export const keyIdOf = (key: SigningKey): string | undefined => {
  if (!Redacted.isRedacted(key)) return undefined
  const value = Redacted.value<string | Jose.JWK>(key)
  return typeof value === "string" || typeof value.kid !== "string" ? undefined : value.kid
}

const encodeJson = (value: unknown): string => Encoding.encodeBase64Url(JSON.stringify(value))

const toCryptoKey = (key: Exclude<SigningKey, (...args: never) => unknown>, alg: SigningAlgorithm) => {
  if (!Redacted.isRedacted(key)) return Effect.succeed(key)
  const value = Redacted.value<string | Jose.JWK>(key)
  return typeof value === "string"
    ? importWith(alg, ({ importPKCS8 }) => importPKCS8(value, alg))
    : importJwk(value, alg)
}

const importJwk = (jwk: Jose.JWK, alg: SigningAlgorithm): Effect.Effect<CryptoKey, InvalidOptions> => {
  // These members may contradict `signingAlgorithm`, which decides.
  const { alg: _alg, ext: _ext, key_ops: _keyOps, use: _use, ...material } = jwk
  return Effect.filterOrFail(
    importWith(alg, ({ importJWK }) => importJWK(material, alg)),
    (imported): imported is CryptoKey => !(imported instanceof Uint8Array),
    () => doesNotFit(alg)
  )
}

const importWith = <A>(alg: SigningAlgorithm, run: (jose: typeof Jose) => Promise<A>) =>
  Effect.flatMap(jose, (loaded) => Effect.tryPromise({ try: () => run(loaded), catch: () => doesNotFit(alg) }))

const checkFits = (key: CryptoKey, alg: SigningAlgorithm): Effect.Effect<void, InvalidOptions> => {
  if (key.type !== "private") return invalid(`it is a ${key.type} key. Give the private one.`)
  if (!key.usages.includes("sign")) return invalid("it is not for signing. Import it with the usage `sign`.")
  const is: Readonly<Record<string, unknown>> = { ...key.algorithm }
  const wanted = algorithms[alg].importParameters
  const hash = typeof is["hash"] === "object" && is["hash"] !== null && "name" in is["hash"]
    ? is["hash"].name
    : undefined
  if (is["name"] !== wanted.name || is["namedCurve"] !== wanted.namedCurve || hash !== wanted.hash) {
    return doesNotFit(alg)
  }
  const length = is["modulusLength"]
  return typeof length === "number" && length < MIN_MODULUS_LENGTH
    ? invalid(`it has ${length} bits. Give an RSA key of at least ${MIN_MODULUS_LENGTH} (RFC 7518 §3.3).`)
    : Effect.void
}
