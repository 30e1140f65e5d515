/**
 * An `OAuthProvider` that has a token from the start, for tests of programs that use a token and do not care how it is
 * obtained.
 *
 * @since 0.1.0
 */
import { AccessToken } from "@effect-mcp-auth/core/AccessToken"
import * as Challenge from "@effect-mcp-auth/core/Challenge"
import type { OAuthError } from "@effect-mcp-auth/core/OAuthError"
import * as OAuthEvent from "@effect-mcp-auth/core/OAuthEvent"
import { OAuthProvider } from "@effect-mcp-auth/core/OAuthProvider"
import type { StepUp } from "@effect-mcp-auth/core/ScopeSelection"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"

/**
 * The handles of a test provider.
 *
 * @since 0.1.0
 * @category tags
 */
export class TestOAuthProvider extends Context.Tag("@effect-mcp-auth/testing/TestOAuthProvider")<
  TestOAuthProvider,
  TestOAuthProvider.Service
>() {}

/**
 * @since 0.1.0
 */
export declare namespace TestOAuthProvider {
  /**
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** The provider itself. */
    readonly provider: OAuthProvider.Service
    /** Each call of `renew`, in order. */
    readonly renewals: Effect.Effect<ReadonlyArray<Renewal>>
    /** How often the token was read. */
    readonly uses: Effect.Effect<number>
    /** From now on `accessToken` and `renew` fail with this error, until {@link recover}. */
    readonly fail: (error: OAuthError) => Effect.Effect<void>
    readonly recover: Effect.Effect<void>
  }

  /**
   * @since 0.1.0
   * @category models
   */
  export interface Options {
    /**
     * The resource identifier of the server that the token is for.
     *
     * @default "https://mcp.example.com/mcp"
     */
    readonly resource?: string | undefined
    /**
     * The first token. A renewal appends its number: `test-token-1`, `test-token-2` and so on.
     *
     * @default "test-token"
     */
    readonly token?: Redacted.Redacted | undefined
    /**
     * The scopes of the first token.
     *
     * @default []
     */
    readonly scopes?: ReadonlyArray<string> | undefined
    /**
     * Which further scopes a 403 with `insufficient_scope` adds, as in the options of a real provider. `{ allow }` also
     * permits the scopes of the first token.
     *
     * @default "any"
     */
    readonly stepUp?: StepUp | undefined
    /**
     * How many times `renew` returns another token. After that `renew` returns the rejected token, as a real provider
     * does when a new token would not help.
     *
     * @default no limit
     */
    readonly renewals?: number | undefined
    /**
     * The issuer of the token.
     *
     * @default "https://auth.example.com"
     */
    readonly issuer?: string | undefined
  }
}

/**
 * A call of `renew`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Renewal {
  /** Epoch milliseconds. */
  readonly at: number
  readonly rejected: AccessToken
  readonly challenge: Challenge.Challenge | undefined
}

/** The last instant that a `Date` can hold. */
const never = 8_640_000_000_000_000

const tokenOf = (issuer: string, value: Redacted.Redacted, scopes: ReadonlyArray<string>, issuedAt: number) =>
  new AccessToken({ value, tokenType: "Bearer", scopes, issuer, issuedAt, expiresAt: never })

