/**
 * The access token of an Azure managed identity as an assertion, on a virtual machine (IMDS), App Service, Functions or
 * Container Apps.
 *
 * @since 0.1.0
 */
import { AssertionProvider } from "@effect-mcp-auth/core/AssertionProvider"
import { clean } from "@effect-mcp-auth/core/authoring/CleanText"
import { parseJson } from "@effect-mcp-auth/core/authoring/HttpExchange"
import * as OwnOptions from "@effect-mcp-auth/core/authoring/OwnOptions"
import * as TextOption from "@effect-mcp-auth/core/authoring/TextOption"
import { InvalidOptions } from "@effect-mcp-auth/core/OAuthError"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Assertion from "./internal/assertion.ts"
import * as Environment from "./internal/environment.ts"
import * as Http from "./internal/http.ts"
import * as CachedSource from "./internal/cachedSource.ts"

/**
 * To use a user-assigned identity, set one of `clientId`, `objectId` and `resourceId`. Without them the system-assigned
 * identity is used.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The resource of the token, for example `api://AzureADTokenExchange` where an Entra application trusts the identity.
   *
   * @default the audience that the grant requests: the authorization server's issuer, unless configured otherwise
   */
  readonly resource?: string | undefined
  /**
   * The `aud` of the token, if that is neither `resource` nor the id in `api://<id>`.
   *
   * @default `resource`, also with or without a trailing slash, and the id in `api://<id>`
   */
  readonly audience?: string | undefined
  /**
   * The client id of a user-assigned identity.
   *
   * @default none
   */
  readonly clientId?: string | undefined
  /**
   * The object id, also called principal id, of a user-assigned identity.
   *
   * @default none
   */
  readonly objectId?: string | undefined
  /**
   * The Azure resource id of a user-assigned identity.
   *
   * @default none
   */
  readonly resourceId?: string | undefined
}

/** One of the two services that issue tokens. */
interface Service extends Http.Source {
  readonly url: URL
  readonly apiVersion: string
  readonly header: readonly [name: string, value: string | Redacted.Redacted<string>]
  readonly parameters: { readonly clientId: string; readonly objectId: string; readonly resourceId: string }
}

const imds: Service = {
  name: "The Azure instance metadata service (IMDS)",
  remedy: "Run on an Azure machine that has a managed identity; check `clientId` if it has several.",
  url: new URL("http://169.254.169.254/metadata/identity/oauth2/token"),
  apiVersion: "2018-02-01",
  header: ["metadata", "true"],
  // IMDS answers 404 and 410 while a new identity is being set up, as its documentation says.
  lateToKnow: true,
  parameters: { clientId: "client_id", objectId: "object_id", resourceId: "msi_res_id" }
}

const appService = (url: URL, header: Redacted.Redacted<string>): Service => ({
  name: "The managed identity of App Service (IDENTITY_ENDPOINT)",
  remedy: "Give the app a managed identity; check `clientId` if it has several.",
  url,
  apiVersion: "2019-08-01",
  header: ["x-identity-header", header],
  parameters: { clientId: "client_id", objectId: "principal_id", resourceId: "mi_res_id" }
})

const APP_SERVICE = "App Service, Functions and Container Apps set IDENTITY_ENDPOINT and IDENTITY_HEADER together " +
  "where the app has a managed identity."

/** Variables of other platforms, whose services require more than a header. */
const others = [["IMDS_ENDPOINT", "Azure Arc"], ["IDENTITY_SERVER_THUMBPRINT", "Service Fabric"]] as const

/** Chooses the service by the environment, as the Azure SDKs do. */
const choose: Effect.Effect<Service, InvalidOptions> = Effect.gen(function*() {
  const endpoint = yield* Environment.optional("IDENTITY_ENDPOINT")
  if (Option.isNone(endpoint)) {
    return Option.isSome(yield* Environment.optional("IDENTITY_HEADER"))
      ? yield* new InvalidOptions({
        option: "IDENTITY_ENDPOINT",
        description: `the variable is not set. ${APP_SERVICE}`
      })
      : imds
  }
  for (const [variable, platform] of others) {
    if (Option.isSome(yield* Environment.optional(variable))) {
      return yield* new InvalidOptions({
        option: variable,
        description: `it is set, as on ${platform}, whose managed identities are not supported. ` +
          `Get the token with the Azure SDK, and give it with \`AssertionProvider.layer\`.`
      })
    }
  }
  const url = yield* Either.mapLeft(
    Http.endpoint(endpoint.value),
    (wrong) => new InvalidOptions({ option: "IDENTITY_ENDPOINT", description: `${wrong}. ${APP_SERVICE}` })
  )
  return appService(url, yield* Environment.secret("IDENTITY_HEADER", APP_SERVICE))
})

