/**
 * An OAuth client of any make, as the hostile servers of `HostileServersContract` meet it.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"

/**
 * The configuration of a client, and the only network that it may use.
 *
 * @since 0.1.0
 * @category models
 */
export interface Setting {
  /** The URL of the MCP server. */
  readonly serverUrl: string
  /**
   * The issuer identifier of the authorization server, or `"discover"`. With `"discover"` the MCP server names its
   * authorization server (RFC 9728 §2).
   */
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: Redacted.Redacted
  /** The only scopes that the client may ask for. `undefined` if the client may choose. */
  readonly scopes: ReadonlyArray<string> | undefined
  /** The network, for a client that takes an `HttpClient` of Effect. */
  readonly httpClient: HttpClient.HttpClient
  /** The same network, for a client that takes a `fetch`. */
  readonly fetch: typeof globalThis.fetch
}

/**
 * Sends an MCP message to a URL with the client, and ends with the answer or with an error. The cases judge the requests
 * that reach the network, so the result does not count.
 *
 * @since 0.1.0
 * @category models
 */
export type Send = (url: string) => Effect.Effect<unknown, unknown>

/**
 * A client that the cases attack. {@link fromFetch} and {@link fromHttpClient} make one.
 *
 * @since 0.1.0
 * @category models
 */
export interface Client {
  /** Makes a client without tokens. A case may make several. */
  readonly connect: (setting: Setting) => Effect.Effect<Send, unknown, Scope.Scope>
  /**
   * How long to wait, by the clock of the machine, for a call that waits for no timer of Effect's `Clock`. The cases run
   * on a clock of their own, on which hours pass at once. A client that sets its time limits by `setTimeout` or
   * `AbortSignal.timeout` needs more than its longest time limit here.
   *
   * @default 250 milliseconds
   */
  readonly patience?: Duration.DurationInput | undefined
}

/** A message that changes nothing at the server. */
const ping = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" })

const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" }

/**
 * A client that is used as a `fetch`.
 *
 * @example
 * ```ts
 * import { ClientUnderAttack } from "@effect-mcp-auth/testing"
 * import { Redacted } from "effect"
 *
 * // `fetchWithTokens` stands for the library that you test.
 * declare const fetchWithTokens: (options: {
 *   readonly serverUrl: string
 *   readonly clientId: string
 *   readonly clientSecret: string
 *   readonly fetch: typeof globalThis.fetch
 * }) => typeof globalThis.fetch
 *
 * const client = ClientUnderAttack.fromFetch(({ clientId, clientSecret, fetch, serverUrl }) =>
 *   fetchWithTokens({ serverUrl, clientId, clientSecret: Redacted.value(clientSecret), fetch })
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromFetch = (
  make: (setting: Setting) => typeof globalThis.fetch | Promise<typeof globalThis.fetch>,
  options: Pick<Client, "patience"> = {}
): Client => ({
  ...options,
  connect: (setting) =>
    Effect.map(
      Effect.tryPromise(async () => make(setting)),
      (fetch): Send => (url) =>
        Effect.tryPromise(async (signal) => {
          const response = await fetch(url, { method: "POST", headers, body: ping, signal })
          await response.body?.cancel()
        })
    )
})

/**
 * A client that is used as an `HttpClient` of Effect.
 *
 * @example
 * ```ts
 * import { ClientSecret } from "@effect-mcp-auth/client-secret"
 * import { OAuthHttpClient, TokenStorage } from "@effect-mcp-auth/core"
 * import { ClientUnderAttack } from "@effect-mcp-auth/testing"
 * import { HttpClient } from "@effect/platform"
 * import { Effect, Layer } from "effect"
 *
 * const client = ClientUnderAttack.fromHttpClient(({ clientId, clientSecret, httpClient, issuer, serverUrl }) =>
 *   Layer.build(OAuthHttpClient.layer.pipe(
 *     Layer.provide(ClientSecret.layer({ serverUrl, issuer, clientId, clientSecret })),
 *     Layer.provide([TokenStorage.layerMemory, Layer.succeed(HttpClient.HttpClient, httpClient)])
 *   )).pipe(Effect.flatMap((context) => Effect.provide(HttpClient.HttpClient, context)))
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromHttpClient = (
  make: (setting: Setting) => Effect.Effect<HttpClient.HttpClient, unknown, Scope.Scope>,
  options: Pick<Client, "patience"> = {}
): Client => ({
  ...options,
  connect: (setting) =>
    Effect.map(make(setting), (client): Send => (url) =>
      Effect.asVoid(client.execute(
        HttpClientRequest.post(url).pipe(
          HttpClientRequest.setHeaders(headers),
          HttpClientRequest.bodyText(ping, "application/json")
        )
      )))
})
