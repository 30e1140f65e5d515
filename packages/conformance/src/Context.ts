/**
 * The credentials that the suite passes to a client besides the server's URL, as JSON in `MCP_CONFORMANCE_CONTEXT`.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** The algorithms of `SignedAssertion`. */
const SigningAlgorithm = Schema.Literal(
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA"
)

/** A client that signs its assertions itself. */
const PrivateKey = Schema.Struct({
  client_id: Schema.NonEmptyString,
  private_key_pem: Schema.Redacted(Schema.NonEmptyString),
  signing_algorithm: Schema.optionalWith(SigningAlgorithm, { default: () => "ES256" })
}).pipe(Schema.attachPropertySignature("_tag", "PrivateKey"))

/** A workload with a valid token of its platform, and two tokens that must not be sent: wrong audience, and expired. */
const Workload = Schema.Struct({
  client_id: Schema.NonEmptyString,
  valid_jwt: Schema.Redacted(Schema.NonEmptyString),
  wrong_audience_jwt: Schema.Redacted(Schema.NonEmptyString),
  expired_jwt: Schema.Redacted(Schema.NonEmptyString)
}).pipe(Schema.attachPropertySignature("_tag", "Workload"))

/** A client that an enterprise's identity provider vouches for, and its registration with that identity provider. */
const EnterpriseManaged = Schema.Struct({
  client_id: Schema.NonEmptyString,
  client_secret: Schema.Redacted(Schema.NonEmptyString),
  idp_client_id: Schema.NonEmptyString,
  idp_id_token: Schema.Redacted(Schema.NonEmptyString),
  idp_issuer: Schema.NonEmptyString,
  idp_token_endpoint: Schema.NonEmptyString
}).pipe(Schema.attachPropertySignature("_tag", "EnterpriseManaged"))

/** A client id and its secret. `issuer`, if present, is the authorization server that issued them. */
const ClientSecret = Schema.Struct({
  client_id: Schema.NonEmptyString,
  client_secret: Schema.Redacted(Schema.NonEmptyString),
  issuer: Schema.optionalWith(Schema.NonEmptyString, { exact: true })
}).pipe(Schema.attachPropertySignature("_tag", "ClientSecret"))

/** No credentials: the scenario expects the client to register on the spot, which a machine client does not do. */
const Unregistered = Schema.Struct({
  client_id: Schema.optionalWith(Schema.Never, { exact: true })
}).pipe(Schema.attachPropertySignature("_tag", "Unregistered"))

/**
 * The kinds of context, distinguished by their fields. The first kind that fits is used, so a kind that has all fields
 * of another kind and more (an ID-JAG exchange has a client secret too) stands before it.
 */
const Context = Schema.Union(EnterpriseManaged, Workload, PrivateKey, ClientSecret, Unregistered)

export type Context = typeof Context.Type

/** This client does not know such a context. The message names the fields of the context and none of their values. */
export class InvalidContext extends Data.TaggedError("InvalidContext")<{ readonly message: string }> {}

const Fields = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown }))

export const decode = (json: string): Effect.Effect<Context, InvalidContext> =>
  Effect.gen(function*() {
    const fields = yield* Effect.mapError(
      Schema.decode(Fields)(json),
      () => new InvalidContext({ message: "MCP_CONFORMANCE_CONTEXT is not a JSON object" })
    )
    return yield* Effect.mapError(Schema.decodeUnknown(Context)(fields), () => {
      const names = Object.keys(fields).join(", ")
      return new InvalidContext({
        message: `MCP_CONFORMANCE_CONTEXT has no credentials of a known kind, only ${names}`
      })
    })
  })