/**
 * A provider with a token that never expires. `renew` keeps to the rules of a real one: a token that has been replaced
 * is not replaced again, and a challenge for more scope adds that scope, once, if `stepUp` permits it.
 *
 * @example
 * ```ts
 * import { TestOAuthProvider } from "@effect-mcp-auth/testing"
 * import { Effect } from "effect"
 *
 * const test = Effect.gen(function*() {
 *   const { provider, renewals } = yield* TestOAuthProvider.make({ scopes: ["reports:read"] })
 *   yield* provider.renew(yield* provider.accessToken)
 *   return yield* renewals
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: TestOAuthProvider.Options = {}): Effect.Effect<TestOAuthProvider.Service> =>
  Effect.gen(function*() {
    const first = options.token ?? Redacted.make("test-token")
    const limit = options.renewals ?? Number.POSITIVE_INFINITY
    const events = yield* PubSub.sliding<OAuthEvent.OAuthEvent>(256)
    const renewals: Array<Renewal> = []
    const { issuer = "https://auth.example.com" } = options
    let current = tokenOf(issuer, first, options.scopes ?? [], yield* Clock.currentTimeMillis)
    let renewed = 0
    let uses = 0
    let failure: OAuthError | undefined

    const { scopes = [], stepUp: permitted = "any" } = options
    const allowed = new Set([...scopes, ...(typeof permitted === "object" ? permitted.allow : [])])
    const mayBeAdded = (scope: string): boolean => permitted === "any" || (permitted !== false && allowed.has(scope))

    const replace = (reason: "Rejected" | "StepUp", scopes: ReadonlyArray<string>, issuedAt: number) =>
      Effect.suspend(() => {
        renewed++
        current = tokenOf(issuer, Redacted.make(`${Redacted.value(first)}-${renewed}`), scopes, issuedAt)
        return Effect.as(
          PubSub.publish(events, OAuthEvent.TokenRenewed({ token: current, reason, millis: 0 })),
          current
        )
      })

    const renew: OAuthProvider.Service["renew"] = (rejected, challenge) =>
      Effect.gen(function*() {
        const at = yield* Clock.currentTimeMillis
        renewals.push({ at, rejected, challenge })
        const stepUp = challenge !== undefined && Challenge.isInsufficientScope(challenge)
        if (!stepUp) {
          yield* PubSub.publish(events, OAuthEvent.TokenRejected({ token: rejected, challenge }))
        }
        if (failure !== undefined) {
          const reason = stepUp ? "StepUp" : "Rejected"
          yield* PubSub.publish(events, OAuthEvent.RenewalFailed({ error: failure, reason }))
          return yield* Effect.fail(failure)
        }
        const missing = stepUp
          ? Challenge.requiredScopes(challenge).filter((scope) => !current.scopes.includes(scope))
          : []
        if (Redacted.value(rejected.value) !== Redacted.value(current.value) && missing.length === 0) {
          return current
        }
        return renewed >= limit || (stepUp && (missing.length === 0 || !missing.every(mayBeAdded)))
          ? rejected
          : yield* replace(stepUp ? "StepUp" : "Rejected", [...current.scopes, ...missing], at)
      })

    return {
      provider: {
        resource: options.resource ?? "https://mcp.example.com/mcp",
        accessToken: Effect.suspend(() => {
          uses++
          return failure === undefined ? Effect.succeed(current) : Effect.fail(failure)
        }),
        renew,
        events: Stream.fromPubSub(events),
        unsafeFresh: () => {
          if (failure !== undefined) {
            return undefined
          }
          uses++
          return current
        }
      },
      renewals: Effect.sync(() => [...renewals]),
      uses: Effect.sync(() => uses),
      fail: (error) =>
        Effect.sync(() => {
          failure = error
        }),
      recover: Effect.sync(() => {
        failure = undefined
      })
    }
  })

/**
 * A test provider in place of a real one, with its handles.
 *
 * @example
 * ```ts
 * import { OAuthHttpClient } from "@effect-mcp-auth/core"
 * import { TestNetwork, TestOAuthProvider } from "@effect-mcp-auth/testing"
 * import { Layer } from "effect"
 *
 * const Authenticated = OAuthHttpClient.layer.pipe(
 *   Layer.provide(TestOAuthProvider.layer({ scopes: ["reports:read"] })),
 *   Layer.provide(TestNetwork.layer)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: TestOAuthProvider.Options): Layer.Layer<OAuthProvider | TestOAuthProvider> =>
  Layer.effectContext(
    Effect.map(
      make(options),
      (handles) => Context.make(TestOAuthProvider, handles).pipe(Context.add(OAuthProvider, handles.provider))
    )
  )
