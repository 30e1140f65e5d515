import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { AssertionRequest, Checked, CheckOptions } from "../../AssertionProvider.ts"
import { isSameIssuer } from "../../AuthorizationServer.ts"
import { AssertionError } from "../../OAuthError.ts"
import { clean } from "../text/clean.ts"

const Header = Schema.parseJson(Schema.Struct({ alg: Schema.String, typ: Schema.optional(Schema.Unknown) }))
const Claims = Schema.parseJson(Schema.Struct({
  aud: Schema.optional(Schema.Union(Schema.String, Schema.Array(Schema.String))),
  exp: Schema.optional(Schema.Number),
  nbf: Schema.optional(Schema.Number),
  jti: Schema.optional(Schema.Unknown),
  resource: Schema.optional(Schema.Unknown)
}))

const part = <A, I>(encoded: string, schema: Schema.Schema<A, I>): Option.Option<A> =>
  Option.flatMap(Either.getRight(Encoding.decodeBase64UrlString(encoded)), Schema.decodeUnknownOption(schema))

/**
 * A JWT in the compact form (RFC 7519), read and not verified: that is for the authorization server to do.
 *
 * @internal
 */
export const read = (
  text: string
): Option.Option<{ readonly header: typeof Header.Type; readonly claims: typeof Claims.Type }> => {
  const [first = "", second = "", third, ...rest] = text.split(".")
  if (third === undefined || rest.length > 0) return Option.none()
  return Option.all({ header: part(first, Header), claims: part(second, Claims) })
}

/** A JWS of three parts says so in its header, whatever its claims are. One of five is encrypted, and cannot be read. */
const isJws = (text: string): boolean => {
  const [first = "", ...rest] = text.split(".")
  return rest.length === 2 && Option.isSome(part(first, Header))
}

/** What is not bound to this authorization server could be used elsewhere by whoever the server names. */
const UNBOUND =
  "is not bound to an authorization server, and was not sent to one that only the MCP server has named. " +
  "Name the `issuer`, or write `discover` to trust the server to name it."

/** Clocks differ, in seconds. */
const LEEWAY = 60

/**
 * Whether an assertion that somebody else made may be shown to the authorization server: only where it belongs, and while
 * it is valid (RFC 7523 §3). What is no JWT is let through where `opaque` says so.
 *
 * @internal
 */
export const check = (
  assertion: string,
  request: AssertionRequest,
  options: CheckOptions
): Either.Either<Checked, AssertionError> => {
  const { name = "The assertion", remedy } = options
  const refuse = (reason: AssertionError["reason"], description: string) =>
    Either.left(new AssertionError({ reason, description: `${name} ${description}` }))
  const advice = remedy === undefined ? "" : ` ${remedy}`
  if (assertion === "") return refuse("Malformed", "is empty, and was not sent. Check where it comes from.")
  // Whatever stands behind it: what is not signed is never meant to be opaque.
  if (Option.exists(part(assertion.replace(/\..*$/s, ""), Header), ({ alg }) => alg.toLowerCase() === "none")) {
    return refuse("Malformed", "is not signed (`alg` is none), and was not sent. Use one that its issuer has signed.")
  }
  const jwt = Option.getOrUndefined(read(assertion))
  if (jwt === undefined) {
    // It could be for anybody, and `opaque` is not meant for it.
    if (isJws(assertion)) {
      return refuse(
        "Malformed",
        `is a JWT whose claims cannot be read, and was not sent.${advice || " Get a new one."}`
      )
    }
    if (options.opaque !== true) {
      return refuse(
        "Malformed",
        "is not a JWT, and was not sent. Set `opaque` if the authorization server takes other kinds."
      )
    }
    return request.issuerUnnamed === true
      ? refuse("WrongAudience", UNBOUND)
      : Either.right({ expiresAt: undefined, hasId: false })
  }
  const { claims, header } = jwt
  const seconds = options.now / 1000
  if (claims.exp !== undefined && claims.exp <= seconds) {
    return refuse("Expired", `expired at ${instant(claims.exp)}, and was not sent. Get a new one.${advice}`)
  }
  if (claims.nbf !== undefined && claims.nbf > seconds + LEEWAY) {
    return refuse("NotYetValid", `is not valid before ${instant(claims.nbf)}, and was not sent. Check the clocks.`)
  }
  const audiences = typeof claims.aud === "string" ? [claims.aud] : claims.aud ?? []
  const namesServer = (audience: string) =>
    isSameUrl(audience, request.tokenEndpoint) || isSameIssuer(audience, request.issuer)
  const belongs = (audience: string) =>
    options.audiences?.includes(audience) ?? (audience === request.audience || namesServer(audience))
  if (!audiences.some(belongs)) {
    return refuse(
      "WrongAudience",
      `is for ${clean(audiences.join(", ")) || "no audience"}, and was not sent to ${clean(request.issuer)}. ` +
        `Have one made for the audience ${clean(options.audiences?.[0] ?? request.audience)}.${advice}`
    )
  }
  return request.issuerUnnamed === true && !audiences.some(namesServer)
    ? refuse("WrongAudience", UNBOUND)
    : Either.right({
      expiresAt: claims.exp === undefined ? undefined : claims.exp * 1000,
      hasId: claims.jti !== undefined,
      ...(header.typ === undefined ? {} : { type: textOf(header.typ) }),
      ...(claims.resource === undefined ? {} : { resources: [claims.resource].flat().map(textOf) })
    })
}

const textOf = (value: unknown): string => typeof value === "string" ? value : ""

const isSameUrl = (a: string, b: string): boolean =>
  a === b || (URL.canParse(a) && URL.canParse(b) && new URL(a).href === new URL(b).href)

/** `exp` and `nbf` are seconds, and may be of any size. */
const instant = (seconds: number): string => {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString()
}
