import { InvalidOptions } from "@effect-mcp-auth/core/OAuthError"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"

/**
 * Where a Redis is, and which part of it is meant, as its URL says.
 *
 * @internal
 */
export interface Address {
  /** Without the db. */
  readonly href: string
  readonly node: { readonly host: string; readonly port: number }
  readonly tls: boolean
  readonly credentials: { readonly username?: string; readonly password?: string }
  readonly db: number | undefined
}

const parse = (text: string): Address | undefined => {
  try {
    const url = new URL(text)
    const { hostname, password, port, protocol, username } = url
    const db = url.pathname.slice(1) || url.searchParams.get("db") || undefined
    if ((protocol !== "redis:" && protocol !== "rediss:") || hostname === "" || !/^\d*$/.test(db ?? "")) {
      return undefined
    }
    url.pathname = ""
    url.searchParams.delete("db")
    return {
      href: url.href,
      // An IPv6 address is in brackets.
      node: { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(port || 6379) },
      tls: protocol === "rediss:",
      credentials: {
        ...(username === "" ? {} : { username: decodeURIComponent(username) }),
        ...(password === "" ? {} : { password: decodeURIComponent(password) })
      },
      db: db === undefined ? undefined : Number(db)
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
          "what is special in a password percent-encoded, and a db by its number, as in redis://host:6379/1."
      })
    )
}

/**
 * The db that the URL names, or else the option. Whatever is none is refused: ioredis would take it for db 0.
 *
 * @internal
 */
export const dbOf = (
  addresses: ReadonlyArray<Address>,
  option: number | undefined,
  isCluster: boolean
): Either.Either<number, InvalidOptions> => {
  const named = [...addresses.map(({ db }) => db), option].filter((db) => db !== undefined)
  if (isCluster && named.some((db) => db !== 0)) {
    return Either.left(
      new InvalidOptions({
        option: "url",
        description: "a cluster has no db but 0. Name none; what is to be apart has a `prefix` of its own."
      })
    )
  }
  const [db = 0] = named
  return Number.isSafeInteger(db) && db >= 0
    ? Either.right(db)
    : Either.left(
      new InvalidOptions({ option: "redis", description: "its `db` is no number of a db. Write one from 0 on." })
    )
}
