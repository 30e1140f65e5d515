import { parseUrl } from "../text/url.ts"

/**
 * A predicate for URLs of the resource's origin, the only ones that may receive the token. Every request is tested, so
 * the URL is parsed only where its text does not decide.
 *
 * @internal
 */
export const makeIsSameOrigin = (resource: string): (url: string) => boolean => {
  const { origin } = new URL(resource)
  return (url) => {
    if (url.startsWith(origin)) {
      const next = url.charCodeAt(origin.length)
      // The end and "/" end an origin. Another character ("@", ":", a letter) may lead to another host.
      if (Number.isNaN(next) || next === 0x2f) return true
    }
    return parseUrl(url)?.origin === origin
  }
}
