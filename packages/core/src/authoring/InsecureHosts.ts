/**
 * The option `insecureHosts`: the hosts that plain http may reach besides those of this machine, named one by one. For
 * authors of providers.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { clean } from "../internal/text/clean.ts"
import type { InvalidOptions } from "../OAuthError.ts"
import { isSecure, nameOf } from "./SecureEndpoint.ts"
import { checkList } from "./TextOption.ts"
import { parseUrl } from "../internal/text/url.ts"

const OPTION = "insecureHosts"

/**
 * Checks the option, and returns its host names as URLs write them. Each entry is the exact name of one host: no
 * wildcard, no scheme, no port, no path. All ports of the host are meant. The value may come from JavaScript, which no
 * compiler has checked.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import * as InsecureHosts from "@effect-mcp-auth/core/authoring/InsecureHosts"
 * import { Either } from "effect"
 *
 * console.log(Either.getOrThrow(InsecureHosts.check(["Vault.internal", "fd00::1"]))) // ["vault.internal", "[fd00::1]"]
 * ```
 */
export const check = (hosts: unknown): Either.Either<ReadonlyArray<string>, InvalidOptions> =>
  Either.map(
    checkList(OPTION, hosts, "host name", (host) => {
      if (nameOfHost(host) !== undefined) return undefined
      const what = host.includes("*") ? "is a wildcard" : "is not the name of a host"
      return `${JSON.stringify(clean(host))} ${what}. Name each host exactly, without scheme, port and path, as in ` +
        "\"keycloak.auth.svc.cluster.local\"."
    }),
    (checked) => checked.flatMap((host) => nameOfHost(host) ?? [])
  )

/** The host as URLs write it; `undefined` if the text is anything else than one host. */
const nameOfHost = (written: string): string | undefined => {
  const isAddress = written.includes(":") && !written.startsWith("[")
  const text = isAddress ? `[${written}]` : written
  const url = /[\s*/\\?#@%]/.test(text) ? undefined : parseUrl(`http://${text}/`)
  if (url === undefined) return undefined
  const { host } = url
  // The parser of URLs also reads `0x7f.1` as an address. Such a text is not what somebody would look for in a log.
  const isOtherSpelling = !host.startsWith("[") && /^[\x21-\x7e]+$/.test(text) && host !== text.toLowerCase()
  const name = host.replace(/\.$/, "")
  return isOtherSpelling || /\]./.test(text) || name.split(".").includes("") ? undefined : name
}

/** The hosts that were warned of, for each list of hosts. Each provider has a list of its own. */
const warned = new WeakMap<ReadonlyArray<string>, Set<string>>()

/**
 * Logs a warning if a request to this URL is made over plain http because the option names its host: once for each host
 * with its port, and for each checked list.
 *
 * @since 0.1.0
 * @category combinators
 */
export const warn = (hosts: ReadonlyArray<string> | undefined, url: URL): Effect.Effect<void> => {
  if (hosts === undefined || isSecure(url) || !isSecure(url, { insecureHosts: hosts })) return Effect.void
  const known = warned.get(hosts) ?? new Set()
  if (known.has(url.host)) return Effect.void
  warned.set(hosts, known.add(url.host))
  return Effect.logWarning(
    `Plain http is used for ${clean(nameOf(url))}, since \`${OPTION}\` names its host. Everybody on the way can read ` +
      "and change what is sent, secrets and tokens included."
  )
}
