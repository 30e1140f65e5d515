import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"

/**
 * Whether a text is base64url (RFC 4648 §5): without padding, or with all of it. The error of Effect's decoder may hold
 * the text that could not be decoded, so the decoder gets no other text.
 */
const isBase64Url = (text: string): boolean =>
  /^[\w-]*$/.test(text) ? text.length % 4 !== 1 : /^[\w-]+={1,2}$/.test(text) && text.length % 4 === 0

/**
 * The bytes of a text in base64url. `None` for a text that is not base64url.
 *
 * @internal
 */
export const decode = (text: string): Option.Option<Uint8Array> =>
  isBase64Url(text) ? Either.getRight(Encoding.decodeBase64Url(text)) : Option.none()

/**
 * The text in UTF-8 of a text in base64url. `None` for a text that is not base64url.
 *
 * @internal
 */
export const decodeString = (text: string): Option.Option<string> =>
  isBase64Url(text) ? Either.getRight(Encoding.decodeBase64UrlString(text)) : Option.none()
