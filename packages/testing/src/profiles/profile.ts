/**
 * What every profile of an identity provider is given and gives.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as TestAuthorizationServer from "../TestAuthorizationServer.ts"
import type { TestNetwork } from "../TestNetwork.ts"
import type { Client as AnyClient } from "../TokenRequest.ts"
import type { ClientKey } from "../ClientKey.ts"

export type { ClientKey } from "../ClientKey.ts"

/**
 * A client with a secret, with keys, or with both.
 *
 * @since 0.1.0
 * @category models
 */
export interface Client extends AnyClient {
  /** The public keys of the client. */
  readonly keys?: ReadonlyArray<ClientKey> | undefined
}

/**
 * What every profile needs to know.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The resource identifier of the MCP server: the audience of the tokens that are issued for it. */
  readonly resource: string
  readonly clients: ReadonlyArray<Client>
  /**
   * The scopes that the MCP server is registered with.
   *
   * @default []
   */
  readonly scopes?: ReadonlyArray<string> | undefined
  /**
   * How long tokens live.
   *
   * @default 1 hour
   */
  readonly tokenLifetime?: Duration.DurationInput | undefined
}

/**
 * A profile: puts the authorization server on the network, and returns its handles.
 *
 * @since 0.1.0
 * @category models
 */
export type Profile = Effect.Effect<TestAuthorizationServer.TestAuthorizationServer, never, TestNetwork>
