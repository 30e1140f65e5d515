/**
 * An attack by a server, or by something between the client and a server, as one row of a table.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Send, Setting } from "./ClientUnderAttack.ts"
import type { RecordedRequest } from "./NetworkRequest.ts"
import type { TestServers } from "./TestServers.ts"

/**
 * One attack: how the servers behave, what the client is asked to do, and what must not happen on the wire.
 *
 * For every attack these rules hold besides those of the row:
 *
 * - The client secret reaches the token endpoint of the client's own authorization server, by POST, and nothing else.
 * - An access token reaches the origin of the MCP server, in the `Authorization` header, and nothing else.
 * - The calls end, within {@link Limits}.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServerAttack {
  /** What the attacker does, as a title that stands alone. */
  readonly name: string
  /** The section whose rule the attack proves, as in `RFC 9728 §3.3`, or a page and a heading of the MCP documents. */
  readonly section: string
  /**
   * What the client knows about its authorization server: the issuer identifier (`"pinned"`), or nothing
   * (`"discover"`).
   *
   * @default "pinned"
   */
  readonly issuer?: "pinned" | "discover" | undefined
  /**
   * The scopes that the client is configured with.
   *
   * @default none
   */
  readonly scopes?: ReadonlyArray<string> | undefined
  /**
   * The options of the servers.
   *
   * @default the servers of `TestServers.layer`
   */
  readonly servers?: TestServers.Options | undefined
  /**
   * Prepares the attack before the client exists.
   *
   * @default nothing
   */
  readonly prepare?: ((scene: Scene) => Effect.Effect<unknown>) | undefined
  /**
   * What the client is asked to do. A failing call must be caught where the attack goes on after it.
   *
   * @default one message to the MCP server
   */
  readonly calls?: ((send: Send, scene: Scene) => Effect.Effect<unknown, unknown, Scope.Scope>) | undefined
  /**
   * The origins that may get a request of any kind.
   *
   * @default every origin
   */
  readonly onlyOrigins?: ReadonlyArray<string> | undefined
  /** The limits of the calls, where the defaults do not fit. */
  readonly limits?: Partial<Limits> | undefined
  /**
   * A further rule: says what the client did wrong, or returns `undefined`.
   *
   * @default none
   */
  readonly verify?: ((evidence: Evidence) => string | undefined) | undefined
}

/**
 * What all calls of an attack together may cost.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limits {
  /**
   * How many token requests.
   *
   * @default 12
   */
  readonly tokenRequests: number
  /**
   * How many requests of any kind.
   *
   * @default 60
   */
  readonly requests: number
  /**
   * How many bytes of one answer of discovery or of a token endpoint.
   *
   * @default 4 MiB
   */
  readonly bytes: number
  /**
   * How long the calls may take, by Effect's `Clock`.
   *
   * @default 10 minutes
   */
  readonly duration: Duration.DurationInput
}

/**
 * The servers of an attack. Besides `TestServers` the network has a hostile authorization server, which serves metadata
 * and gives a token to everybody.
 *
 * @since 0.1.0
 * @category models
 */
export interface Scene extends TestServers.Service {
  /** The issuer of the hostile authorization server. Its token endpoint is `/token`, and it answers at every path. */
  readonly hostile: string
  /**
   * A further client, or the same client again without its tokens. `endpoint` is where its secret may go.
   */
  readonly connect: (changes?: Partial<Setting> & { readonly endpoint?: string }) => Effect.Effect<
    Send,
    unknown,
    Scope.Scope
  >
}

/**
 * What the network has recorded.
 *
 * @since 0.1.0
 * @category models
 */
export interface Evidence {
  readonly scene: Scene
  readonly requests: ReadonlyArray<RecordedRequest>
  /** Every request that has a form with a `grant_type`, wherever it went. */
  readonly tokenRequests: ReadonlyArray<{ readonly url: string; readonly form: URLSearchParams }>
  /** Every request with an `Authorization` header that does not authenticate the client at a token endpoint. */
  readonly authorized: ReadonlyArray<{ readonly url: string; readonly authorization: string }>
}
