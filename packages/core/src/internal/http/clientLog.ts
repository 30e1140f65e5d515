import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as AccessToken from "../../AccessToken.ts"
import { nameOf, reach } from "../../authoring/SecureEndpoint.ts"
import type * as Challenge from "../../Challenge.ts"
import { factsOf } from "../telemetry/attributes.ts"
import { saysOf, warnOnce } from "../telemetry/tokenLog.ts"
import { parseUrl } from "../text/url.ts"

/** How many origins have a line. A program that calls more of them has a client that is not for one MCP server. */
const MAX_ORIGINS = 20

/**
 * The log of one authenticated client: why a request carries no token, and that the server rejects fresh tokens.
 *
 * @internal
 */
export class ClientLog {
  /** The resource without its query. */
  readonly #name: string
  readonly #origin: string
  #reported: Set<string> | undefined
  #reportedOwn = false
  #warnedAt: number | undefined

  constructor(resource: string) {
    const url = new URL(resource)
    this.#name = nameOf(url)
    this.#origin = url.origin
  }

  /**
   * A request to another origin gets no token. There is one line for each origin, and `undefined` after it. Another
   * spelling of the same loopback address is a mistake in all likelihood, so that line is a warning.
   */
  otherOrigin(url: string): Effect.Effect<void> | undefined {
    const origin = originOf(url)
    if (!this.#isNews(origin)) return undefined
    const message = `A request to ${origin} does not carry the provider's token, which is for ${this.#origin} only. ` +
      "If both are the same MCP server, write its host, port and scheme in the same way for the request and in " +
      "`serverUrl`."
    return this.#annotate(isSameLoopback(origin, this.#origin) ? Effect.logWarning(message) : Effect.logDebug(message))
  }

  /**
   * The server redirects a request to another origin, which gets no token. There is one line for each origin, and
   * `undefined` after it.
   *
   * @param url the target of the redirect
   */
  redirected(url: string): Effect.Effect<void> | undefined {
    if (!this.#isNews(`redirect ${originOf(url)}`)) return undefined
    const target = parseUrl(url)
    return this.#debug(
      `The server redirected a request to ${target === undefined ? "an invalid URL" : nameOf(target)}, which is of ` +
        `another origin than ${this.#origin} and gets no token. If that is a login page, check the path of the request ` +
        "and whether the server accepts tokens there. If the MCP server has moved, change `serverUrl`."
    )
  }

  #isNews(place: string): boolean {
    const reported = this.#reported ??= new Set()
    if (reported.size >= MAX_ORIGINS || reported.has(place)) return false
    reported.add(place)
    return true
  }

  /** A request to the resource keeps its own `Authorization`. There is one line, and `undefined` after it. */
  ownAuthorization(): Effect.Effect<void> | undefined {
    if (this.#reportedOwn) return undefined
    this.#reportedOwn = true
    return this.#debug(
      `A request to ${this.#origin} does not carry the provider's token, because the request has an ` +
        "`Authorization` header of its own. To send the provider's token, remove that header from the request."
    )
  }

  /**
   * The server rejects a token that has just replaced a rejected one. There is one warning in ten minutes; repetitions
   * before that are logged at Debug.
   */
  rejectedAgain(token: AccessToken.AccessToken, challenge: Challenge.Challenge | undefined): Effect.Effect<void> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const message = `The MCP server rejected a token and the token that replaced it.${saysOf(challenge, token)} A ` +
        "server that rejects new tokens usually expects another audience (`resourceParameter`, or `audience` in " +
        "`additionalParameters`), another issuer (`issuer`) or other scopes (`scopes`), or its clock is wrong. " +
        "Compare `aud`, `iss`, `scope`, `iat` and `exp` of the token with the server's configuration."
      const line = warnOnce(message, this.#warnedAt, now, () => this.#warnedAt = now)
      return this.#annotate(Effect.annotateLogs(line, factsOf(token, now)))
    })
  }

  #debug(message: string): Effect.Effect<void> {
    return this.#annotate(Effect.logDebug(message))
  }

  #annotate(line: Effect.Effect<void>): Effect.Effect<void> {
    return Effect.annotateLogs(line, { "oauth.resource": this.#name })
  }
}

/** Whether two origins are the same port of this machine under two names, such as `localhost` and `127.0.0.1`. */
const isSameLoopback = (a: string, b: string): boolean => {
  const [one, other] = [parseUrl(a), parseUrl(b)]
  return one !== undefined && other !== undefined && one.protocol === other.protocol && one.port === other.port &&
    [one, other].every((url) => reach(url) === "loopback")
}

/** The origin of a URL. Not every URL has one. */
const originOf = (url: string): string => {
  const parsed = parseUrl(url)
  if (parsed === undefined) return "a relative or invalid URL"
  const { origin, protocol } = parsed
  return origin === "null" ? `a URL of the scheme ${protocol}` : origin
}
