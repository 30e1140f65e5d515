import * as AccessToken from "@effect-mcp-auth/core/AccessToken"
import * as Assertion from "@effect-mcp-auth/core/Assertion"
import { AssertionError } from "@effect-mcp-auth/core/OAuthError"
import * as TokenEndpoint from "@effect-mcp-auth/core/TokenEndpoint"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Issued } from "./memory.ts"

/** @internal */
export const TOKEN_TYPE = "urn:ietf:params:oauth:token-type:"

/** @internal */
export const ID_JAG: `${typeof TOKEN_TYPE}id-jag` = `${TOKEN_TYPE}id-jag`

/** The header `typ` of an ID-JAG, where it has one (draft-ietf-oauth-identity-assertion-authz-grant §3). */
const TYPE = "oauth-id-jag+jwt"

/**
 * As the authorization server will be told it. Where it is told nothing, SEP-990 still wants the server named here.
 *
 * @internal
 */
export const resourceOf = ({ resource, resourceParameter }: Assertion.AssertionRequest): string =>
  resourceParameter ?? resource

/** RFC 8693 §2.2.1: what is no access token has the token type `N_A`. */
const Response = Schema.Struct({
  access_token: Schema.Redacted(AccessToken.Value),
  issued_token_type: Schema.Literal(ID_JAG),
  token_type: Schema.Lowercase.pipe(Schema.compose(Schema.Literal("n_a"))),
  expires_in: Schema.optional(Schema.NullOr(TokenEndpoint.Lifetime))
})
const decode = Schema.decodeUnknownOption(Response)

/** How long before its end an ID-JAG is replaced, in milliseconds; a fifth of its life if that is less. */
const MARGIN = 60_000

const malformed = (what: string) =>
  new AssertionError({
    reason: "Malformed",
    description: `The identity provider gave no ID-JAG: ${what}. Check that it is set up for SEP-990.`
  })

/**
 * What the identity provider answered. An ID-JAG goes only to the authorization server that it was made for, for the
 * resource that was asked for, and not after its end.
 *
 * @internal
 */
export const accept = (
  reply: TokenEndpoint.Reply,
  request: Assertion.AssertionRequest,
  reuse: boolean
): Either.Either<Issued, AssertionError> =>
  Either.gen(function*() {
    const response = yield* Either.fromOption(decode(reply.json), () => malformed(whatIsWrong(reply.json)))
    const idJag = response.access_token
    const { expiresAt: exp, hasId, resources, type } = yield* Assertion.check(idJag, request, {
      now: reply.receivedAt
    })
    if (type !== undefined && type.toLowerCase().replace(/^application\//, "") !== TYPE) {
      return yield* Either.left(malformed(`its \`typ\` is not ${TYPE}`))
    }
    if (resources?.some((resource) => isSameUrl(resource, resourceOf(request))) === false) {
      return yield* Either.left(malformed("its `resource` is not the one that was asked for"))
    }
    const said = response.expires_in ?? undefined
    const expiresAt = Math.min(
      said === undefined ? Number.POSITIVE_INFINITY : reply.sentAt + said * 1000,
      exp ?? Number.POSITIVE_INFINITY
    )
    if (expiresAt <= reply.receivedAt) {
      return yield* Either.left(
        new AssertionError({
          reason: "Expired",
          description:
            "The identity provider gave an ID-JAG whose time had passed when it arrived. Nothing was sent to " +
            "the authorization server. Have it issued for longer."
        })
      )
    }
    const margin = Math.min(MARGIN, (expiresAt - reply.sentAt) / 5)
    const common = { idJag, once: hasId && !reuse, issuedAt: reply.sentAt }
    // One that does not say how long it is good is good now.
    return Number.isFinite(expiresAt)
      ? { ...common, freshUntil: expiresAt - margin, expiresAt }
      : { ...common, freshUntil: reply.receivedAt, expiresAt: reply.receivedAt }
  })

const isSameUrl = (a: string, b: string): boolean =>
  a === b || (URL.canParse(a) && URL.canParse(b) && new URL(a).href === new URL(b).href)

const isRecord = Schema.is(Schema.Record({ key: Schema.String, value: Schema.Unknown }))

/** Says which part is wrong and never shows it: the answer may hold a token. */
const whatIsWrong = (json: unknown): string => {
  if (json === undefined) return "the answer is not JSON"
  if (!isRecord(json) || Array.isArray(json)) return "the answer is not a JSON object"
  const right = { access_token: "-", issued_token_type: ID_JAG, token_type: "N_A" }
  const wrong = Object.keys(Response.fields).find((name) => Option.isNone(decode({ ...right, [name]: json[name] })))
  switch (wrong) {
    case "issued_token_type":
      return `\`issued_token_type\` is not ${ID_JAG}, which was asked for`
    case "token_type":
      return "`token_type` is not N_A (RFC 8693 §2.2.1)"
    case undefined:
      return "the answer is not that of a token exchange (RFC 8693 §2.2.1)"
    default:
      return `\`${wrong}\` is not what it has to be (RFC 8693 §2.2.1)`
  }
}
