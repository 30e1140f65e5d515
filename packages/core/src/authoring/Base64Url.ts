/**
 * Base64url (RFC 4648 §5) of texts that may be secrets. For authors of providers.
 *
 * The error of Effect's decoder may hold the text that could not be decoded. These functions do not give it such a
 * text, so that no error with a secret is ever made.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"

/** Whether a text is base64url: without padding, or with all of it. */
const isBase64Url = (text: string): boolean =>
  /^[\w-]*$/.test(text) ? text.length % 4 !== 1 : /^[\w-]+={1,2}$/.test(text) && text.length % 4 === 0

/**
 * The bytes of a text in base64url. `None` for a text that is not base64url.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (text: string): Option.Option<Uint8Array> =>
  isBase64Url(text) ? Either.getRight(Encoding.decodeBase64Url(text)) : Option.none()

/**
 * The text in UTF-8 of a text in base64url. `None` for a text that is not base64url.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeString = (text: string): Option.Option<string> =>
  isBase64Url(text) ? Either.getRight(Encoding.decodeBase64UrlString(text)) : Option.none()
