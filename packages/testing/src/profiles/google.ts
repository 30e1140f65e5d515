import * as Effect from "effect/Effect"
import { Refusal, refuse } from "../TokenRequest.ts"
import * as Assertion from "../internal/assertion.ts"
import type { Options, Profile } from "./profile.ts"
import { HOUR, JWT_BEARER, keysOf, make } from "../internal/profile.ts"

/**
 * Google, for service accounts: `clients` are their addresses and keys.
 *
 * - The JWT is the grant; its claim `scope` has the scopes. Further parameters are not read.
 * - It needs `aud` the token endpoint, which is not on the issuer's host, `iat`, and `exp` within an hour. A `sub`
 *   other than the account itself needs domain-wide delegation, which this profile does not have.
 *
 * @since 0.1.0
 * @category profiles
 */
export const google = (options: Options): Profile =>
  make(options, () => {
    const tokenEndpoint = "https://oauth2.googleapis.com/token"
    const verify = Assertion.makeVerifier(keysOf(options), {
      audiences: [tokenEndpoint],
      maxLifetime: HOUR,
      subject: "any",
      explain: {
        client: "Invalid grant: account not found",
        key: "Invalid JWT Signature.",
        signature: "Invalid JWT Signature.",
        audience: `Invalid JWT: Failed audience check. The right audience is ${tokenEndpoint}`,
        time: "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.",
        lifetime: "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
      }
    })
    return {
      issuer: "https://accounts.google.com",
      tokenEndpoint,
      metadata: { grant_types_supported: [JWT_BEARER], token_endpoint_auth_methods_supported: undefined },
      grants: {
        client_credentials: () => refuse("unsupported_grant_type", "Invalid grant_type: client_credentials"),
        [JWT_BEARER]: ({ parameters }) =>
          Effect.gen(function*() {
            const { iat, iss, scope, sub } = yield* Effect.mapError(
              verify(parameters.get("assertion") ?? ""),
              ({ description }) => new Refusal({ error: "invalid_grant", description })
            )
            if (iat === undefined) {
              return yield* refuse("invalid_grant", "Invalid JWT: iat is missing")
            }
            if (sub !== undefined && sub !== iss) {
              return yield* refuse(
                "unauthorized_client",
                `Client is unauthorized to retrieve access tokens for ${sub} using this method.`,
                401
              )
            }
            if (scope === undefined || scope === "") {
              return yield* refuse("invalid_scope", "Empty or missing scope not allowed: it is a claim of the JWT.")
            }
            const scopes = scope.split(" ")
            const allowed = options.clients.find(({ clientId }) => clientId === iss)?.scopes ?? options.scopes ?? []
            return scopes.every((scope) => allowed.includes(scope))
              ? { subject: iss, tokenScopes: scopes, resource: options.resource }
              : yield* refuse("invalid_scope", `${scope} is not a valid audience string or scope.`)
          })
      }
    }
  })
