/**
 * The public key of a client, as an authorization server has it registered.
 *
 * @since 0.1.0
 */

/**
 * A public key as it is registered with a provider. Its algorithm is the one that the provider accepts: import the key
 * for RS256, PS256, ES256 or whatever the assertions are signed with.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientKey {
  readonly publicKey: CryptoKey
  /** The `kid` of assertions that this key signs. */
  readonly keyId?: string | undefined
  /** The SHA-1 thumbprint of its certificate, as the header `x5t` has it. */
  readonly x5t?: string | undefined
  /** The SHA-256 thumbprint of its certificate, as the header `x5t#S256` has it. */
  readonly x5tS256?: string | undefined
}
