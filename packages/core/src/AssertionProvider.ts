/**
 * Where the assertion comes from by which a workload says who it is (RFC 7521).
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type { AssertionError } from "./OAuthError.ts"

/**
 * What an assertion is asked for.
 *
 * - `audience`: what its `aud` has to be.
 * - `issuer`, `tokenEndpoint`: of the authorization server that it is shown to.
 * - `resource`, `scopes`: what the token will be for.
 *
 * @since 0.1.0
 * @category models
 */
export interface AssertionRequest {
  readonly audience: string
  readonly issuer: string
  readonly tokenEndpoint: string
  readonly resource: string
  readonly scopes: ReadonlyArray<string>
}

/**
 * @since 0.1.0
 * @category tags
 */
export class AssertionProvider extends Context.Tag("@effect-mcp-auth/core/AssertionProvider")<
  AssertionProvider,
  AssertionProvider.Service
>() {}

/**
 * @since 0.1.0
 */
export declare namespace AssertionProvider {
  /**
   * Gives an assertion, anew each time it is asked.
   *
   * @since 0.1.0
   * @category models
   */
  export type Service = (request: AssertionRequest) => Effect.Effect<Redacted.Redacted<string>, AssertionError>
}

/**
 * @since 0.1.0
 * @category layers
 */
export const layer = (provider: AssertionProvider.Service): Layer.Layer<AssertionProvider> =>
  Layer.succeed(AssertionProvider, provider)

/**
 * The same assertion for every request, such as one that the platform handed to the job.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerStatic = (assertion: Redacted.Redacted<string>): Layer.Layer<AssertionProvider> =>
  layer(() => Effect.succeed(assertion))
