import { clean, oneLine } from "./clean.ts"
import { parseUrl } from "./url.ts"

/** The characters of a URI (RFC 3986 §2). The platform's parser silently removes or encodes any other character. */
const uri = /^https?:\/\/[\w!$%&'()*+,\-./:;=?@[\]~]+$/i

/** The longest identifier, in characters. */
const MAX_LENGTH = 16 * 1024

const defaultPorts: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" }

/**
 * A resource identifier as a URL; `undefined` if it is not one, if it has a fragment or credentials (RFC 9728 §1.2), or
 * if other parsers may read another host or path: the platform's parser decodes percent-encoded letters of a host, reads
 * `0x7f.1` as an address, and takes dot segments out of a path (RFC 3986 §5.2.4).
 */
const parse = (resource: string): URL | undefined => {
  const url = resource.length > MAX_LENGTH || !uri.test(resource) ? undefined : parseUrl(resource)
  if (url === undefined) return undefined
  const [, authority = "", rest = ""] = /^[^/]*\/\/([^/?]*)(.*)$/s.exec(resource) ?? []
  const written = rest.replace(/\?$/, "")
  const isPlain = `${url.pathname}${url.search}` === (written.startsWith("/") ? written : `/${written}`)
  const authorities = [url.host, `${url.hostname}:${defaultPorts[url.protocol]}`]
  return isPlain && authorities.includes(authority.toLowerCase()) ? url : undefined
}

const withoutSlash = (path: string): string => path.replace(/\/$/, "")

/**
 * Whether `resource` is the identifier of `server`, or, unless `match` is `"identical"`, one with a path above the
 * server's. A slash at the end of either path makes no difference.
 *
 * @internal
 */
export const covers = (resource: string, server: URL, match: "parent" | "identical" = "parent"): boolean => {
  const url = parse(resource)
  if (url === undefined || url.origin !== server.origin) return false
  const [path, serverPath] = [withoutSlash(url.pathname), withoutSlash(server.pathname)]
  if (path === serverPath && url.search === server.search) return true
  return match === "parent" && url.search === "" && (path === serverPath || serverPath.startsWith(`${path}/`))
}

/**
 * An identifier as error texts show it: without its query, a user name and a password, which may be secret.
 *
 * @internal
 */
export const shown = (resource: string): string => clean(withoutCredentials(resource.replace(/[?#].*$/s, "")))

/**
 * The URL as a field of an error holds it: without a user name and a password, which somebody may have written into a
 * document by mistake, and without the control characters that a server may have written into it on purpose. At most
 * 16 KiB of it, because errors are kept.
 *
 * @internal
 */
export const withoutCredentials = (url: string): string =>
  oneLine(url.slice(0, MAX_LENGTH)).replaceAll(/\/\/[^/]*@/g, "//")
