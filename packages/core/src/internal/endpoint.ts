import * as Either from "effect/Either"
import { InsecureEndpoint } from "../OAuthError.ts"

/**
 * Where a host stands on the network, as far as its name tells. Names are not resolved: `fetch` gives no way to pin an
 * address, so a public name that resolves to a private address is not caught here.
 */
type Reach = "loopback" | "private" | "public"

const ipv4 = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/

const reachOfIpv4 = (a: number, b: number): Reach => {
  if (a === 127) return "loopback"
  const isPrivate = a === 0 || a === 10 || a >= 224 ||
    (a === 100 && b >= 64 && b < 128) ||
    (a === 169 && b === 254) ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168)
  return isPrivate ? "private" : "public"
}

/** `URL` has already normalised the address: lower case, shortest form, no embedded dotted quad. */
const reachOfIpv6 = (address: string): Reach => {
  if (address === "::1") return "loopback"
  const mapped = /^(?:::ffff:|64:ff9b::)([0-9a-f]+):([0-9a-f]+)$/.exec(address)
  if (mapped !== null) {
    const high = Number.parseInt(mapped[1] ?? "", 16)
    return reachOfIpv4(high >> 8, high & 0xff)
  }
  if (address.startsWith("::")) return "private"
  const first = Number.parseInt(address.split(":", 1)[0] ?? "", 16)
  const isPrivate = (first & 0xfe00) === 0xfc00 || (first & 0xffc0) === 0xfe80 || (first & 0xff00) === 0xff00
  return isPrivate ? "private" : "public"
}

/** @internal */
export const reach = (url: URL): Reach => {
  const host = url.hostname.replace(/\.$/, "")
  if (host.startsWith("[")) return reachOfIpv6(host.slice(1, -1))
  const quad = ipv4.exec(host)
  if (quad !== null) return reachOfIpv4(Number(quad[1]), Number(quad[2]))
  if (host === "localhost" || host.endsWith(".localhost")) return "loopback"
  // Names without a dot and the special-use names (RFC 6762, RFC 8375, ICANN's .internal) are never public.
  return !host.includes(".") || /\.(?:local|internal|home\.arpa)$/.test(host) ? "private" : "public"
}

const distance: Record<Reach, number> = { public: 0, private: 1, loopback: 2 }

/**
 * Whether something may be sent to `url`: https, or http on a loopback host; and, when another party named the URL, not
 * nearer to this machine than that party is itself, or a public server could have us call internal ones.
 *
 * @internal
 */
export const check = (
  url: URL,
  endpoint: InsecureEndpoint["endpoint"],
  namedBy?: URL
): Either.Either<URL, InsecureEndpoint> => {
  const fail = (reason: InsecureEndpoint["reason"]) =>
    Either.left(
      new InsecureEndpoint({
        reason,
        endpoint,
        url: nameOf(url),
        ...(namedBy === undefined ? {} : { namedBy: namedBy.origin })
      })
    )
  const at = reach(url)
  if (url.protocol !== "https:" && !(url.protocol === "http:" && at === "loopback")) return fail("NotHttps")
  if (namedBy !== undefined && distance[at] > distance[reach(namedBy)]) return fail("PrivateAddress")
  return Either.right(url)
}

/**
 * A URL as errors show it: without what may be secret in it.
 *
 * @internal
 */
export const nameOf = (url: URL): string =>
  url.origin === "null" ? `${url.protocol}${url.pathname}` : `${url.origin}${url.pathname}`

/**
 * Whether a URL brings a user name or a password, which would travel with it into logs and to every party.
 *
 * @internal
 */
export const hasCredentials = (url: URL): boolean => url.username !== "" || url.password !== ""

/**
 * An endpoint that a request can be sent to (RFC 6749 §3.2: no fragment); `undefined` if the text is none.
 *
 * @internal
 */
export const parseEndpoint = (input: string): URL | undefined => {
  const url = parse(input)
  return url === undefined || input.includes("#") || hasCredentials(url) ? undefined : url
}

/** @internal */
export const parse = (input: string): URL | undefined => URL.canParse(input) ? new URL(input) : undefined
