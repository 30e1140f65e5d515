/**
 * The events of a token's life, for programs that watch a provider.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { AccessToken } from "./AccessToken.ts"
import type { Challenge } from "./Challenge.ts"
import type { OAuthError, TokenStorageError } from "./OAuthError.ts"

/**
 * The reason for which a provider acquires a token.
 *
 * - `First`: the provider has none yet.
 * - `Scheduled`: the background renews the token before it expires.
 * - `Expired`: the token has expired, or expires so soon that callers wait.
 * - `Rejected`: the MCP server answered 401, or 403 with `invalid_token`, to the held token.
 * - `StepUp`: the MCP server answered 403 and named a scope.
 *
 * @since 0.1.0
 * @category models
 */
export type Reason = "First" | "Scheduled" | "Expired" | "Rejected" | "StepUp"

/**
 * An event of one provider. `millis` is how long the acquisition took, discovery included, in milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export type OAuthEvent = Data.TaggedEnum<{
  /** The authorization server has issued the provider's first token. */
  TokenObtained: { readonly token: AccessToken; readonly millis: number }
  /** The authorization server has issued a token in place of an earlier one. */
  TokenRenewed: { readonly token: AccessToken; readonly reason: Exclude<Reason, "First">; readonly millis: number }
  /** The provider uses a token that another provider or process has put into the storage. */
  TokenLoaded: { readonly token: AccessToken }
  /**
   * The MCP server answered 401, or 403 with `invalid_token`, to a token that had not expired. `challenge` is the
   * server's challenge, if it sent one; its `error_description` often names the reason.
   */
  TokenRejected: { readonly token: AccessToken; readonly challenge?: Challenge | undefined }
  /** An attempt to acquire a token has failed. The held token, if there is one, stays in use until it expires. */
  RenewalFailed: { readonly error: OAuthError; readonly reason: Reason }
  /** The MCP server names another authorization server now, and the provider's options allow it to follow. */
  AuthorizationServerChanged: { readonly from: string; readonly to: string }
  /** The storage has failed, and the provider carries on without it. */
  StorageFailed: { readonly error: TokenStorageError }
  /** The storage works again. */
  StorageRecovered: {}
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const {
  $is: is,
  $match: match,
  AuthorizationServerChanged,
  RenewalFailed,
  StorageFailed,
  StorageRecovered,
  TokenLoaded,
  TokenObtained,
  TokenRejected,
  TokenRenewed
} = Data.taggedEnum<OAuthEvent>()
