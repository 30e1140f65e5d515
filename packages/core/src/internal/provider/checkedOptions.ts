import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as AuthorizationServer from "../../AuthorizationServer.ts"
import { check, nameOf, parse, parseEndpoint } from "../../authoring/SecureEndpoint.ts"
import { anonymous, type ClientAuthentication } from "../../ClientAuthentication.ts"
import { type InsecureEndpoint, InvalidOptions } from "../../OAuthError.ts"
import { isScope } from "../../ScopeSelection.ts"
import * as RefreshPolicy from "../../RefreshPolicy.ts"
import { reservedParameters } from "../../TokenEndpoint.ts"
import { needsProof } from "../text/tokenTypes.ts"

/** The options of a provider that a caller can get wrong, beside `serverUrl` and the limits. */
interface Options {
  readonly issuer: string
  readonly clientAuthentication: ClientAuthentication
  readonly scopes?: ReadonlyArray<string> | undefined
  readonly acceptedTokenTypes?: ReadonlyArray<string> | undefined
  readonly additionalParameters?: Readonly<Record<string, string>> | undefined
  readonly authorizationServerMetadata?: unknown
  readonly tokenEndpoint?: string | undefined
}

const invalid = (option: string, description: string) => Either.left(new InvalidOptions({ option, description }))

/** The text that the caller wrote, without a user name or password. */
const shown = (written: string): string => {
  const url = parse(written)
  return `"${url === undefined ? written : nameOf(url)}"`
}

/**
 * Checks the options for which no network is needed. Nothing is sent before all of them are valid.
 *
 * @internal
 */
export const checkOptions = (options: Options): Either.Either<void, InvalidOptions | InsecureEndpoint> =>
  Either.gen(function*() {
    if (options.clientAuthentication.clientId === "" && options.clientAuthentication !== anonymous) {
      yield* invalid("clientId", "it is empty. Give the client id.")
    }
    if (options.issuer !== "discover") yield* checkIssuer(options.issuer)
    for (const scope of options.scopes ?? []) {
      if (!isScope(scope)) {
        yield* invalid(
          "scopes",
          `"${scope}" is not a scope token (RFC 6749 §3.3). Give each scope as an entry of its own, without spaces.`
        )
      }
    }
    for (const type of options.acceptedTokenTypes ?? []) {
      if (type.trim() === "") yield* invalid("acceptedTokenTypes", "a type is empty. Give each type as an entry.")
      if (needsProof(type)) {
        yield* invalid(
          "acceptedTokenTypes",
          `a token of type "${type}" needs a proof of possession, which this client does not send. Leave it out.`
        )
      }
    }
    for (const name of Object.keys(options.additionalParameters ?? {})) {
      if (reservedParameters.has(name)) {
        yield* invalid("additionalParameters", `"${name}" is set by the protocol. Use the provider's option for it.`)
      }
    }
  })

/**
 * The refresh policy with its durations decoded.
 *
 * @internal
 */
export const checkedPolicy = (
  options: Partial<RefreshPolicy.Options> | undefined
): Either.Either<RefreshPolicy.RefreshPolicy, InvalidOptions> =>
  Either.try({
    try: () => RefreshPolicy.make(options),
    catch: () =>
      new InvalidOptions({
        option: "refreshPolicy",
        description: "one of its durations is not a duration. Write durations as in \"2 seconds\"."
      })
  })

const checkIssuer = (written: string): Either.Either<URL, InvalidOptions | InsecureEndpoint> => {
  const issuer = AuthorizationServer.parseIssuer(written)
  return issuer === undefined
    ? invalid(
      "issuer",
      `${shown(written)} is neither "discover" nor a URL without query, fragment and user name or password ` +
        `(RFC 8414 §2). Write it as the authorization server does, as in https://auth.example.com.`
    )
    : check(issuer, "issuer")
}

/**
 * The authorization server that the caller described by `authorizationServerMetadata` or `tokenEndpoint`, checked like
 * one that discovery finds; `undefined` if the caller described none, so that discovery has to find it.
 *
 * @internal
 */
export const givenAuthorizationServer = (
  { authorizationServerMetadata: metadata, issuer, tokenEndpoint }: Options
): Either.Either<AuthorizationServer.AuthorizationServer | undefined, InvalidOptions | InsecureEndpoint> => {
  if (metadata !== undefined) {
    return Schema.decodeUnknownEither(AuthorizationServer.Metadata)(metadata).pipe(
      Either.flatMap((document) =>
        AuthorizationServer.fromMetadata(document, issuer === "discover" ? document.issuer : issuer)
      ),
      Either.mapLeft((error) =>
        error._tag === "InsecureEndpoint"
          ? error
          : new InvalidOptions({ option: "authorizationServerMetadata", description: error.message })
      )
    )
  }
  if (tokenEndpoint === undefined) return Either.right(undefined)
  const url = parseEndpoint(tokenEndpoint)
  if (url === undefined) {
    return invalid(
      "tokenEndpoint",
      `${shown(tokenEndpoint)} is not a URL without fragment and user name or password (RFC 6749 §3.2). Write it whole.`
    )
  }
  return issuer === "discover"
    ? invalid("tokenEndpoint", "a token endpoint does not name its issuer. Set `issuer` as well.")
    : AuthorizationServer.fromTokenEndpoint(issuer, url)
}
