/**
 * A token in a file that the platform rewrites before the token expires: projected service account tokens of
 * Kubernetes, Azure workload identity, SPIFFE helpers.
 *
 * @since 0.1.0
 */
import { type AssertionRequest, isRefused } from "@effect-mcp-auth/core/Assertion"
import { AssertionProvider } from "@effect-mcp-auth/core/AssertionProvider"
import { clean } from "@effect-mcp-auth/core/authoring/CleanText"
import * as OwnOptions from "@effect-mcp-auth/core/authoring/OwnOptions"
import * as TextOption from "@effect-mcp-auth/core/authoring/TextOption"
import type { InvalidOptions } from "@effect-mcp-auth/core/OAuthError"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Assertion from "./internal/assertion.ts"
import * as Environment from "./internal/environment.ts"
import * as TokenFile from "./internal/tokenFile.ts"

/**
 * The kind of token that a file contains.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenOptions {
  /**
   * The `aud` of the token, if the platform has fixed another value than the authorization server's issuer or token
   * endpoint, for example `api://AzureADTokenExchange` for Entra ID.
   *
   * @default the requested audience, the issuer and the token endpoint are accepted
   */
  readonly audience?: string | undefined
  /**
   * Whether the file may contain something other than a JWT. With `false`, half a file never counts as a token.
   *
   * @default false
   */
  readonly opaque?: boolean | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends TokenOptions {
  /** The path of the file. The file may be missing when the Layer is built. */
  readonly path: string
}

/**
 * @since 0.1.0
 * @category models
 */
export interface EnvironmentOptions extends TokenOptions {
  /** The name of the variable that contains the path. */
  readonly variable: string
}

const setBy: ReadonlyMap<string, string> = new Map([
  ["AZURE_FEDERATED_TOKEN_FILE", `${TokenFile.AZURE}, and sets this variable.`],
  [
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "EKS sets it in pods whose service account is annotated with `eks.amazonaws.com/role-arn`."
  ]
])

/**
 * A provider of the token in the file. It looks at the file for every token request, and reads the file again when the
 * file has changed, when the token nears its end, and when the authorization server has refused the token. While the
 * file is missing or half-written, the last good token is used as long as it is valid. A missing file is an error only
 * when a token is requested.
 *
 * Only the platform can replace the token: until then every token request presents the same one, with or without a
 * `jti`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  given: Options
): Effect.Effect<AssertionProvider.Service, InvalidOptions, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    yield* TextOption.checkOptions(given)
    const options = OwnOptions.read(given)
    const path = yield* TextOption.check("path", options.path, "Give the path of the file.")
    yield* TextOption.checkOptional("audience", options.audience)
    const expected = yield* Assertion.expectedOf(
      options,
      `The token in ${clean(path)}`,
      "Configure the platform to write a token for the authorization server, or set `audience` to the `aud` of this one."
    )
    const read = TokenFile.make(files, path, expected)
    let known: TokenFile.Known | undefined

    const check = (assertion: Assertion.Assertion, request: AssertionRequest) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => Assertion.check(assertion, request, now, expected))

    return (request) =>
      Effect.suspend(() => {
        const last = known
        return read(request, last).pipe(
          Effect.tap(({ assertion }) => check(assertion, request)),
          Effect.map((found) => {
            // The token is remembered after the check, so that an unusable token does not replace a usable one.
            known = found
            return found.assertion
          }),
          Effect.catchAll((error) =>
            last === undefined || isRefused(last.assertion.value, request)
              ? Effect.fail(error)
              : Effect.mapError(check(last.assertion, request), () => error)
          ),
          Effect.map(({ value }) => value)
        )
      })
  })

/**
 * `make` as a Layer.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { File } from "@effect-mcp-auth/workload-identity"
 *
 * // A projected service account token of Kubernetes; provide the `FileSystem` of your platform.
 * const Assertions = File.layer({ path: "/var/run/secrets/tokens/mcp" })
 * ```
 */
export const layer = (
  options: Options
): Layer.Layer<AssertionProvider, InvalidOptions, FileSystem.FileSystem> =>
  Layer.effect(AssertionProvider, make(options))

/**
 * `make` with the path from a variable of `Config`, such as `AZURE_FEDERATED_TOKEN_FILE`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeEnvironment = (
  options: EnvironmentOptions
): Effect.Effect<AssertionProvider.Service, InvalidOptions, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    yield* TextOption.checkOptions(options)
    const variable = yield* TextOption.check("variable", options.variable, "Give the name of the variable.")
    const path = yield* Environment.required(
      variable,
      setBy.get(variable) ?? "The variable must contain the path of the file with the token."
    )
    return yield* make({ ...options, path })
  })

/**
 * `makeEnvironment` as a Layer.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { File } from "@effect-mcp-auth/workload-identity"
 *
 * // Azure workload identity, for Entra ID.
 * const Assertions = File.layerEnvironment({
 *   variable: "AZURE_FEDERATED_TOKEN_FILE",
 *   audience: "api://AzureADTokenExchange"
 * })
 * ```
 */
export const layerEnvironment = (
  options: EnvironmentOptions
): Layer.Layer<AssertionProvider, InvalidOptions, FileSystem.FileSystem> =>
  Layer.effect(AssertionProvider, makeEnvironment(options))
