/**
 * What a token request is for, which grants and proofs are made from.
 *
 * @since 0.1.0
 */
import type * as Redacted from "effect/Redacted"
import type { AssertionRequest, Audience } from "./Assertion.ts"
import type { AuthorizationServer } from "./AuthorizationServer.ts"

/**
 * What a token request is for.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenRequestContext {
  readonly authorizationServer: AuthorizationServer
  /** The server's canonical identifier. */
  readonly resource: string
  /** The value of the `resource` parameter (RFC 8707 §2); left out where `undefined`. */
  readonly resourceParameter: string | undefined
  readonly scopes: ReadonlyArray<string>
  /** Whether the server's word is all that says where this goes: its caller named no issuer. */
  readonly issuerUnnamed?: boolean | undefined
}

/**
 * Parameters of a form body; what is secret is `Redacted`.
 *
 * @since 0.1.0
 * @category models
 */
export type Parameters = Readonly<Record<string, string | Redacted.Redacted<string>>>

/**
 * What an `AssertionProvider` is asked for when a token request is made. `refused`: the assertions that were since the
 * last.
 *
 * @since 0.1.0
 * @category getters
 */
export const assertionRequest = (
  { authorizationServer: { issuer, metadata }, issuerUnnamed, resource, resourceParameter, scopes }:
    TokenRequestContext,
  audience: Audience,
  refused: AssertionRequest["refused"]
): AssertionRequest => {
  // As the authorization server writes it, which is what it compares with.
  const tokenEndpoint = metadata.token_endpoint
  return {
    audience: audience === "issuer" ? issuer : audience === "token_endpoint" ? tokenEndpoint : audience.value,
    issuer,
    tokenEndpoint,
    resource,
    scopes,
    refused,
    ...(resourceParameter === undefined ? {} : { resourceParameter }),
    ...(issuerUnnamed === true ? { issuerUnnamed } : {})
  }
}
