/**
 * The challenges in the `WWW-Authenticate` header of a 401 or 403 (RFC 9110 §11.6.1).
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import { isSupported, readChallenges } from "./internal/challenge/parser.ts"
import { clean, withoutSecrets } from "./internal/text/clean.ts"
import * as scopes from "./internal/text/scopeList.ts"

/**
 * One challenge.
 *
 * @since 0.1.0
 * @category models
 */
export interface Challenge {
  /** The authentication scheme, in lower case. */
  readonly scheme: string
  /** The value of a scheme that has a `token68` in place of parameters (RFC 9110 §11.2). */
  readonly token68: string | undefined
  /** The parameters by lower-case name. Their values are unquoted. */
  readonly parameters: ReadonlyMap<string, string>
}

/**
 * The address of the protected resource metadata (RFC 9728 §5.1), as the server wrote it. The address is not checked.
 *
 * @since 0.1.0
 * @category getters
 */
export const resourceMetadata = (self: Challenge): string | undefined => self.parameters.get("resource_metadata")

/**
 * The error code (RFC 6750 §3.1), such as `invalid_token` or `insufficient_scope`.
 *
 * @since 0.1.0
 * @category getters
 */
export const error = (self: Challenge): string | undefined => self.parameters.get("error")

/**
 * The server's explanation for developers (RFC 6750 §3), as the server wrote it.
 *
 * @since 0.1.0
 * @category getters
 */
export const errorDescription = (self: Challenge): string | undefined => self.parameters.get("error_description")

/**
 * The scopes that the request needs (RFC 6750 §3). Words that are not scope tokens (RFC 6749 §3.3) are left out.
 *
 * @since 0.1.0
 * @category getters
 */
export const requiredScopes = (self: Challenge): ReadonlyArray<string> => scopes.parse(self.parameters.get("scope"))

/**
 * Whether the server asks for a token with more scope (RFC 6750 §3.1).
 *
 * @since 0.1.0
 * @category predicates
 */
export const isInsufficientScope = (self: Challenge): boolean => error(self) === "insufficient_scope"

/**
 * Whether the server says that the token is expired, revoked, or invalid for other reasons (RFC 6750 §3.1).
 *
 * @since 0.1.0
 * @category predicates
 */
export const isInvalidToken = (self: Challenge): boolean => error(self) === "invalid_token"

/**
 * The challenge without a token that the server may have written into it.
 *
 * @internal
 */
export const withoutToken = (self: Challenge, token: Redacted.Redacted): Challenge => {
  const value = Redacted.value(token)
  const redact = (text: string) => withoutSecrets(text, [value])
  return {
    scheme: self.scheme,
    token68: self.token68 === undefined ? undefined : redact(self.token68),
    parameters: new Map(Array.from(self.parameters, ([name, text]) => [redact(name), redact(text)]))
  }
}

/**
 * The challenge of the header that this library acts on: the first `Bearer` challenge, else the first `DPoP` challenge.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromHeader = (header: string | null | undefined): Challenge | undefined => {
  if (header === null || header === undefined) return undefined
  const challenges = parse(header)
  return challenges.find(({ scheme }) => scheme === "bearer") ?? challenges.find(({ scheme }) => scheme === "dpop")
}

/**
 * All `Bearer` and `DPoP` challenges of the header, in their order. A challenge that repeats `resource_metadata`, which
 * no challenge may do (RFC 9110 §11.2), occurs once for each address, so that each address can be tried.
 *
 * @since 0.1.0
 * @category constructors
 */
export const allFromHeader = (header: string | null | undefined): ReadonlyArray<Challenge> =>
  readChallenges(header ?? "").challenges.filter(isSupported).flatMap(
    ({ furtherAddresses, parameters, scheme, token68 }) => [
      { scheme, token68, parameters },
      ...furtherAddresses.map((address) => ({
        scheme,
        token68,
        parameters: new Map(parameters).set("resource_metadata", address)
      }))
    ]
  )

/** How much of a header is cleaned to be shown, in characters. An error shows less. */
const MAX_SHOWN = 4096

/**
 * The header, fit to be shown in an error, if a challenge arrived that could not be read in whole. The result is
 * `undefined` if nothing that this library acts on is missing: the header is absent, or well formed, or only challenges
 * of other schemes are damaged. The header is shortened and without the queries of URLs.
 *
 * @since 0.1.0
 * @category getters
 * @example
 * ```ts
 * import { Challenge } from "@effect-mcp-auth/core"
 *
 * console.log(Challenge.unreadable(`Bearer resource_metadata=see below`)) // Bearer resource_metadata=see below
 * console.log(Challenge.unreadable(`Bearer resource_metadata="https://mcp.example.com/meta"`)) // undefined
 * ```
 */
export const unreadable = (header: string | null | undefined): string | undefined => {
  const { challenges, leftOut } = readChallenges(header ?? "")
  const supported = challenges.filter(isSupported)
  const isMissing =
    supported.some(({ leftOut, token68 }) =>
      token68 !== undefined || leftOut.some(({ isParameter }) => !isParameter)
    ) || [...leftOut, ...challenges.flatMap(({ leftOut }) => leftOut.map(({ text }) => text))].some(isOfInterest) ||
    (supported.length === 0 && leftOut.length > 0)
  return isMissing ? clean((header ?? "").slice(0, MAX_SHOWN).replaceAll(/\?[^\s"',]*/g, "?…")) : undefined
}

/** Whether a part that was left out may hold a challenge or a parameter that this library acts on. */
const isOfInterest = (text: string): boolean => /bearer|dpop|resource_metadata|scope|error/i.test(text)

/**
 * All challenges of the header, in their order. Several header lines are joined by commas (RFC 9110 §5.3). The parser
 * reads the header once, never throws, and leaves out what does not parse. Of a repeated parameter the first one
 * counts.
 *
 * Headers that break the grammar are read where they can mean only one thing. An unquoted value runs to the next comma
 * or white space (`resource_metadata=https://…`), single quotes count as quotes, and white space separates parameters
 * like a comma.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { Challenge } from "@effect-mcp-auth/core"
 *
 * const [challenge] = Challenge.parse(`Bearer realm="a, b", scope="files:read"`)
 * console.log(challenge?.parameters.get("realm")) // a, b
 * ```
 */
export const parse = (header: string): ReadonlyArray<Challenge> =>
  readChallenges(header).challenges.map(({ parameters, scheme, token68 }) => ({ scheme, token68, parameters }))
