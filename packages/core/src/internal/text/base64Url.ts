import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"

/** Whether a text is base64url (RFC 4648 §5): without padding, or with all of it. */
const isBase64Url = (text: string): boolean =>
  /^[\w-]*$/.test(text) ? text.length % 4 !== 1 : /^[\w-]+={1,2}$/.test(text) && text.length % 4 === 0

/**
 * A decoder for texts that may be no base64url. The error of Effect's decoder may hold the text that could not be
 * decoded, so that decoder gets no such text. Line breaks count as nothing, because variables of CI systems have them.
 */
const guarded = <A, E>(decode: (text: string) => Either.Either<A, E>) => (text: string): Option.Option<A> => {
  const joined = text.replaceAll(/[\r\n]/g, "")
  return isBase64Url(joined) ? Either.getRight(decode(joined)) : Option.none()
}

/**
 * The bytes of a text in base64url. `None` for a text that is not base64url.
 *
 * @internal
 */
export const decode: (text: string) => Option.Option<Uint8Array> = guarded(Encoding.decodeBase64Url)

/**
 * The text in UTF-8 of a text in base64url. `None` for a text that is not base64url.
 *
 * @internal
 */
export const decodeString: (text: string) => Option.Option<string> = guarded(Encoding.decodeBase64UrlString)
