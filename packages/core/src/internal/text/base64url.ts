import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"

/** Whether a text is base64url: without padding, or with all of it. */
const isBase64Url = (text: string): boolean =>
  /^[\w-]*$/.test(text) ? text.length % 4 !== 1 : /^[\w-]+={1,2}$/.test(text) && text.length % 4 === 0

/** @internal */
export const decode = (text: string): Option.Option<Uint8Array> =>
  isBase64Url(text) ? Either.getRight(Encoding.decodeBase64Url(text)) : Option.none()

/** @internal */
export const decodeString = (text: string): Option.Option<string> =>
  isBase64Url(text) ? Either.getRight(Encoding.decodeBase64UrlString(text)) : Option.none()
