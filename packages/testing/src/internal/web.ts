/**
 * @internal
 */

/** @internal */
export const jsonResponse = (value: unknown, init?: ResponseInit): Response => {
  const headers = new Headers(init?.headers)
  headers.set("content-type", "application/json")
  return new Response(JSON.stringify(value), { ...init, headers })
}

/** @internal */
export const withoutSlash = (url: string): string => url.endsWith("/") ? url.slice(0, -1) : url

/**
 * RFC 8414 §3.1 and RFC 9728 §3.1: the well-known name goes between the host and the path.
 *
 * @internal
 */
export const withWellKnown = (url: string, name: string): string => {
  const { origin, pathname } = new URL(url)
  return `${origin}/.well-known/${name}${pathname === "/" ? "" : pathname}`
}

/**
 * MCP "Canonical Server URI": lower-case scheme and host, no default port, no fragment, and no slash that was not
 * written.
 *
 * @internal
 */
export const canonical = (url: string): string => {
  const parsed = new URL(url)
  parsed.hash = ""
  const written = url.replace(/#.*$/s, "")
  return parsed.pathname === "/" && parsed.search === "" && !written.endsWith("/") ? parsed.origin : parsed.href
}
