import { InvalidOptions } from "@effect-mcp-auth/core/OAuthError"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"

/**
 * The parts of a Redis URL.
 *
 * @internal
 */
export interface Address {
  /** The URL without its db. */
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
      // `URL` keeps the brackets of an IPv6 address, a socket takes the address without them.
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
 * The passwords of a connection: those in its URLs, and those in the options of the client.
 *
 * @internal
 */
export const passwordsOf = (
  addresses: ReadonlyArray<Address>,
  ...options: ReadonlyArray<{ readonly password?: unknown; readonly sentinelPassword?: unknown } | undefined>
): ReadonlyArray<string> =>
  [
    ...addresses.map(({ credentials }) => credentials.password),
    ...options.flatMap((one) => [one?.password, one?.sentinelPassword])
  ].filter((password) => typeof password === "string")

/**
 * The addresses of all URLs. Fails if a URL is invalid or the list is empty, without showing any URL: a URL may contain
 * a password.
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
        description: "this is not a Redis URL. Write redis://host:6379, or rediss://host:6379 for TLS. " +
          "Percent-encode special characters of a password, and write the db as a number: redis://host:6379/1."
      })
    )
}

/**
 * The advice for an option that chooses a db, which a Redis Cluster does not have.
 *
 * @internal
 */
export const onlyDb0 = "A cluster has only db 0. Name no db, and give each environment its own `prefix`."

/**
 * The db of the URL, or else `option`. Fails for a value that is not a db number, because ioredis would silently use
 * db 0 in its place.
 *
 * @internal
 */
export const dbOf = (
  addresses: ReadonlyArray<Address>,
  option: number | undefined,
  isCluster: boolean
): Either.Either<number, InvalidOptions> => {
  const named = [...addresses.map(({ db }) => db), option].filter((db) => db !== undefined)
  const [db = 0] = named
  return isCluster && named.some((db) => db !== 0)
    ? Either.left(new InvalidOptions({ option: "url", description: onlyDb0 }))
    : Number.isSafeInteger(db) && db >= 0
    ? Either.right(db)
    : Either.left(
      new InvalidOptions({ option: "redis", description: "`db` is not a db number. Write a whole number from 0 up." })
    )
}
