/**
 * A JWT assertion that this process makes and signs (RFC 7521 §5, RFC 7523 §3).
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { JWK } from "jose"
import type { AssertionRequest, AssertionSource } from "./Assertion.ts"
import * as DurationOption from "./authoring/DurationOption.ts"
import * as OwnOptions from "./authoring/OwnOptions.ts"
import * as TextOption from "./authoring/TextOption.ts"
import { importKey, keyIdOf, type Signer } from "./internal/signing/importKey.ts"
import { readKey } from "./internal/signing/readKey.ts"
import { readThumbprint } from "./internal/signing/thumbprint.ts"
import { Permits } from "./internal/waiting/permits.ts"
import { AssertionError, type CredentialError, InvalidOptions } from "./OAuthError.ts"
import { algorithmNames, type IdentifiedKey, type SigningAlgorithm, type SigningKey } from "./SigningKey.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The claim `iss`. For client authentication this is the client id (RFC 7523 §3). */
  readonly issuer: string
  /**
   * The claim `sub`. For client authentication this is the client id too.
   *
   * @default `issuer`
   */
  readonly subject?: string | undefined
  /**
   * The private key, or an Effect that returns it, together with its names if these change with it. `Secret.file` reads
   * it from a file.
   *
   * The Effect runs again when the authorization server refuses an assertion that the key has signed, because the key
   * may have been rotated. If it has been, the token request is sent once more, immediately. A new `CryptoKey` or
   * external signer counts as another key only if its `keyId`, `x5t` or `x5tS256` is new. With the same names, it signs
   * the next request, after the 5 seconds for which a refusal is remembered.
   */
  readonly signingKey: SigningKey | Effect.Effect<SigningKey | IdentifiedKey, AssertionError | CredentialError>
  /** The header `alg`: the algorithm of the key. */
  readonly signingAlgorithm: SigningAlgorithm
  /**
   * The time from `iat` to `exp`, at least 1 second.
   *
   * @default 300 seconds
   */
  readonly lifetime?: Duration.DurationInput | undefined
  /**
   * How far `iat` is set back, for an authorization server whose clock is behind this one and that refuses an assertion
   * from the future. `exp` is counted from `iat`, so that the assertion expires earlier by the same time. At most 10
   * minutes, and shorter than `lifetime`.
   *
   * @default 0 seconds
   */
  readonly issuedAtOffset?: Duration.DurationInput | undefined
  /**
   * The header `typ`. `client-authentication+jwt` is the value of draft-ietf-oauth-rfc7523bis.
   *
   * @default "JWT"
   */
  readonly type?: "JWT" | "client-authentication+jwt" | undefined
  /**
   * The header `kid`, by which the authorization server finds the key.
   *
   * @default the JWK's own `kid`, or else no header
   */
  readonly keyId?: string | undefined
  /**
   * The header `x5t`, by which the authorization server finds the certificate (RFC 7515 §4.1.7): the SHA-1 thumbprint,
   * in base64url, base64 or hex.
   *
   * @default no header
   */
  readonly x5t?: string | undefined
  /**
   * The header `x5t#S256`, by which the authorization server finds the certificate (RFC 7515 §4.1.8): the SHA-256
   * thumbprint, in base64url, base64 or hex.
   *
   * @default no header
   */
  readonly x5tS256?: string | undefined
  /**
   * Claims besides the standard ones, which they do not replace.
   *
   * @default none
   */
  readonly additionalClaims?: Readonly<Record<string, unknown>> | undefined
  /**
   * Claims that replace the standard ones, for servers that need other values. A `jti` here is the same in every
   * assertion: a server that accepts each `jti` once refuses the second assertion (RFC 7523 §3).
   *
   * @default none
   */
  readonly claimOverrides?: Readonly<Record<string, unknown>> | undefined
}

