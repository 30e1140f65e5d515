import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import type * as Jose from "jose"
import { AssertionError, InvalidOptions } from "../../OAuthError.ts"
import { algorithms, MIN_MODULUS_LENGTH, type SigningAlgorithm, type SigningKey } from "../../SigningKey.ts"

/**
 * Signs a JWT with these claims.
 *
 * @internal
 */
export type Signer = (claims: Jose.JWTPayload) => Effect.Effect<string, AssertionError>

/** `jose` is loaded when a key is imported, so that a program with a client secret never loads it. */
const jose = Effect.promise(() => import("jose"))

const invalid = (description: string) => new InvalidOptions({ option: "signingKey", description })

const isCryptoKey = (key: unknown): key is CryptoKey =>
  typeof key === "object" && key !== null && "algorithm" in key && "usages" in key && Array.isArray(key.usages)

/**
 * Whether a value is a key at all: options may come from JavaScript, or from a variable that is not set.
 *
 * @internal
 */
export const checkForm = (key: unknown): Effect.Effect<void, InvalidOptions> => {
  if (typeof key === "function" || isCryptoKey(key)) return Effect.void
  if (typeof key === "string") return invalid("it is a plain string. Wrap it in `Redacted.make`.")
  const value: unknown = Redacted.isRedacted(key) ? Redacted.value(key) : undefined
  return typeof value === "string" || (typeof value === "object" && value !== null && "kty" in value)
    ? Effect.void
    : invalid(
      "it is not a key. Give a PKCS#8 PEM or a private JWK in `Redacted`, a `CryptoKey`, or a function that signs. A " +
        "`KeyObject` of Node.js is exported first: key.export({ type: \"pkcs8\", format: \"pem\" })"
    )
}

/**
 * Imports a key once, for all the JWTs that it will sign with this header.
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

/**
 * Detects a KMS that returns DER, its usual form. An RSA signature is as long as the key, whose length is not known
 * here: at least 2048 bits, in steps of 64 bits.
 */
const checkSignature = (signature: Uint8Array, alg: SigningAlgorithm): Effect.Effect<void, AssertionError> => {
  const wanted = algorithms[alg].signatureLength
  const { length } = signature
  if (wanted === undefined ? length >= MIN_MODULUS_LENGTH / 8 && length % 8 === 0 : length === wanted) {
    return Effect.void
  }
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
  return typeof value === "string" ? undefined : value.kid
}

const encodeJson = (value: unknown): string => Encoding.encodeBase64Url(JSON.stringify(value))

const toCryptoKey = (key: Exclude<SigningKey, (...args: never) => unknown>, alg: SigningAlgorithm) => {
  if (!Redacted.isRedacted(key)) return Effect.succeed(key)
  const value = Redacted.value<string | Jose.JWK>(key)
  return typeof value === "string" ? importPem(value, alg) : importJwk(value, alg)
}

/** PEM labels of other kinds of keys, and how to convert each. */
const otherPems: ReadonlyArray<readonly [label: string, description: string]> = [
  ["ENCRYPTED PRIVATE KEY", "the PEM is encrypted. Decrypt it first: openssl pkcs8 -in key.pem -out plain.pem"],
  ["EC PRIVATE KEY", "the PEM is SEC1. Convert it to PKCS#8: openssl pkcs8 -topk8 -nocrypt -in key.pem -out pkcs8.pem"],
  [
    "RSA PRIVATE KEY",
    "the PEM is PKCS#1. Convert it to PKCS#8: openssl pkcs8 -topk8 -nocrypt -in key.pem -out pkcs8.pem"
  ],
  [
    "OPENSSH PRIVATE KEY",
    "the PEM is OpenSSH's. Make it PKCS#1 or SEC1 (ssh-keygen -p -m PEM -f key), then PKCS#8: " +
    "openssl pkcs8 -topk8 -nocrypt -in key -out pkcs8.pem"
  ],
  ["PUBLIC KEY", "the PEM is a public key. Give the private one."],
  ["RSA PUBLIC KEY", "the PEM is a public key. Give the private one."],
  ["CERTIFICATE", "the PEM is a certificate. Give the private key that belongs to it."]
]

/** A PEM file may contain certificates and attributes besides the key. */
const pkcs8 = /-----BEGIN PRIVATE KEY-----.*?(?:-----END PRIVATE KEY-----|$)/s

const importPem = (pem: string, alg: SigningAlgorithm): Effect.Effect<CryptoKey, InvalidOptions> => {
  // Variables of CI systems often have the line breaks written out.
  const block = pkcs8.exec(pem.replaceAll("\\n", "\n"))?.[0]
  if (block === undefined) {
    const other = otherPems.find(([label]) => pem.includes(`-----BEGIN ${label}-----`))
    if (pem.trimStart().startsWith("{")) {
      return invalid("it is the text of a JWK. Give the JWK as an object: Redacted.make(JSON.parse(text))")
    }
    return invalid(other?.[1] ?? "it is not a PEM. Give a PKCS#8 PEM, which begins with -----BEGIN PRIVATE KEY-----")
  }
  return importWith(alg, ({ importPKCS8 }) => importPKCS8(block, alg))
}

const importJwk = (jwk: Jose.JWK, alg: SigningAlgorithm): Effect.Effect<CryptoKey, InvalidOptions> => {
  if (jwk.d === undefined) return invalid("the JWK has no private part (`d`). Give the private key.")
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

const doesNotFit = (alg: SigningAlgorithm) =>
  invalid(
    `it is not a key for ${alg}, or is damaged. Give ${
      algorithms[alg].keyName
    }, or set \`signingAlgorithm\` to the algorithm of the key.`
  )

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
