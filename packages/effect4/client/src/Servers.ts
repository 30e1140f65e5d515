/**
 * A real MCP server and a real authorization server in another process, whose switches decide what happens to a client.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export interface Options {
  /** Lifetime of an access token, in seconds. Default: 60. */
  readonly tokenLifetime?: number | undefined
  /** The official SDK that serves: 1 serves 2025-11-25 in sessions, 2 serves 2025-11-25 and 2026-07-28 without. */
  readonly sdk: 1 | 2
}

export interface Settings {
  readonly serverUrl: string
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
}

/** The requests that the servers have received so far. */
export interface State {
  readonly tokenRequests: number
  /** How many requests the MCP server has refused because of their token, by status. */
  readonly refused: { readonly 401: number; readonly 403: number }
  /** The requests whose token the MCP server has accepted. `token` is a name of the token. */
  readonly accepted: ReadonlyArray<{ readonly method: string; readonly token: string }>
}

export interface Servers {
  readonly settings: Settings
  readonly state: Effect.Effect<State>
  readonly revokeAll: Effect.Effect<void>
  readonly authorizationServerAway: Effect.Effect<void>
  readonly authorizationServerBack: Effect.Effect<void>
  readonly removeClient: Effect.Effect<void>
  readonly forgetSessions: Effect.Effect<void>
  /** Waits until a call of the tool `follow` is in flight. */
  readonly following: Effect.Effect<void>
  /** Lets the calls of the tool `follow` end, each after the token that it came with has expired. */
  readonly release: Effect.Effect<void>
}

/**
 * Starts servers that run until the scope closes.
 *
 * @param control the URL of the control server
 */
export const make = Effect.fnUntraced(function*(
  control: string,
  options: Options
): Effect.fn.Return<Servers, never, Scope.Scope> {
  const { id, settings } = yield* Effect.acquireRelease(
    send<{ readonly id: string; readonly settings: Settings }>(`${control}/stages`, "POST", options),
    ({ id }) => send(`${control}/stages/${id}`, "DELETE")
  )
  const url = `${control}/stages/${id}`
  const press = (name: string) => send<void>(`${url}/${name}`, "POST")
  return {
    settings,
    state: send<State>(url, "GET"),
    revokeAll: press("revoke-all"),
    authorizationServerAway: press("authorization-server-away"),
    authorizationServerBack: press("authorization-server-back"),
    removeClient: press("remove-client"),
    forgetSessions: press("forget-sessions"),
    following: press("following"),
    release: press("release")
  }
})

const send = <A>(url: string, method: string, body?: unknown): Effect.Effect<A> =>
  Effect.promise(async (signal) => {
    const response = await fetch(url, { method, signal, ...body === undefined ? {} : { body: JSON.stringify(body) } })
    if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`)
    return await response.json() as A
  })
