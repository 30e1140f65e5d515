import * as Effect from "effect/Effect"
import * as TestAuthorizationServer from "../TestAuthorizationServer.ts"
import { TestNetwork } from "../TestNetwork.ts"
import { refuse } from "../TokenRequest.ts"
import { jsonResponse } from "../internal/web.ts"
import type { Options, Profile } from "./profile.ts"
import { clientAssertions, common, forClients } from "../internal/profile.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface EntraIdOptions extends Options {
  readonly tenantId: string
  /** The Application ID URI of the MCP server's app registration, as in `api://reports`. */
  readonly applicationIdUri: string
}

/**
 * Microsoft Entra ID, v2.0 endpoints.
 *
 * - `scope` is `{applicationIdUri}/.default`; the `scopes` are app roles, and a token has all roles of its client.
 * - A `resource` parameter is refused with AADSTS901002, or AADSTS9010010 if it differs from the scope.
 * - An assertion needs `client_id` beside it, `aud` the token endpoint, `typ` `JWT`, and PS256 with `x5t#S256` or RS256
 *   with `x5t`.
 * - The metadata of `common` has a template for its issuer.
 *
 * @since 0.1.0
 * @category profiles
 */
export const entraId = (options: EntraIdOptions): Profile =>
  Effect.gen(function*() {
    const authority = `https://login.microsoftonline.com/${options.tenantId}`
    const tokenEndpoint = `${authority}/oauth2/v2.0/token`
    const verify = clientAssertions(options, {
      audiences: [tokenEndpoint],
      type: "JWT",
      findKey: ({ alg, x5t, ...header }, keys) =>
        keys.find((key) =>
          alg === "PS256"
            ? key.x5tS256 !== undefined && key.x5tS256 === header["x5t#S256"]
            : alg === "RS256" && key.x5t !== undefined && key.x5t === x5t
        ),
      explain: {
        malformed: "AADSTS50027: JWT token is invalid or malformed.",
        client:
          "AADSTS700021: iss and sub of the client assertion must be the id of an application that has a certificate.",
        type: "AADSTS50027: JWT token is invalid or malformed: typ must be JWT.",
        key:
          "AADSTS700027: The key was not found: x5t#S256 with PS256, or x5t with RS256, must name a certificate of " +
          "the application.",
        signature: "AADSTS700027: Client assertion failed signature validation.",
        audience: `AADSTS700023: Client assertion audience claim must be ${tokenEndpoint}.`,
        time: "AADSTS700024: Client assertion is not within its valid time range."
      }
    })
    const network = yield* TestNetwork
    yield* network.register(authority, ({ url }) =>
      url === "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration"
        ? {
          endpoint: "authorization-server-metadata",
          respond: Effect.sync(() =>
            jsonResponse({
              issuer: "https://login.microsoftonline.com/{tenantid}/v2.0",
              token_endpoint: "https://login.microsoftonline.com/common/oauth2/v2.0/token"
            })
          )
        }
        : undefined)
    return yield* TestAuthorizationServer.make({
      ...common(options),
      issuer: `${authority}/v2.0`,
      tokenEndpoint,
      verifyClientAssertion: (assertion, parameters) =>
        parameters.has("client_id")
          ? verify(assertion, parameters)
          : refuse(
            "invalid_request",
            "AADSTS900144: The request body must contain the following parameter: 'client_id'."
          ),
      grants: {
        client_credentials: clientCredentials(options)
      }
    })
  })

const clientCredentials = (options: EntraIdOptions) =>
  forClients(({ client, parameters }) => {
    const resource = parameters.get("resource")
    const scope = parameters.get("scope")
    if (resource !== undefined) {
      return refuse(
        "invalid_target",
        scope === `${resource}/.default`
          ? "AADSTS901002: The 'resource' request parameter is not supported."
          : "AADSTS9010010: The resource parameter doesn't match with the requested scopes."
      )
    }
    if (scope === undefined) {
      return refuse(
        "invalid_request",
        "AADSTS900144: The request body must contain the following parameter: 'scope'."
      )
    }
    if (!/^\S+\/\.default$/.test(scope)) {
      return refuse("invalid_scope", `AADSTS1002012: The scope ${scope} must be one resource with /.default.`)
    }
    return scope === `${options.applicationIdUri}/.default`
      ? Effect.succeed({
        tokenScopes: client.scopes ?? options.scopes ?? [],
        resource: options.resource,
        answer: { scope: undefined }
      })
      : refuse(
        "invalid_resource",
        `AADSTS500011: The resource principal of ${scope} was not found in the tenant.`
      )
  })
