import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as AuthorizationServer from "../../AuthorizationServer.ts"
import { check, parseEndpoint, type PlainHttp } from "../../authoring/SecureEndpoint.ts"
import {
  adviceOn,
  check as checkText,
  checkChoice,
  checkList,
  checkOneOf,
  checkUrl,
  invalid,
  isFields,
  kindOf
} from "../../authoring/TextOption.ts"
import { check as checkAuthentication, type ClientAuthentication } from "../../ClientAuthentication.ts"
import { type InsecureEndpoint, InvalidOptions } from "../../OAuthError.ts"
import { isScope } from "../../ScopeSelection.ts"
import * as RefreshPolicy from "../../RefreshPolicy.ts"
import { reservedParameters } from "../../TokenEndpoint.ts"
import { needsProof } from "../text/tokenTypes.ts"
import { clean } from "../text/clean.ts"

/** The options of a provider that a caller can get wrong, beside `serverUrl` and the limits. */
interface Options {
  readonly issuer: string
  readonly clientAuthentication: ClientAuthentication
  readonly scopes?: ReadonlyArray<string> | undefined
  readonly acceptedTokenTypes?: unknown
  readonly resourceParameter?: unknown
  readonly additionalParameters?: Readonly<Record<string, string>> | undefined
  readonly authorizationServerMetadata?: unknown
  readonly authorizationServerChange?: "refuse" | "follow" | undefined
  readonly stepUp?: unknown
  readonly tokenEndpoint?: string | undefined
  readonly subject?: string | undefined
}

/**
 * Checks the options for which no network is needed. Nothing is sent before all of them are valid. The values may come
 * from JavaScript, or from variables that are not set: no compiler has checked them.
 *
 * @internal
 */
export const checkOptions = (
  options: Options,
  plainHttp: PlainHttp
): Effect.Effect<void, InvalidOptions | InsecureEndpoint> =>
  Effect.gen(function*() {
    yield* checkAuthentication(options.clientAuthentication)
    if (options.issuer !== "discover") yield* checkIssuer(options.issuer, plainHttp)
    yield* checkScopes("scopes", options.scopes)
    yield* checkTokenTypes(options.acceptedTokenTypes)
    yield* checkParameters(options.additionalParameters)
    yield* checkChoice("resourceParameter", options.resourceParameter, ["send", "omit"])
    yield* checkChange(options)
    yield* checkStepUp(options.stepUp)
    if (options.subject !== undefined) yield* checkText("subject", options.subject, "Leave it out if there is none.")
  })

const checkScopes = (option: "scopes" | "stepUp", scopes: unknown): Either.Either<unknown, InvalidOptions> => {
  const subject = option === "scopes" ? "it" : "`allow`"
  return typeof scopes === "string"
    ? invalid(option, `${subject} is a string. Give an array with one scope per entry, as in ["reports:read"].`)
    : checkList(option, scopes, "scope", (scope) =>
      isScope(scope)
        ? undefined
        : `${JSON.stringify(clean(scope))} is not a scope token (RFC 6749 §3.3). Give each scope as an entry of its ` +
          "own, without spaces.")
}

const checkStepUp = (value: unknown): Either.Either<unknown, InvalidOptions> => {
  const write = "Write \"any\", false, or the scopes that may be asked for, as in { allow: [\"reports:write\"] }."
  if (value === undefined || value === false || value === "any") return Either.right(value)
  if (isFields(value)) {
    return value["allow"] === undefined
      ? invalid("stepUp", `it is an object without \`allow\`. ${write}`)
      : checkScopes("stepUp", value["allow"])
  }
  const what = typeof value === "string" ? `"${clean(value)}"` : typeof value === "boolean" ? "true" : kindOf(value)
  return invalid("stepUp", `${what} is not one of the allowed values. ${write}`)
}

/** A client secret could be used anywhere by its receiver, and the MCP server chooses whom `"follow"` sends it to. */
const checkChange = (options: Options): Either.Either<unknown, InvalidOptions> => {
  const option = "authorizationServerChange"
  return Either.flatMap(
    checkOneOf(option, options.authorizationServerChange ?? "refuse", ["refuse", "follow"]),
    (change) =>
      change === "follow" && options.clientAuthentication.method.startsWith("client_secret")
        ? invalid(
          option,
          "a client secret does not follow the MCP server to another authorization server. Write \"refuse\" or leave it " +
            "out, and make a new provider for the new authorization server. A client with a key may follow."
        )
        : Either.right(change)
  )
}

