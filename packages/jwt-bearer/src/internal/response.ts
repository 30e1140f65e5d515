import * as AccessToken from "@effect-mcp-auth/core/AccessToken"
import * as Assertion from "@effect-mcp-auth/core/Assertion"
import type { CachedAssertion } from "@effect-mcp-auth/core/authoring/AssertionCache"
import { AssertionError } from "@effect-mcp-auth/core/OAuthError"
import * as Jwt from "@effect-mcp-auth/core/Jwt"
import * as TokenResponse from "@effect-mcp-auth/core/TokenResponse"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

/** @internal */
export const TOKEN_TYPE = "urn:ietf:params:oauth:token-type:"

/** @internal */
export const ID_JAG: `${typeof TOKEN_TYPE}id-jag` = `${TOKEN_TYPE}id-jag`

/** The header `typ` of an ID-JAG that has one (draft-ietf-oauth-identity-assertion-authz-grant §3). */
const TYPE = "oauth-id-jag+jwt"

/**
 * The server, as the token request will name it. SEP-990 requires the name even if the token request has none.
 *
 * @internal
 */
export const resourceOf = ({ resource, resourceParameter }: Assertion.AssertionRequest): string =>
  resourceParameter ?? resource

/** RFC 8693 §2.2.1: the token type of anything that is not an access token is `N_A`. */
const Response = Schema.Struct({
  access_token: Schema.Redacted(AccessToken.Value),
  issued_token_type: Schema.Literal(ID_JAG),
  token_type: Schema.String.pipe(Schema.filter((type) => type.toLowerCase() === "n_a")),
  expires_in: Schema.optional(Schema.NullOr(TokenResponse.Lifetime))
})

const decodeRefreshToken = Schema.decodeUnknownOption(
  Schema.Struct({ refresh_token: Schema.Redacted(AccessToken.Value) })
)

/**
 * The refresh token in an answer, which replaces the presented one (RFC 6749 §6).
 *
 * @internal
 */
export const refreshTokenIn = (reply: TokenResponse.Reply): Redacted.Redacted<string> | undefined =>
  Option.getOrUndefined(Option.map(decodeRefreshToken(reply.json), (answer) => answer.refresh_token))

const decode = Schema.decodeUnknownOption(Response)

const malformed = (what: string) =>
  new AssertionError({
    reason: "Malformed",
    description: `The identity provider returned no ID-JAG: ${what}. Check that it is set up for SEP-990.`
  })

/**
 * Whether something else than the identity provider may have answered, such as a proxy with a page of its own.
 *
 * @internal
 */
export const isForeign = ({ json }: TokenResponse.Reply): boolean =>
  !isRecord(json) || Array.isArray(json) || !("access_token" in json)

/**
 * The error about an answer that is no answer of a token exchange, and that may be gone at the next attempt.
 *
 * @internal
 */
export const foreign = ({ json, says }: TokenResponse.Reply): AssertionError => {
  const what = says === undefined ? whatIsWrong(json) : `${whatIsWrong(json)}, and the answer says "${says}"`
  return new AssertionError({
    reason: "Unavailable",
    description: `The identity provider returned no ID-JAG: ${what}. A proxy or a gateway may have answered in its ` +
      "place: try again later."
  })
}

/**
 * The ID-JAG in an answer of the identity provider. It is accepted only if it is for the requested authorization server
 * and resource, and has not expired. An encrypted one cannot be read here; its lifetime is that of the answer.
 *
 * @internal
 */
export const accept = (
  reply: TokenResponse.Reply,
  request: Assertion.AssertionRequest,
  reuse: boolean
): Either.Either<CachedAssertion, AssertionError> =>
  Either.gen(function*() {
    const response = yield* Either.fromOption(decode(reply.json), () => malformed(whatIsWrong(reply.json)))
    const idJag = response.access_token
    const isEncrypted = Jwt.isJwe(Redacted.value(idJag))
    const { expiresAt: exp, hasId, resources, type } = yield* Assertion.check(idJag, request, {
      now: reply.receivedAt,
      // Only the authorization server can read an encrypted ID-JAG, and checks what is in it.
      opaque: isEncrypted
    })
    if (type !== undefined && type.toLowerCase().replace(/^application\//, "") !== TYPE) {
      return yield* Either.left(malformed(`its \`typ\` is not ${TYPE}`))
    }
    if (resources?.some((resource) => Assertion.isSameUrl(resource, resourceOf(request))) === false) {
      return yield* Either.left(malformed("its `resource` is not the requested one"))
    }
    const said = response.expires_in ?? undefined
    const expiresAt = Math.min(
      said === undefined ? Number.POSITIVE_INFINITY : reply.sentAt + said * 1000,
      exp ?? Number.POSITIVE_INFINITY
    )
    const issued: CachedAssertion = {
      value: idJag,
      // Every ID-JAG must have a `jti`, and that of an encrypted one cannot be seen.
      once: (hasId || isEncrypted) && !reuse,
      obtainedAt: reply.sentAt,
      expiresAt: Number.isFinite(expiresAt) ? expiresAt : undefined
    }
    return yield* check(issued, reply.receivedAt)
  })

/**
 * Whether an ID-JAG is valid now. An ID-JAG without an expiry is not cached, so it is always new.
 *
 * @internal
 */
export const check = (issued: CachedAssertion, now: number): Either.Either<CachedAssertion, AssertionError> =>
  issued.expiresAt === undefined || (issued.obtainedAt <= now && now < issued.expiresAt)
    ? Either.right(issued)
    : Either.left(
      new AssertionError({
        reason: "Expired",
        description:
          "The identity provider returned an ID-JAG that had expired on arrival. Nothing was sent to the authorization " +
          "server. Configure a longer lifetime at the identity provider."
      })
    )

const isRecord = Schema.is(Schema.Record({ key: Schema.String, value: Schema.Unknown }))

/** Names the invalid part, and never shows its value: the answer may contain a token. */
const whatIsWrong = (json: unknown): string => {
  if (json === undefined) return "the answer is not JSON"
  if (!isRecord(json) || Array.isArray(json)) return "the answer is not a JSON object"
  const right = { access_token: "-", issued_token_type: ID_JAG, token_type: "N_A" }
  const wrong = Object.keys(Response.fields).find((name) => Option.isNone(decode({ ...right, [name]: json[name] })))
  if (wrong === "issued_token_type") return `\`issued_token_type\` is not ${ID_JAG}, the requested type`
  if (wrong === "token_type") return "`token_type` is not N_A (RFC 8693 §2.2.1)"
  return `\`${wrong ?? "access_token"}\` has an invalid value (RFC 8693 §2.2.1)`
}
