/**
 * The addresses to which a request with a credential may be sent, and the hosts that plain http may reach. For authors
 * of providers.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { InsecureEndpoint } from "../OAuthError.ts"
import { clean } from "../internal/text/clean.ts"
import { parseUrl } from "../internal/text/url.ts"

/**
 * The place of a host on the network, judged by its name. Names are not resolved: `fetch` cannot pin an address, so a
 * public name that resolves to a private address is not detected here.
 *
 * @since 0.1.0
 * @category models
 */
export type Reach = "loopback" | "private" | "public"

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

const writtenGroups = (address: string): ReadonlyArray<number> =>
  address.split(":").filter((group) => group !== "").map((group) => Number.parseInt(group, 16))

/** The eight groups of an address, which `URL` has normalised: no embedded dotted quad. */
const groupsOf = (address: string): ReadonlyArray<number> =>
  writtenGroups(address.replace("::", `:${"0:".repeat(8 - writtenGroups(address).length)}`))

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

/**
 * The place of a URL's host on the network, judged by its name.
 *
 * @since 0.1.0
 * @category getters
 */
export const reach = (url: URL): Reach => {
  const host = url.hostname.replace(/\.$/, "")
  if (host.startsWith("[")) return reachOfIpv6(host.slice(1, -1))
  const quad = ipv4.exec(host)
  if (quad !== null) return reachOfIpv4(Number(quad[1]), Number(quad[2]), Number(quad[3]))
  if (host === "localhost" || host.endsWith(".localhost")) return "loopback"
  return !host.includes(".") || privateName.test(host) ? "private" : "public"
}

const distance: Record<Reach, number> = { public: 0, private: 1, loopback: 2 }

/** 169.254.0.0/16 (RFC 3927) and fe80::/10 (RFC 4291 §2.5.6). */
const linkLocal = /^(?:169\.254(?:\.\d+){2}|\[fe[89ab][0-9a-f]:.*\])$/

/**
 * The hosts that plain http may reach besides those of this machine.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlainHttp {
  /**
   * Whether plain http may reach link-local addresses. The metadata services of cloud platforms are there, and such a
   * request does not leave the network link of the machine.
   *
   * @default false
   */
  readonly linkLocal?: boolean | undefined
  /**
   * The names of further hosts that plain http may reach, in lower case and exact, without port. `InsecureHosts.check`
   * makes them from an option.
   *
   * @default none
   */
  readonly insecureHosts?: ReadonlyArray<string> | undefined
}

/**
 * Whether a request to this URL is protected on its way: by https, or because plain http does not leave the machine or
 * the caller accepts it for this host.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isSecure = (url: URL, options: PlainHttp = {}): boolean =>
  url.protocol === "https:" ||
  (url.protocol === "http:" &&
    (reach(url) === "loopback" || (options.linkLocal === true && linkLocal.test(url.hostname)) ||
      options.insecureHosts?.includes(url.hostname.replace(/\.$/, "")) === true))

/**
 * Reads the address of an endpoint that receives or supplies a credential. The left says what is wrong with the
 * address, as the text after a colon in an error message.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromText = (text: string, options: PlainHttp = {}): Either.Either<URL, string> => {
  const url = parse(text)
  if (/^\s*["']/.test(text)) return Either.left("it begins with a quotation mark; remove the quotation marks")
  if (url === undefined) return Either.left("it is not an absolute URL, as in https://host.example/path")
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    return Either.left("it begins with neither `https://` nor `http://`")
  }
  if (hasCredentials(url)) return Either.left("it has a user name or a password; send credentials in a header")
  if (text.includes("#")) return Either.left("it has a fragment, which no server receives; leave it out")
  if (isSecure(url, options)) return Either.right(url)
  const hosts = options.linkLocal === true ? "loopback and link-local hosts" : "loopback hosts"
  const named = options.insecureHosts === undefined ? "" : " and those in `insecureHosts`"
  return Either.left(`it is not https; plain http is for ${hosts}${named} only`)
}

/**
 * Whether a request may be sent to `url`: https, or http to a loopback host or one that the caller accepts. If another
 * party named the URL, the URL must not be nearer to this machine than that party is: otherwise a public server could
 * make this process call internal ones. This rule also applies to the hosts that the caller accepts.
 *
 * @since 0.1.0
 * @category constructors
 */
export const check = (
  url: URL,
  endpoint: InsecureEndpoint["endpoint"],
  namedBy?: URL,
  options: PlainHttp = {}
): Either.Either<URL, InsecureEndpoint> => {
  const isNearer = namedBy !== undefined && distance[reach(url)] > distance[reach(namedBy)]
  if (isSecure(url, options) && !isNearer) return Either.right(url)
  return Either.left(
    new InsecureEndpoint({
      reason: isSecure(url, options) ? "PrivateAddress" : "NotHttps",
      endpoint,
      url: nameOf(url),
      ...(namedBy === undefined ? {} : { namedBy: namedBy.origin })
    })
  )
}

/**
 * A URL as error messages show it: at most 200 characters, without the parts that may be secret.
 *
 * @since 0.1.0
 * @category getters
 */
export const nameOf = (url: URL): string => {
  // The path of `https:https://user:password@host`, where the scheme stands twice by mistake, contains the password.
  if (url.origin !== "null") return clean(`${url.origin}${url.pathname.replaceAll(/\/\/[^/]*@/g, "//…@")}`)
  // In a URL of another scheme the path may contain a password, as in `user:password@host`.
  // Stryker disable next-line Regex: without `^` the result is the same, in quadratic time
  return clean(`${url.protocol}${url.pathname.replace(/^.*@/s, "…@")}`)
}

/**
 * Whether a URL contains a user name or a password, which would travel with it into logs and to every party.
 *
 * @since 0.1.0
 * @category predicates
 */
export const hasCredentials = (url: URL): boolean => url.username !== "" || url.password !== ""

/**
 * An endpoint of an authorization server, without fragment (RFC 6749 §3.2), user name and password; `undefined` if the
 * text is not one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const parseEndpoint = (input: string): URL | undefined => {
  const url = parse(input)
  return url === undefined || input.includes("#") || hasCredentials(url) ? undefined : url
}

/**
 * A URL, absolute or relative to `base`; `undefined` if the text is not one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const parse = (input: string, base?: string | URL): URL | undefined => parseUrl(input, base)