const checkTokenTypes = (types: unknown): Either.Either<unknown, InvalidOptions> =>
  checkList("acceptedTokenTypes", types, "type", (type) => {
    if (type.trim() === "") return "one of its entries is empty. Give one token type per entry."
    return needsProof(type)
      ? `a token of type "${type}" needs a proof of possession, which this client does not send. Leave it out.`
      : undefined
  })

const checkParameters = (parameters: unknown): Either.Either<void, InvalidOptions> => {
  const option = "additionalParameters"
  if (parameters === undefined) return Either.right(undefined)
  if (!isFields(parameters)) {
    return invalid(option, `it is ${kindOf(parameters)}. Give an object of names and texts, or leave it out.`)
  }
  for (const [name, value] of Object.entries(parameters)) {
    if (reservedParameters.has(name)) {
      return invalid(option, `"${name}" is set by the protocol. Use the provider's option for it.`)
    }
    if (typeof value !== "string") return invalid(option, `"${name}" is ${kindOf(value)}. ${adviceOn(value)}`)
  }
  return Either.right(undefined)
}

/**
 * The refresh policy with its durations decoded.
 *
 * @internal
 */
export const checkedPolicy = (
  options: Partial<RefreshPolicy.Options> | undefined
): Either.Either<RefreshPolicy.RefreshPolicy, InvalidOptions> =>
  options !== undefined && !isFields(options)
    ? invalid(
      "refreshPolicy",
      `it is ${kindOf(options)}. Give an object of \`RefreshPolicy.Options\`, or leave it out.`
    )
    : Either.try({
      try: () => RefreshPolicy.make(options),
      catch: () =>
        new InvalidOptions({
          option: "refreshPolicy",
          description: "one of its durations is not a duration. Write durations as in \"2 seconds\"."
        })
    })

const checkIssuer = (
  written: string,
  plainHttp: PlainHttp
): Either.Either<URL, InvalidOptions | InsecureEndpoint> =>
  Either.gen(function*() {
    const issuer = yield* checkUrl(
      "issuer",
      yield* checkUrlText("issuer", written),
      AuthorizationServer.parseIssuer,
      "is neither \"discover\" nor a URL without query, fragment and user name or password (RFC 8414 §2). Write it as " +
        "the authorization server does, as in https://auth.example.com."
    )
    return yield* check(issuer, "issuer", undefined, plainHttp)
  })

/** An empty text is left to the check of the URL, whose advice is better. */
const checkUrlText = (option: string, value: unknown): Either.Either<string, InvalidOptions> =>
  value === "" ? Either.right("") : checkText(option, value)

/**
 * The authorization server that the caller described by `authorizationServerMetadata` or `tokenEndpoint`, checked like
 * one that discovery finds; `undefined` if the caller described none, so that discovery has to find it.
 *
 * @internal
 */
export const givenAuthorizationServer = (
  { authorizationServerMetadata: metadata, issuer, tokenEndpoint }: Options,
  plainHttp: PlainHttp
): Either.Either<AuthorizationServer.AuthorizationServer | undefined, InvalidOptions | InsecureEndpoint> => {
  if (metadata !== undefined) {
    return Schema.decodeUnknownEither(AuthorizationServer.Metadata)(metadata).pipe(
      Either.flatMap((document) =>
        AuthorizationServer.fromMetadata(
          document,
          issuer === "discover" ? document.issuer : issuer,
          undefined,
          plainHttp
        )
      ),
      Either.map((server) => ({ ...server, isEndpointGiven: true })),
      Either.mapLeft((error) =>
        error._tag === "InsecureEndpoint"
          ? error
          : new InvalidOptions({ option: "authorizationServerMetadata", description: error.message })
      )
    )
  }
  if (tokenEndpoint === undefined) return Either.right(undefined)
  return Either.gen(function*() {
    const url = yield* checkUrl(
      "tokenEndpoint",
      yield* checkUrlText("tokenEndpoint", tokenEndpoint),
      parseEndpoint,
      "is not a URL without fragment and user name or password (RFC 6749 §3.2). Write it whole."
    )
    return issuer === "discover"
      ? yield* invalid("tokenEndpoint", "a token endpoint does not name its issuer. Set `issuer` as well.")
      : yield* AuthorizationServer.fromTokenEndpoint(issuer, url, plainHttp)
  })
}
