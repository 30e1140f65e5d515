/** The characters of a URI (RFC 3986 §2). The platform's parser removes or encodes others without a word. */
const uri = /^https?:\/\/[\w!$%&'()*+,\-./:;=?@[\]~]+$/i

const credentials = /^[^/]*\/\/[^/?]*@/

/** A resource identifier as a URL; `undefined` if it is not one, or has a fragment or credentials (RFC 9728 §1.2). */
const parse = (resource: string): URL | undefined =>
  uri.test(resource) && !credentials.test(resource) && URL.canParse(resource) ? new URL(resource) : undefined

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
