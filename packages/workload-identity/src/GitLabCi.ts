/**
 * The ID token of a GitLab CI job, from a variable of the job.
 *
 * @since 0.1.0
 */
import { AssertionProvider } from "@effect-mcp-auth/core/AssertionProvider"
import * as OwnOptions from "@effect-mcp-auth/core/authoring/OwnOptions"
import * as TextOption from "@effect-mcp-auth/core/authoring/TextOption"
import type { AssertionError } from "@effect-mcp-auth/core/OAuthError"
import { InvalidOptions } from "@effect-mcp-auth/core/OAuthError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Assertion from "./internal/assertion.ts"
import * as Environment from "./internal/environment.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The name of the token under `id_tokens:` in `.gitlab-ci.yml`, which is the name of the variable. */
  readonly variable: string
  /**
   * The `aud` of the token, if `.gitlab-ci.yml` has fixed another value than the authorization server's issuer or token
   * endpoint.
   *
   * @default the requested audience, the issuer and the token endpoint are accepted
   */
  readonly audience?: string | undefined
}

/**
 * A provider of the job's ID token. It reads the variable from `Config` once: GitLab does not change the token while
 * the job runs, and the token is valid for as long as the job may run (`timeout:`). There is no other token, so that
 * every token request presents the same one, also after a refusal.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  given: Options
): Effect.Effect<AssertionProvider.Service, InvalidOptions | AssertionError> =>
  Effect.gen(function*() {
    yield* TextOption.checkOptions(given)
    const options = OwnOptions.read(given)
    yield* TextOption.checkOptional("audience", options.audience)
    const variable = yield* TextOption.check("variable", options.variable, "Give the name of the variable.")
    if (!/^[A-Za-z_]\w*$/.test(variable)) {
      return yield* new InvalidOptions({ option: "variable", description: "it is not the name of a variable." })
    }
    const declared = `GitLab sets it if the job in .gitlab-ci.yml has \`id_tokens: ${variable}: aud: ...\``
    const value = yield* Environment.secret(variable, `${declared} (GitLab 15.7 or later).`)
    const expected = yield* Assertion.expectedOf(
      options,
      `The ID token in ${variable}`,
      `${declared}, with the \`aud\` that the authorization server expects, for as long as the job may run.`
    )
    const assertion = yield* Assertion.read(Redacted.value(value), yield* Clock.currentTimeMillis, expected)
    return (request) =>
      Effect.flatMap(
        Clock.currentTimeMillis,
        (now) => Effect.map(Assertion.check(assertion, request, now, expected), ({ value }) => value)
      )
  })

/**
 * `make` as a Layer.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { GitLabCi } from "@effect-mcp-auth/workload-identity"
 *
 * // .gitlab-ci.yml:
 * //   report:
 * //     id_tokens: { MCP_ID_TOKEN: { aud: https://auth.example.com } }
 * const Assertions = GitLabCi.layer({ variable: "MCP_ID_TOKEN" })
 * ```
 */
export const layer = (options: Options): Layer.Layer<AssertionProvider, InvalidOptions | AssertionError> =>
  Layer.effect(AssertionProvider, make(options))
