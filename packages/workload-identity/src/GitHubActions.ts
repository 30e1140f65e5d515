/**
 * The OpenID Connect token of a GitHub Actions job.
 *
 * @since 0.1.0
 */
import { AssertionProvider } from "@effect-mcp-auth/core/AssertionProvider"
import { clean } from "@effect-mcp-auth/core/authoring/CleanText"
import { parseJson } from "@effect-mcp-auth/core/authoring/HttpExchange"
import * as OwnOptions from "@effect-mcp-auth/core/authoring/OwnOptions"
import * as TextOption from "@effect-mcp-auth/core/authoring/TextOption"
import { InvalidOptions } from "@effect-mcp-auth/core/OAuthError"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Environment from "./internal/environment.ts"
import * as Http from "./internal/http.ts"
import * as CachedSource from "./internal/cachedSource.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The audience of the token.
   *
   * @default the audience that the grant requests: the authorization server's issuer, unless configured otherwise
   */
  readonly audience?: string | undefined
}

const SET_BY = "GitHub sets it in jobs that have `permissions: id-token: write` in the workflow, " +
  "and not for pull requests from forks."

const source: Http.Source = {
  name: "GitHub's token service (ACTIONS_ID_TOKEN_REQUEST_URL)",
  remedy: "Ask while the job runs, and with `permissions: id-token: write`."
}

const decode = Schema.decodeUnknownOption(Schema.Struct({ value: Schema.String }))
const decodeError = Schema.decodeUnknownOption(Schema.Struct({ message: Schema.String }))

/**
 * A provider of tokens of the job. It reads `ACTIONS_ID_TOKEN_REQUEST_URL` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN` from
 * `Config`. The tokens of GitHub have a `jti`, by which the authorization server may accept each only once, so that
 * every token request gets a new one. A token without a `jti` is cached until a minute before it expires.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  given: Options = {}
): Effect.Effect<AssertionProvider.Service, InvalidOptions, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    yield* TextOption.checkOptions(given)
    const options = OwnOptions.read(given)
    yield* TextOption.checkOptional("audience", options.audience)
    const address = yield* Environment.required("ACTIONS_ID_TOKEN_REQUEST_URL", SET_BY)
    const token = yield* Environment.secret("ACTIONS_ID_TOKEN_REQUEST_TOKEN", SET_BY)
    const url = yield* Either.mapLeft(
      Http.endpoint(address),
      (wrong) => new InvalidOptions({ option: "ACTIONS_ID_TOKEN_REQUEST_URL", description: `${wrong}. ${SET_BY}` })
    )
    return CachedSource.makePerAudience({
      name: "The token of GitHub Actions",
      audience: options.audience,
      fetch: (audience) =>
        Effect.gen(function*() {
          const outgoing = HttpClientRequest.get(Http.withParameters(url, { audience }), {
            headers: { accept: "application/json", authorization: `bearer ${Redacted.value(token)}` }
          })
          const response = yield* Http.exchange(client, outgoing, source)
          const json = parseJson(response.body)
          if (response.status !== 200) {
            const said = Option.getOrUndefined(decodeError(json))?.message ?? ""
            return yield* Http.refused(source, response, clean(said, [Redacted.value(token)]))
          }
          const answer = Option.getOrUndefined(decode(json))
          if (answer === undefined) return yield* Http.malformed(`${source.name} answered 200 without a \`value\`.`)
          return answer.value
        })
    })
  })

/**
 * `make` as a Layer.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { GitHubActions } from "@effect-mcp-auth/workload-identity"
 * import { FetchHttpClient } from "@effect/platform"
 * import { Layer } from "effect"
 *
 * const Assertions = GitHubActions.layer({ audience: "https://auth.example.com" }).pipe(
 *   Layer.provide(FetchHttpClient.layer)
 * )
 * ```
 */
export const layer = (
  options: Options = {}
): Layer.Layer<AssertionProvider, InvalidOptions, HttpClient.HttpClient> =>
  Layer.effect(AssertionProvider, make(options))
