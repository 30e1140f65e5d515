/**
 * What a grant of a test authorization server allows, and the scope and the audience of the token that comes of it.
 *
 * @since 0.1.0
 */
import * as SecureEndpoint from "@effect-mcp-auth/core/authoring/SecureEndpoint"
import * as Effect from "effect/Effect"
import type { JsonObject } from "./Answer.ts"
import type { Client, Refusal, TokenRequest } from "./TokenRequest.ts"
import { refuse } from "./TokenRequest.ts"

/**
 * What a grant allows. Scope and resource are then checked in the same way for every grant.
 *
 * @since 0.1.0
 * @category models
 */
export interface Granted {
  readonly subject: string
  /**
   * The scopes that the request may ask for.
   *
   * @default the scopes of the client, or the server's `scopesSupported` if the request names no client
   */
  readonly scopes?: ReadonlyArray<string> | undefined
  /** The scopes of the token. Set them for a grant that does not use the `scope` parameter. */
  readonly tokenScopes?: ReadonlyArray<string> | undefined
  /** The audience of the token. Set it for a grant that does not use the `resource` parameter. */
  readonly resource?: string | undefined
  /** Members that are added to the answer. A member of the same name replaces the standard one. */
  readonly answer?: JsonObject | undefined
}

/**
 * A grant type: decides whether the request may have a token.
 *
 * @since 0.1.0
 * @category models
 */
export type Grant = (request: TokenRequest) => Effect.Effect<Granted, Refusal>

/**
 * RFC 6749 §4.4: the client acts on its own behalf, and has to have authenticated.
 *
 * @internal
 */
export const clientCredentials: Grant = ({ authMethod, client }) =>
  client === undefined
    ? refuse("invalid_client", "no client authentication (RFC 6749 §5.2)")
    : authMethod === "none"
    ? refuse("unauthorized_client", "client_credentials is for confidential clients (RFC 6749 §4.4)")
    : Effect.succeed({ subject: client.clientId })

/** The server's options that decide about scope and audience. */
interface Policy {
  readonly scopesSupported?: ReadonlyArray<string> | undefined
  readonly resourceParameter?: "optional" | "required" | "refused" | "ignored" | undefined
  readonly resources?: ReadonlyArray<string> | undefined
  readonly defaultResource?: string | undefined
}

/**
 * The audience that the request asks for (RFC 8707 §2).
 *
 * @internal
 */
export const resourceOf = (
  parameters: ReadonlyMap<string, string>,
  { defaultResource, resourceParameter = "optional", resources }: Policy
): Effect.Effect<string | undefined, Refusal> => {
  const resource = resourceParameter === "ignored" ? undefined : parameters.get("resource")
  if (resource === undefined) {
    return resourceParameter === "required"
      ? refuse("invalid_target", "the resource parameter is required (RFC 8707 §2)")
      : Effect.succeed(defaultResource)
  }
  if (resourceParameter === "refused") {
    return refuse("invalid_target", "this server takes no resource parameter")
  }
  if (SecureEndpoint.parse(resource) === undefined || resource.includes("#")) {
    return refuse("invalid_target", "resource must be an absolute URI without a fragment (RFC 8707 §2)")
  }
  return resources?.includes(resource) === false
    ? refuse("invalid_target", `no tokens are issued for ${resource}`)
    : Effect.succeed(resource)
}

const scopeSyntax = /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/

/**
 * The scopes that the request asks for, or those that the client gets by default (RFC 6749 §3.3).
 *
 * @internal
 */
export const scopesOf = (
  parameters: ReadonlyMap<string, string>,
  client: Client | undefined,
  granted: Granted,
  { scopesSupported }: Policy
): Effect.Effect<ReadonlyArray<string>, Refusal> => {
  const allowed = granted.scopes ?? client?.scopes ?? scopesSupported ?? []
  const scope = parameters.get("scope")
  if (scope === undefined) {
    return Effect.succeed((client?.defaultScopes ?? allowed).filter((scope) => allowed.includes(scope)))
  }
  if (!scopeSyntax.test(scope)) {
    return refuse("invalid_scope", "scope must be tokens with one space between them (RFC 6749 §3.3)")
  }
  const asked = [...new Set(scope.split(" "))]
  const excess = asked.filter((scope) => !allowed.includes(scope))
  return excess.length > 0
    ? refuse("invalid_scope", `not allowed for this client: ${excess.join(" ")}`)
    : Effect.succeed(asked)
}