/**
 * Makes a source of assertions. The key is imported once, now: a key that cannot be used fails with `InvalidOptions`, a
 * key that could not be loaded with `AssertionError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  given: Options
): Effect.Effect<AssertionSource, InvalidOptions | AssertionError> =>
  Effect.gen(function*() {
    yield* TextOption.checkOptions(given)
    const options = OwnOptions.read(given)
    yield* checkOptions(options)
    const { lifetime, offset } = yield* timesOf(options)
    const key = yield* makeRotatingKey(options)
    const source = (request: AssertionRequest): Effect.Effect<Redacted.Redacted<string>, AssertionError> =>
      Effect.gen(function*() {
        const signer = yield* key.signerAfter(request.refused)
        const issuedAt = Math.floor((yield* Clock.currentTimeMillis) / 1000) - offset
        const assertion = Redacted.make(
          yield* signer({
            ...options.additionalClaims,
            iss: options.issuer,
            sub: options.subject ?? options.issuer,
            aud: request.audience,
            iat: issuedAt,
            exp: issuedAt + lifetime,
            // A random value from a cryptographic source, new for every attempt.
            jti: crypto.randomUUID(),
            ...options.claimOverrides
          })
        )
        key.signed(assertion, signer)
        return assertion
      })
    return key.rotated === undefined ? source : Object.assign(source, { rotated: key.rotated })
  })

/**
 * Checks the options without the key. They may come from JavaScript, or from a variable that is not set: no compiler
 * has checked them.
 */
const checkOptions = (options: Options): Effect.Effect<void, InvalidOptions> =>
  Effect.gen(function*() {
    yield* TextOption.check("issuer", options.issuer, "Give the client id.")
    yield* TextOption.checkOptional("subject", options.subject)
    yield* TextOption.checkOneOf("signingAlgorithm", options.signingAlgorithm, algorithmNames)
    yield* TextOption.checkOneOf("type", options.type ?? "JWT", ["JWT", "client-authentication+jwt"])
    yield* checkClaims("additionalClaims", options.additionalClaims)
    yield* checkClaims("claimOverrides", options.claimOverrides)
  })

/** A text or an array would become claims named by numbers. */
const checkClaims = (option: string, claims: unknown): Either.Either<void, InvalidOptions> =>
  claims === undefined || TextOption.isFields(claims)
    ? Either.right(undefined)
    : TextOption.invalid(option, `it is ${TextOption.kindOf(claims)}. Give an object of claims, or leave it out.`)

/** The times of an assertion, in whole seconds. */
const timesOf = (
  { issuedAtOffset = 0, lifetime = "300 seconds" }: Options
): Effect.Effect<{ readonly lifetime: number; readonly offset: number }, InvalidOptions> =>
  Effect.gen(function*() {
    const decoded = Option.getOrElse(Duration.decodeUnknown(lifetime), () => Duration.zero)
    const seconds = Math.floor(Duration.toSeconds(decoded))
    if (!(seconds > 0 && Number.isFinite(seconds))) {
      return yield* new InvalidOptions({ option: "lifetime", description: "it must be finite and at least 1 second." })
    }
    const bounds = { minimum: "0 seconds", maximum: "10 minutes" } as const
    const duration = yield* DurationOption.check("issuedAtOffset", issuedAtOffset, bounds)
    const offset = Math.ceil(Duration.toSeconds(duration))
    // A negative duration is 0 for `Duration`, and would be a time in the future.
    if (offset >= seconds || isNegative(issuedAtOffset)) {
      return yield* new InvalidOptions({
        option: "issuedAtOffset",
        description:
          "it must not be negative, and must be shorter than `lifetime`, because `exp` is counted from `iat`."
      })
    }
    return { lifetime: seconds, offset }
  })

const isNegative = (input: Duration.DurationInput): boolean =>
  typeof input === "number" || typeof input === "bigint"
    ? !(input >= 0)
    : typeof input === "string" && input.startsWith("-")

/** A key that has been loaded and imported. */
interface Loaded {
  readonly sign: Signer
  /** Distinguishes the key from another one. */
  readonly identity: string
}

