/**
 * A key pair for signing: the private half stays with the machine, the public half may be given to others.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { JWK } from "jose"
import { exportJWK, exportPKCS8, generateKeyPair } from "jose"

export interface PublicKey {
  readonly signingAlgorithm: "ES256" | "PS256" | "EdDSA"
  readonly publicKey: JWK
}

export interface KeyPair extends PublicKey {
  readonly privateKey: Redacted.Redacted<JWK>
  /** The private key as PKCS#8 in PEM. */
  readonly pem: Redacted.Redacted
}

export const generate = (signingAlgorithm: PublicKey["signingAlgorithm"]): Effect.Effect<KeyPair> =>
  Effect.promise(async () => {
    const { privateKey, publicKey } = await generateKeyPair(signingAlgorithm, { extractable: true })
    return {
      signingAlgorithm,
      publicKey: await exportJWK(publicKey),
      privateKey: Redacted.make(await exportJWK(privateKey)),
      pem: Redacted.make((await exportPKCS8(privateKey)).trim())
    }
  })
