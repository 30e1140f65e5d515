/**
 * What happens in a token's life, for those who want to watch.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { AccessToken } from "./AccessToken.ts"
import type { OAuthError, TokenStorageError } from "./OAuthError.ts"

/**
 * Why a token is asked for.
 *
 * - `First`: there is none.
 * - `Scheduled`: ahead of the expiry, in the background.
 * - `Expired`: the expiry has come, or is so near that callers wait.
 * - `Rejected`: the server answered 401 to the one in hand.
 * - `StepUp`: the server answered 403 and named a scope.
 *
 * @since 0.1.0
 * @category models
 */
export type Reason = "First" | "Scheduled" | "Expired" | "Rejected" | "StepUp"

/**
 * `millis` is what the request took, discovery included, in milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export type OAuthEvent = Data.TaggedEnum<{
  /** The first token. */
  TokenObtained: { readonly token: AccessToken; readonly millis: number }
  /** A token in place of another. */
  TokenRenewed: { readonly token: AccessToken; readonly reason: Exclude<Reason, "First">; readonly millis: number }
  /** A token that was found in the storage, put there by another provider or process. */
  TokenLoaded: { readonly token: AccessToken }
  /** The server answered 401 to a token that had not expired. */
  TokenRejected: { readonly token: AccessToken }
  /** No token was got. The one in hand, if any, goes on being used until it expires. */
  RenewalFailed: { readonly error: OAuthError; readonly reason: Reason }
  /** The server now names another authorization server, and the caller allowed to follow it. */
  AuthorizationServerChanged: { readonly from: string; readonly to: string }
  /** The storage failed; it was done without. */
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
