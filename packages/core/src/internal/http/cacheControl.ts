import type * as Headers from "@effect/platform/Headers"
import { MAX_HEADER } from "../text/bounds.ts"
import * as HttpDate from "../text/httpDate.ts"

/**
 * The longest lifetime, in milliseconds. Longer ones are reduced to it, since they could overflow (RFC 9111 §1.2.2).
 */
const LONGEST = 2 ** 31 * 1000

/**
 * The header with the numbers of its quoted strings, and without the other quoted strings, which may hold commas and
 * equals signs. A string whose closing quote is missing goes on to the end.
 */
const withoutQuotes = (header: string): string =>
  header.replaceAll(/"((?:[^"\\]|\\.|\\$)*)"?/gs, (_, text: string) => /^\d+$/.test(text) ? text : "")

/**
 * The directives of `Cache-Control` by lower-case name (RFC 9111 §5.2). Of a repeated directive the first one counts.
 */
const directivesOf = (header: string): ReadonlyMap<string, string> => {
  const directives = new Map<string, string>()
  for (const directive of withoutQuotes(header).split(",")) {
    const [name = "", value = ""] = directive.split("=").map((part) => part.trim())
    if (!directives.has(name.toLowerCase())) directives.set(name.toLowerCase(), value)
  }
  return directives
}

const seconds = (text = ""): number | undefined =>
  /^\d+$/.test(text) ? Math.min(Number(text) * 1000, LONGEST) : undefined

/**
 * How long a response is fresh from `now` on, in milliseconds: its `max-age`, else its `Expires` (RFC 9111 §4.2.1),
 * less its `Age`. Zero for `no-store` and `no-cache`, `undefined` if the response has none of these fields. A value
 * that does not parse makes the response stale (§4.2.1, §5.3), and so does a `Cache-Control` of more than 64 KiB.
 *
 * @internal
 */
export const lifetimeOf = (headers: Headers.Headers, now: number): number | undefined => {
  const cacheControl = headers["cache-control"] ?? ""
  if (cacheControl.length > MAX_HEADER) return 0
  const directives = directivesOf(cacheControl)
  if (directives.has("no-store") || directives.has("no-cache")) return 0
  const maxAge = directives.get("max-age")
  const expires = headers["expires"]
  if (maxAge === undefined && expires === undefined) return undefined
  const date = HttpDate.parse(headers["date"] ?? "")
  const lifetime = maxAge === undefined
    ? HttpDate.parse(expires ?? "") - (Number.isNaN(date) ? now : date)
    : seconds(maxAge) ?? 0
  return Number.isNaN(lifetime) ? 0 : Math.min(Math.max(0, lifetime - (seconds(headers["age"]) ?? 0)), LONGEST)
}
