/**
 * Base64url (RFC 4648 §5) of texts that may be secrets. For authors of providers.
 *
 * The error of Effect's decoder may hold the text that could not be decoded. These functions do not give it such a
 * text, so that no error with a secret is ever made.
 *
 * @since 0.1.0
 */
import type * as Option from "effect/Option"
import * as Base64Url from "../internal/text/base64Url.ts"

/**
 * The bytes of a text in base64url. `None` for a text that is not base64url.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode: (text: string) => Option.Option<Uint8Array> = Base64Url.decode

/**
 * The text in UTF-8 of a text in base64url. `None` for a text that is not base64url.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeString: (text: string) => Option.Option<string> = Base64Url.decodeString