const decode = Schema.decodeUnknownOption(Schema.Struct({ access_token: Schema.String }))
const decodeError = Schema.decodeUnknownOption(Schema.Union(
  Schema.Struct({ error_description: Schema.String }),
  Schema.Struct({ message: Schema.String })
))

/**
 * The names of a resource in `aud`: tokens of version 2 contain the id of the application alone, and some services add
 * a slash.
 */
const namesOf = (resource: string): ReadonlyArray<string> => [
  resource,
  resource.endsWith("/") ? resource.slice(0, -1) : `${resource}/`,
  resource.replace(/^api:\/\//, "")
]

/**
 * A provider of tokens of the managed identity, cached until a minute before they expire. It requests them from App
 * Service if `IDENTITY_ENDPOINT` and `IDENTITY_HEADER` are set in `Config`, and otherwise from IMDS at 169.254.169.254.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  given: Options = {}
): Effect.Effect<AssertionProvider.Service, InvalidOptions, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    yield* TextOption.checkOptions(given)
    const options = OwnOptions.read(given)
    yield* TextOption.checkOptional("audience", options.audience)
    const { clientId, objectId, resourceId } = options
    const identities = Object.entries({ clientId, objectId, resourceId }).flatMap(([option, value]) =>
      value === undefined ? [] : [{ option, value }]
    )
    for (const { option, value } of identities) yield* TextOption.check(option, value)
    yield* TextOption.checkOptional("resource", options.resource)
    const [identity, another] = identities
    if (another !== undefined) {
      return yield* new InvalidOptions({
        option: another.option,
        description: `\`${identity?.option}\` names an identity already. Give one of the two.`
      })
    }
    const service = yield* choose
    const resourceOf = (request: { readonly audience: string }) => options.resource ?? request.audience
    const expected: Assertion.Expected = {
      name: "The token of the managed identity",
      remedy: "Set `resource` to what the authorization server expects, and `audience` to the token's `aud`.",
      audience: (request) => options.audience === undefined ? namesOf(resourceOf(request)) : [options.audience]
    }
    return CachedSource.make({
      expected,
      keyOf: resourceOf,
      fetch: (request) =>
        Effect.gen(function*() {
          const [name, value] = service.header
          const address = Http.withParameters(service.url, {
            "api-version": service.apiVersion,
            resource: resourceOf(request),
            ...(clientId === undefined ? {} : { [service.parameters.clientId]: clientId }),
            ...(objectId === undefined ? {} : { [service.parameters.objectId]: objectId }),
            ...(resourceId === undefined ? {} : { [service.parameters.resourceId]: resourceId })
          })
          const outgoing = HttpClientRequest.get(address, { headers: { accept: "application/json" } }).pipe(
            HttpClientRequest.setHeader(name, Redacted.isRedacted(value) ? Redacted.value(value) : value)
          )
          const response = yield* Http.exchange(client, outgoing, service)
          const json = parseJson(response.body)
          if (response.status !== 200) {
            const said = Option.match(decodeError(json), {
              onNone: () => "",
              onSome: (error) => "message" in error ? error.message : error.error_description
            })
            return yield* Http.refused(
              service,
              response,
              clean(said, Redacted.isRedacted(value) ? [Redacted.value(value)] : [])
            )
          }
          const answer = Option.getOrUndefined(decode(json))
          if (answer === undefined) {
            return yield* Http.malformed(`${service.name} answered 200 without an \`access_token\`.`)
          }
          return answer.access_token
        })
    })
  })

/**
 * `make` as a Layer.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { AzureManagedIdentity } from "@effect-mcp-auth/workload-identity"
 * import { FetchHttpClient } from "@effect/platform"
 * import { Layer } from "effect"
 *
 * const Assertions = AzureManagedIdentity.layer({ resource: "api://AzureADTokenExchange" }).pipe(
 *   Layer.provide(FetchHttpClient.layer)
 * )
 * ```
 */
export const layer = (
  options: Options = {}
): Layer.Layer<AssertionProvider, InvalidOptions, HttpClient.HttpClient> =>
  Layer.effect(AssertionProvider, make(options))
