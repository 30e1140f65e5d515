/**
 * A key pair for signing: what a machine keeps to itself, and what others may know of it.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { JWK } from "jose"
import { exportJWK, generateKeyPair } from "jose"

export interface PublicKey {
  readonly signingAlgorithm: "ES256" | "PS256" | "EdDSA"
  readonly publicKey: JWK
}

export interface KeyPair extends PublicKey {
  readonly privateKey: Redacted.Redacted<JWK>
}

export const generate = (signingAlgorithm: PublicKey["signingAlgorithm"]): Effect.Effect<KeyPair> =>
  Effect.promise(async () => {
    const { privateKey, publicKey } = await generateKeyPair(signingAlgorithm, { extractable: true })
    return {
      signingAlgorithm,
      publicKey: await exportJWK(publicKey),
      privateKey: Redacted.make(await exportJWK(privateKey))
    }
  })
