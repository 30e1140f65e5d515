import * as Either from "effect/Either"
import { InsecureEndpoint } from "../OAuthError.ts"

/**
 * Where a host stands on the network, as far as its name tells. Names are not resolved: `fetch` gives no way to pin an
 * address, so a public name that resolves to a private address is not caught here.
 */
type Reach = "loopback" | "private" | "public"

const ipv4 = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/

/** RFC 6890: not globally reachable. */
const reachOfIpv4 = (a: number, b: number, c: number): Reach => {
  if (a === 127) return "loopback"
  const isPrivate = a === 0 || a === 10 || a >= 224 ||
    (a === 100 && b >= 64 && b < 128) ||
    (a === 169 && b === 254) ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && (b === 168 || (b === 0 && c === 0))) ||
    (a === 198 && (b === 18 || b === 19))
  return isPrivate ? "private" : "public"
}

/** An IPv4 address in two groups of an IPv6 one that is routed elsewhere first: never this machine itself. */
const reachOfEmbedded = (high: number, low: number): Reach =>
  reachOfIpv4(high >> 8, high & 0xff, low >> 8) === "public" ? "public" : "private"

/** The eight groups of an address, which `URL` has normalised: no embedded dotted quad. */
const groupsOf = (address: string): ReadonlyArray<number> => {
  const [left = [], right = []] = address.split("::").map((half) =>
    half === "" ? [] : half.split(":").map((group) => Number.parseInt(group, 16))
  )
  return [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right]
}

const reachOfIpv6 = (address: string): Reach => {
  if (address === "::1") return "loopback"
  const groups = groupsOf(address)
  const [first = 0, second = 0, third = 0, , , sixth = 0, seventh = 0, eighth = 0] = groups
  const startsWithZeros = (count: number) => groups.slice(0, count).every((group) => group === 0)
  // IPv4 addresses in IPv6 ones: mapped (RFC 4291 §2.5.5.2), translated (RFC 6052), 6to4 (RFC 3056).
  if (startsWithZeros(5) && sixth === 0xffff) return reachOfIpv4(seventh >> 8, seventh & 0xff, eighth >> 8)
  if (first === 0x64 && second === 0xff9b) return third === 0 ? reachOfEmbedded(seventh, eighth) : "private"
  if (first === 0x2002) return reachOfEmbedded(second, third)
  // Unspecified, IPv4-compatible and the rest of ::/16; unique local; link-local and site-local; multicast.
  const isPrivate = first === 0 ||
    (first & 0xfe00) === 0xfc00 || (first & 0xff80) === 0xfe80 || (first & 0xff00) === 0xff00
  return isPrivate ? "private" : "public"
}

/** Special-use names (RFC 6762, RFC 8375, ICANN's .internal), and the endings that private networks like. */
const privateName = /\.(?:corp|home|home\.arpa|internal|intranet|lan|local|localdomain|svc)$/

/** @internal */
export const reach = (url: URL): Reach => {
  const host = url.hostname.replace(/\.$/, "")
  if (host.startsWith("[")) return reachOfIpv6(host.slice(1, -1))
  const quad = ipv4.exec(host)
  if (quad !== null) return reachOfIpv4(Number(quad[1]), Number(quad[2]), Number(quad[3]))
  if (host === "localhost" || host.endsWith(".localhost")) return "loopback"
  return !host.includes(".") || privateName.test(host) ? "private" : "public"
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
