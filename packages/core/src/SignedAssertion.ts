/**
 * A JWT assertion that this process makes and signs (RFC 7521 §5, RFC 7523 §3).
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { JWK } from "jose"
import type { AssertionRequest, AssertionSource } from "./Assertion.ts"
import { checkForm, importKey, keyIdOf, type Signer } from "./internal/signing/importKey.ts"
import { AssertionError, InvalidOptions } from "./OAuthError.ts"
import type { IdentifiedKey, SigningAlgorithm, SigningKey } from "./SigningKey.ts"

/**
 * - `issuer`, `subject`: `iss` and `sub`; for client authentication both are the client id, and `subject` is `issuer`
 *   where it is left out.
 * - `signingKey`: what signs, or an Effect that gives it, with its new names if these change with it. It is run again when
 *   the authorization server refuses an assertion that the key has signed: the key may have been rotated. If it has been,
 *   the request is sent once more, at once. A `CryptoKey` or a signer elsewhere is known to be another by its new
 *   `keyId`, `x5t` or `x5tS256` alone; with the same, it is used for the next request, after the 5 seconds for which a
 *   refusal stands.
 * - `lifetime`: from `iat` to `exp`; 300 seconds by default.
 * - `type`: the header `typ`. `JWT` by default; `client-authentication+jwt` is draft-ietf-oauth-rfc7523bis.
 * - `keyId`, `x5t`, `x5tS256`: the headers `kid`, `x5t`, `x5t#S256`, by which the server finds the key. A JWK's own `kid`
 *   is the `keyId` by default.
 * - `additionalClaims`: claims beside the standard ones, which they do not replace.
 * - `claimOverrides`: claims in place of the standard ones, for servers that want them otherwise. A `jti` here is the same
 *   in every assertion, which a server that takes each once refuses from the second on (RFC 7523 §3).
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly issuer: string
  readonly subject?: string | undefined
  readonly signingKey: SigningKey | Effect.Effect<SigningKey | IdentifiedKey, AssertionError>
  readonly signingAlgorithm: SigningAlgorithm
  readonly lifetime?: Duration.DurationInput | undefined
  readonly type?: "JWT" | "client-authentication+jwt" | undefined
  readonly keyId?: string | undefined
  readonly x5t?: string | undefined
  readonly x5tS256?: string | undefined
  readonly additionalClaims?: Readonly<Record<string, unknown>> | undefined
  readonly claimOverrides?: Readonly<Record<string, unknown>> | undefined
}

/**
 * Makes a provider of assertions. The key is imported once, here: one that is of no use fails with `InvalidOptions`, one
 * that could not be had with `AssertionError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options
): Effect.Effect<AssertionSource, InvalidOptions | AssertionError> =>
  Effect.gen(function*() {
    const lifetime = Math.floor(Duration.toSeconds(options.lifetime ?? "300 seconds"))
    if (!(lifetime > 0 && Number.isFinite(lifetime))) {
      return yield* new InvalidOptions({ option: "lifetime", description: "it is not a second or more, with an end." })
    }
    const { signingKey } = options
    const load: Effect.Effect<Loaded, InvalidOptions | AssertionError> = Effect.flatMap(
      Effect.isEffect(signingKey) ? signingKey : Effect.succeed(signingKey),
      (given) =>
        Effect.gen(function*() {
          const identified = isIdentified(given) ? given : { key: given }
          yield* checkForm(identified.key)
          const header = headerOf(options, identified)
          const sign = yield* importKey(identified.key, header)
          return { sign, identity: JSON.stringify([header, materialOf(identified.key)]) }
        })
    )
    let current = yield* load

    /** One for all that were refused under the same key; who comes later finds the new one. */
    const loading = yield* Effect.makeSemaphore(1)
    const signers = new WeakMap<Redacted.Redacted<string>, Signer>()

    /** Whether the key in use may have signed it. One in a wrapper of somebody else's cannot be told, and counts. */
    const isByCurrent = (assertion: Redacted.Redacted<string>): boolean =>
      (signers.get(assertion) ?? current.sign) === current.sign

    /** The key may have been rotated. One that is given as it is cannot have been. */
    const loadAgain = (
      refused: ReadonlyArray<Redacted.Redacted<string>>
    ): Effect.Effect<Signer, AssertionError> =>
      Effect.suspend(() => refused.some(isByCurrent) ? load : Effect.succeed(current)).pipe(
        Effect.catchTag("InvalidOptions", ({ message }) =>
          new AssertionError({ reason: "Unavailable", description: `The signing key was rotated, but ${message}` })),
        Effect.map((loaded) => {
          current = loaded
          return loaded.sign
        }),
        loading.withPermits(1)
      )

    /** Where the key cannot be had, the next assertion says so. The same key is loaded again for that too. */
    const rotated = (refused: Redacted.Redacted<string>): Effect.Effect<boolean> =>
      Effect.suspend(() => {
        if (!isByCurrent(refused)) {
          return Effect.succeed(true)
        }
        return Effect.map(load, (loaded) => {
          if (loaded.identity === current.identity) {
            return false
          }
          current = loaded
          return true
        })
      }).pipe(
        Effect.orElseSucceed(() =>
          false
        ),
        loading.withPermits(1)
      )

    const provider = (request: AssertionRequest): Effect.Effect<Redacted.Redacted<string>, AssertionError> =>
      Effect.gen(function*() {
        const signer = Effect.isEffect(signingKey) && request.refused.some(isByCurrent)
          ? yield* loadAgain(request.refused)
          : current.sign
        const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
        const assertion = Redacted.make(
          yield* signer({
            ...options.additionalClaims,
            iss: options.issuer,
            sub: options.subject ?? options.issuer,
            aud: request.audience,
            iat: now,
            exp: now + lifetime,
            // From a cryptographic source, new for every attempt.
            jti: crypto.randomUUID(),
            ...options.claimOverrides
          })
        )
        signers.set(assertion, signer)
        return assertion
      })
    return Effect.isEffect(signingKey) ? Object.assign(provider, { rotated }) : provider
  })

/** `identity`: what tells the key from another. */
interface Loaded {
  readonly sign: Signer
  readonly identity: string
}

/** What cannot be read, as a `CryptoKey` or a signer elsewhere, is told from another by its names alone. */
const materialOf = (key: SigningKey): unknown =>
  Redacted.isRedacted(key) ? Redacted.value<string | JWK>(key) : undefined

const isIdentified = (given: SigningKey | IdentifiedKey): given is IdentifiedKey =>
  typeof given === "object" && given !== null && !Redacted.isRedacted(given) && "key" in given

const headerOf = (options: Options, identified: IdentifiedKey) => {
  const kid = identified.keyId ?? options.keyId ?? keyIdOf(identified.key)
  const x5t = identified.x5t ?? options.x5t
  const x5tS256 = identified.x5tS256 ?? options.x5tS256
  return {
    alg: options.signingAlgorithm,
    typ: options.type ?? "JWT",
    ...(kid === undefined ? {} : { kid }),
    ...(x5t === undefined ? {} : { x5t }),
    ...(x5tS256 === undefined ? {} : { "x5t#S256": x5tS256 })
  }
}
