/**
 * Where tokens are kept between callers, providers and, with other storages than `layerMemory`, processes.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { AccessToken } from "./AccessToken.ts"
import type { TokenStorageError } from "./OAuthError.ts"

/**
 * What a token is kept under: whatever makes two token requests the same. Scopes and parameters are in the order of the
 * alphabet. `issuer` is `discover` where the caller left it to the server.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenKey {
  readonly issuer: string
  readonly clientId: string
  readonly authenticationMethod: string
  readonly grantType: string
  readonly resource: string
  /** Whom the grant speaks for, where that is not the client itself. */
  readonly subject: string
  readonly scopes: ReadonlyArray<string>
  readonly parameters: ReadonlyArray<readonly [name: string, value: string]>
}

/**
 * The key as text; equal keys, and only those, give equal texts.
 *
 * @since 0.1.0
 * @category getters
 */
export const keyToString = (key: TokenKey): string =>
  JSON.stringify([
    key.issuer,
    key.clientId,
    key.authenticationMethod,
    key.grantType,
    key.resource,
    key.subject,
    key.scopes.toSorted(),
    key.parameters.toSorted(([a], [b]) => a < b ? -1 : 1)
  ])

/**
 * @since 0.1.0
 * @category tags
 */
export class TokenStorage
  extends Context.Tag("@effect-mcp-auth/core/TokenStorage")<TokenStorage, TokenStorage.Service>()
{}

/**
 * @since 0.1.0
 */
export declare namespace TokenStorage {
  /**
   * A storage only keeps: it need not look at expiry. A provider treats a failing storage as an empty one.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    readonly get: (key: TokenKey) => Effect.Effect<Option.Option<AccessToken>, TokenStorageError>
    readonly set: (key: TokenKey, token: AccessToken) => Effect.Effect<void, TokenStorageError>
    readonly remove: (key: TokenKey) => Effect.Effect<void, TokenStorageError>
    /**
     * Waits until no one else holds the lease of the key, and holds it for the scope. The holder is the one that asks
     * the authorization server; the others find its token in the storage when their turn comes.
     */
    readonly lease: (key: TokenKey) => Effect.Effect<void, TokenStorageError, Scope.Scope>
  }
}

/**
 * A storage from its three operations. Without a `lease` of its own it gets one that holds within this process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options:
    & Pick<TokenStorage.Service, "get" | "set" | "remove">
    & Partial<Pick<TokenStorage.Service, "lease">>
): TokenStorage.Service => ({
  get: options.get,
  set: options.set,
  remove: options.remove,
  lease: options.lease ?? makeProcessLease()
})

/**
 * Keeps tokens in this process's memory, and nowhere else.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<TokenStorage.Service> = Effect.sync(() => {
  const tokens = new Map<string, AccessToken>()
  return make({
    get: (key) => Effect.sync(() => Option.fromNullable(tokens.get(keyToString(key)))),
    set: (key, token) => Effect.sync(() => void tokens.set(keyToString(key), token)),
    remove: (key) => Effect.sync(() => void tokens.delete(keyToString(key)))
  })
})

/**
 * Keeps tokens in this process's memory, and nowhere else.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<TokenStorage> = Layer.effect(TokenStorage, makeMemory)

/** One semaphore per key under lease, gone when nobody holds or awaits it. */
const makeProcessLease = (): TokenStorage.Service["lease"] => {
  const leases = new Map<string, { readonly semaphore: Effect.Semaphore; users: number }>()
  return (key) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const name = keyToString(key)
        const lease = leases.get(name) ?? { semaphore: Effect.unsafeMakeSemaphore(1), users: 0 }
        leases.set(name, lease)
        lease.users++
        return { name, lease }
      }),
      ({ lease, name }) => Effect.sync(() => --lease.users === 0 && leases.delete(name))
    ).pipe(
      Effect.flatMap(({ lease: { semaphore } }) =>
        Effect.acquireRelease(Effect.interruptible(semaphore.take(1)), () => semaphore.release(1))
      ),
      Effect.asVoid
    )
}
