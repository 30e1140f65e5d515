/**
 * The JWT bearer grant (RFC 7523 §2.1) for `oidc-provider`, which lacks it. An issuer that the authorization server
 * trusts, such as an employer's identity provider, vouches for a user, and the client gets a token for that user.
 */
import * as jose from "jose"
import type { Provider, ResourceServer } from "oidc-provider"
import { errors } from "oidc-provider"
import { z } from "zod"
import type { PublicKey } from "./KeyPair.ts"

/** An issuer that may vouch for users. */
export interface TrustedIssuer extends PublicKey {
  /** The `iss` of its assertions. */
  readonly issuer: string
}

export interface Options {
  readonly trustedIssuers: ReadonlyArray<TrustedIssuer>
  /** Throws `invalid_target` for a resource that the authorization server does not know. */
  readonly resourceServer: (identifier: string | undefined) => ResourceServer
}

export const type = "urn:ietf:params:oauth:grant-type:jwt-bearer"

/** `oidc-provider` calls the handler after the client has authenticated, or has named itself if it is public. */
export const register = (provider: Provider, { resourceServer, trustedIssuers }: Options): void =>
  provider.registerGrantType<{ readonly assertion?: string }>(type, async (context) => {
    const { client, params } = context.oidc
    const { exp, iss, jti, sub } = await verify(params.assertion ?? "", {
      // RFC 7523 §3, item 3: the issuer identifier or the token endpoint.
      audience: [provider.issuer, `${provider.issuer}/token`],
      trustedIssuers
    })
    // RFC 7523 §3, item 7: each assertion is accepted once.
    if (!await provider.ReplayDetection.unique(iss, jti, exp)) {
      throw new errors.InvalidGrant("the assertion has been used already")
    }
    const { resource } = params
    const identifier = Array.isArray(resource) ? undefined : resource
    const server = new provider.ResourceServer(identifier ?? "", resourceServer(identifier))
    const token = new provider.AccessToken({
      client,
      // RFC 7523 §3.1: the token is for the subject of the assertion.
      accountId: sub,
      resourceServer: server,
      scope: (params.scope ?? "").split(" ").filter((scope) => server.scopes.has(scope)).join(" "),
      // Users give no consent here that they could withdraw, so the assertion stands for the grant.
      grantId: jti,
      gty: type
    })
    context.body = {
      access_token: await token.save(),
      token_type: token.tokenType,
      expires_in: token.expiration,
      scope: token.scope
    }
  }, ["assertion", "resource", "scope"])

const claims = z.object({ exp: z.number(), iss: z.string(), jti: z.string(), sub: z.string() })

/** Checks issuer, subject, audience, expiry and signature (RFC 7523 §3). */
const verify = async (
  assertion: string,
  { audience, trustedIssuers }: {
    readonly audience: Array<string>
    readonly trustedIssuers: ReadonlyArray<TrustedIssuer>
  }
): Promise<z.infer<typeof claims>> => {
  try {
    const { iss } = jose.decodeJwt(assertion)
    const trusted = trustedIssuers.find(({ issuer }) => issuer === iss)
    if (trusted === undefined) throw new jose.errors.JWTInvalid("the issuer of the assertion is not trusted")
    const { payload } = await jose.jwtVerify(
      assertion,
      await jose.importJWK(trusted.publicKey, trusted.signingAlgorithm),
      { algorithms: [trusted.signingAlgorithm], audience }
    )
    return claims.parse(payload)
  } catch (error) {
    // RFC 7523 §3.1
    throw new errors.InvalidGrant(error instanceof Error ? error.message : "the assertion is not valid")
  }
}