/** The key in use, and its replacement after a rotation. */
const makeRotatingKey = (options: Options) =>
  Effect.gen(function*() {
    const load = loadKey(options)
    let current = yield* load
    const signers = new WeakMap<Redacted.Redacted<string>, Signer>()
    const signed = (assertion: Redacted.Redacted<string>, by: Signer): void => {
      signers.set(assertion, by)
    }
    // A key that is given as a value cannot be rotated.
    if (!Effect.isEffect(options.signingKey)) {
      return { signerAfter: () => Effect.succeed(current.sign), signed, rotated: undefined }
    }

    /** One load for all assertions that were refused under the same key; a later caller finds the new key. */
    const loading = new Permits(1)

    /** Whether the key in use may have signed the assertion. True for one that this source did not return. */
    const isByCurrent = (assertion: Redacted.Redacted<string>): boolean =>
      (signers.get(assertion) ?? current.sign) === current.sign

    const loadAgain = (refused: ReadonlyArray<Redacted.Redacted<string>>): Effect.Effect<Signer, AssertionError> =>
      Effect.suspend(() => refused.some(isByCurrent) ? load : Effect.succeed(current)).pipe(
        Effect.catchTag(
          "InvalidOptions",
          ({ message }) =>
            new AssertionError({ reason: "Unavailable", description: `The signing key was rotated, but ${message}` })
        ),
        Effect.map((loaded) => {
          current = loaded
          return loaded.sign
        }),
        (work) => loading.run(work)
      )

    /**
     * If the key cannot be loaded, the next assertion fails with the reason. That assertion also loads the same key
     * again.
     */
    const rotated = (refused: Redacted.Redacted<string>): Effect.Effect<boolean> =>
      Effect.suspend(() => {
        if (!isByCurrent(refused)) return Effect.succeed(true)
        return Effect.map(load, (loaded) => {
          if (loaded.identity === current.identity) return false
          current = loaded
          return true
        })
      }).pipe(
        Effect.orElseSucceed(() => false),
        (work) => loading.run(work)
      )

    return {
      signed,
      rotated,
      /** The signer to use, after the key was loaded again if it has signed one of the refused assertions. */
      signerAfter: (refused: ReadonlyArray<Redacted.Redacted<string>>) =>
        Effect.suspend(() => refused.some(isByCurrent) ? loadAgain(refused) : Effect.succeed(current.sign))
    }
  })

const loadKey = (options: Options): Effect.Effect<Loaded, InvalidOptions | AssertionError> => {
  const { signingAlgorithm, signingKey } = options
  return Effect.gen(function*() {
    const given = yield* Effect.isEffect(signingKey)
      ? Effect.catchTag(signingKey, "CredentialError", unreadable)
      : Effect.succeed(signingKey)
    const identified = isIdentified(given) ? given : { key: given }
    const key = ownKey(yield* readKey(identified.key, signingAlgorithm))
    const header = yield* headerOf(options, { ...identified, key })
    const sign = yield* importKey(key, header)
    return { sign, identity: JSON.stringify([header, materialOf(key)]) }
  })
}

/** A copy of a JWK, which its owner could change while the key is imported. */
const ownKey = (key: SigningKey): SigningKey => {
  if (!Redacted.isRedacted(key)) return key
  const value = Redacted.value<string | JWK>(key)
  return typeof value === "string" ? key : Redacted.make(OwnOptions.read(value))
}

const unreadable = ({ description, reason }: CredentialError) =>
  new AssertionError({ reason, description: `The signing key could not be read. ${description}` })

/** A `CryptoKey` and an external signer cannot be read, so that only their names distinguish them. */
const materialOf = (key: SigningKey): unknown =>
  Redacted.isRedacted(key) ? Redacted.value<string | JWK>(key) : undefined

const isIdentified = (given: SigningKey | IdentifiedKey): given is IdentifiedKey =>
  typeof given === "object" && given !== null && !Redacted.isRedacted(given) && "key" in given

/** JSON leaves out the names that are `undefined`. */
const headerOf = (options: Options, identified: IdentifiedKey) =>
  Effect.gen(function*() {
    return {
      alg: options.signingAlgorithm,
      typ: options.type ?? "JWT",
      kid: yield* TextOption.checkOptional("keyId", identified.keyId ?? options.keyId ?? keyIdOf(identified.key)),
      x5t: yield* readThumbprint("x5t", identified.x5t ?? options.x5t),
      "x5t#S256": yield* readThumbprint("x5tS256", identified.x5tS256 ?? options.x5tS256)
    }
  })
