import { InvalidOptions } from "@effect-mcp-auth/core/OAuthError"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"

/**
 * Where a Redis is, as its URL says.
 *
 * @internal
 */
export interface Address {
  readonly href: string
  readonly node: { readonly host: string; readonly port: number }
  readonly tls: boolean
  readonly credentials: { readonly username?: string; readonly password?: string }
}

const parse = (text: string): Address | undefined => {
  try {
    const { hostname, href, password, port, protocol, username } = new URL(text)
    if ((protocol !== "redis:" && protocol !== "rediss:") || hostname === "") return undefined
    return {
      href,
      // An IPv6 address is in brackets.
      node: { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(port || 6379) },
      tls: protocol === "rediss:",
      credentials: {
        ...(username === "" ? {} : { username: decodeURIComponent(username) }),
        ...(password === "" ? {} : { password: decodeURIComponent(password) })
      }
    }
  } catch {
    return undefined
  }
}

/**
 * One at least.
 *
 * @internal
 */
export const fromUrls = (
  urls: ReadonlyArray<Redacted.Redacted<string>>
): Either.Either<readonly [Address, ...ReadonlyArray<Address>], InvalidOptions> => {
  const parsed = urls.map((url) => parse(Redacted.value(url)))
  const [first, ...others] = parsed.filter((address) => address !== undefined)
  return first !== undefined && others.length + 1 === parsed.length
    ? Either.right([first, ...others])
    : Either.left(
      new InvalidOptions({
        option: "url",
        description: "it is no URL of Redis. Write redis://host:6379, or rediss://host:6379 for TLS, " +
          "and what is special in a password percent-encoded."
      })
    )
}
