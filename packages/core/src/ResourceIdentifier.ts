/**
 * The resource identifier of an MCP server (RFC 8707 §2; MCP authorization, "Canonical Server URI"): the server's URL
 * in canonical form, and the value of the `resource` parameter of a token request.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { check, hasCredentials, parse, type PlainHttp } from "./authoring/SecureEndpoint.ts"
import { adviceOn, checkUrl, invalid, kindOf, quoteUrl } from "./authoring/TextOption.ts"
import type { InsecureEndpoint, InvalidOptions } from "./OAuthError.ts"

/**
 * A server's URL and the identifier that follows from it.
 *
 * @since 0.1.0
 * @category models
 */
export interface ResourceIdentifier {
  /** The URL as the platform parses it: a bare origin ends with a slash. */
  readonly url: URL
  /** The canonical identifier, such as `https://mcp.example.com`. Metadata and token requests use this name. */
  readonly resource: string
}

/**
 * The canonical form of a server's URL: scheme and host in lower case, no fragment, no default port, and no slash after
 * a bare origin unless the caller wrote one.
 *
 * @param url the parsed URL
 * @param written the text that the caller wrote. `URL` adds a slash to a bare origin, so only the text is exact
 *
 * @since 0.1.0
 * @category getters
 */
export const canonicalUrl = (url: URL, written: string): string => {
  const wroteNoPath = url.pathname === "/" && /^[^:]*:[/\\]*[^/\\?#]*(?:[?#]|$)/.test(written.trim())
  return `${url.origin}${wroteNoPath ? "" : url.pathname}${url.search}`
}

/** A `URL` object, perhaps of another realm, or of a library that replaces the platform's. */
const isUrl = (value: unknown): value is URL =>
  typeof value === "object" && value !== null && "href" in value && typeof value.href === "string"

const OPTION = "serverUrl"

/**
 * Reads the `serverUrl` that a caller gave. Fails with `InvalidOptions` if the text is not an absolute http(s) URL, or
 * holds a fragment, a user name or a password; and with `InsecureEndpoint` if nothing may be sent there.
 *
 * @param plainHttp the hosts that plain http may reach besides those of this machine
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { ResourceIdentifier } from "@effect-mcp-auth/core"
 * import { Either } from "effect"
 *
 * const { resource } = Either.getOrThrow(ResourceIdentifier.fromServerUrl("HTTPS://MCP.example.com:443"))
 * console.log(resource) // https://mcp.example.com
 * ```
 */
export const fromServerUrl = (
  serverUrl: string | URL,
  plainHttp: PlainHttp = {}
): Either.Either<ResourceIdentifier, InvalidOptions | InsecureEndpoint> => {
  if (typeof serverUrl !== "string" && !isUrl(serverUrl)) {
    return invalid(OPTION, `it is ${kindOf(serverUrl)}. ${adviceOn(serverUrl)}`)
  }
  // A `URL` object always has a slash after a bare origin, whether or not its caller wrote one.
  const written = typeof serverUrl === "string"
    ? serverUrl
    : serverUrl.href.replace(/^([^/]*\/\/[^/]*)\/(?=$|[?#])/, "$1")
  return Either.gen(function*() {
    const url = yield* checkUrl(
      OPTION,
      written,
      parse,
      "is not a URL. Write it whole, as in https://mcp.example.com/mcp."
    )
    if (hasCredentials(url)) {
      yield* invalid(
        OPTION,
        "the URL holds a user name or password. Leave them out: they would be sent to every party."
      )
    }
    if (written.includes("#")) {
      yield* invalid(
        OPTION,
        `${quoteUrl(written)} has a fragment, which a resource identifier must not have (RFC 8707 §2). Leave it out.`
      )
    }
    yield* check(url, "server", undefined, plainHttp)
    return { url, resource: canonicalUrl(url, written) }
  })
}

/**
 * The value of the `resource` parameter (RFC 8707 §2) for an identifier; `undefined` if the parameter is left out.
 *
 * @internal
 */
export const resourceParameter = (
  choice: "send" | "omit" | { readonly value: string } | undefined,
  resource: string
): string | undefined => {
  if (choice === undefined || choice === "send") return resource
  return choice === "omit" ? undefined : choice.value
}
