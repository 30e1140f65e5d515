/**
 * A text as a URL; `undefined` if it is not one.
 *
 * `URL.canParse` is not used: once V8 has compiled it, Node 20 and 22 refuse every URL with a letter between U+0080 and
 * U+00FF, such as `https://münchen.example`.
 *
 * @internal
 */
export const parseUrl = (text: string, base?: string | URL): URL | undefined => {
  try {
    return new URL(text, base)
  } catch {
    return undefined
  }
}
