/**
 * An assertion from an HTTP endpoint: Vault, SPIRE, a token broker, the TokenRequest API of Kubernetes.
 *
 * @since 0.1.0
 */
import type { AssertionRequest } from "@effect-mcp-auth/core/Assertion"
import { AssertionProvider } from "@effect-mcp-auth/core/AssertionProvider"
import { clean } from "@effect-mcp-auth/core/authoring/CleanText"
import { parseJson } from "@effect-mcp-auth/core/authoring/HttpExchange"
import * as InsecureHosts from "@effect-mcp-auth/core/authoring/InsecureHosts"
import * as OwnOptions from "@effect-mcp-auth/core/authoring/OwnOptions"
import * as TextOption from "@effect-mcp-auth/core/authoring/TextOption"
import { InvalidOptions } from "@effect-mcp-auth/core/OAuthError"
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Assertion from "./internal/assertion.ts"
import * as Http from "./internal/http.ts"
import * as CachedSource from "./internal/cachedSource.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The request that is sent, or a function that makes it. The address must be https, or be on this machine, link-local
   * or on one of `insecureHosts`. Errors and logs show no header and no part of the body, and there is no span. Keep secrets out of the
   * query of the address, which errors of the platform show.
   */
  readonly request: HttpClientRequest | ((request: AssertionRequest) => HttpClientRequest)
  /**
   * The path of names to the assertion in the JSON of the answer, for example `["data", "token"]`.
   *
   * @default none: the whole answer is the assertion
   */
  readonly path?: ReadonlyArray<string> | undefined
  /**
   * The `aud` of the assertion, if the platform has fixed another value than the authorization server's issuer or token
   * endpoint.
   *
   * @default the requested audience, the issuer and the token endpoint are accepted
   */
  readonly audience?: string | undefined
  /**
   * Whether the assertion may be something other than a JWT.
   *
   * @default false
   */
  readonly opaque?: boolean | undefined
  /**
   * How long an assertion that does not say so itself is valid. Without it such an assertion is not cached.
   *
   * @default none
   */
  readonly lifetime?: Duration.DurationInput | undefined
  /**
   * Hosts that plain http may reach besides those of this machine and link-local ones: exact names without port, as in
   * `["vault.vault.svc.cluster.local"]`, and no wildcards. The first use of each is logged as a warning.
   *
   * @default none
   */
  readonly insecureHosts?: ReadonlyArray<string> | undefined
}

const checkPath = (path: unknown): Either.Either<void, InvalidOptions> => {
  const isPath = Array.isArray(path) && path.every(Predicate.isString)
  const description = `it is ${
    Array.isArray(path) ? "an array with other entries than names" : TextOption.kindOf(path)
  }. Give an array of names, as in ["data", "token"].`
  return isPath ? Either.right(undefined) : Either.left(new InvalidOptions({ option: "path", description }))
}

const valueAt = (json: unknown, path: ReadonlyArray<string>): unknown =>
  path.reduce<unknown>(
    (value, name) =>
      typeof value === "object" && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined,
    json
  )

/** Everything on which the function `request` may depend. */
const keyOf = (request: AssertionRequest): string => {
  const { audience, issuer, resource, resourceParameter, scopes, tokenEndpoint } = request
  return JSON.stringify([audience, issuer, tokenEndpoint, resource, resourceParameter, scopes])
}

/**
 * A provider that requests an assertion from the endpoint. The assertion is cached until shortly before it expires: one
 * for all token requests or, where `request` is a function, one for each different argument. An assertion with a `jti`
 * is presented once, and the next token request gets a new one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  given: Options
): Effect.Effect<AssertionProvider.Service, InvalidOptions, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    yield* TextOption.checkOptions(given)
    const options = OwnOptions.read(given)
    const { path, request } = options
    if (path !== undefined) yield* checkPath(path)
    const insecureHosts = yield* InsecureHosts.check(options.insecureHosts)
    yield* TextOption.checkOptional("audience", options.audience)
    if (typeof request !== "function" && !Predicate.hasProperty(request, "url")) {
      return yield* new InvalidOptions({
        option: "request",
        description: `it is ${TextOption.kindOf(request)}. Give an \`HttpClientRequest\`, or a function that makes one.`
      })
    }
    if (typeof request !== "function") {
      yield* Either.mapLeft(
        Http.endpoint(request.url, insecureHosts),
        (wrong) => new InvalidOptions({ option: "request", description: `${wrong}.` })
      )
    }
    const expected = yield* Assertion.expectedOf(
      options,
      "The assertion of the endpoint",
      "Check `request` and `path`, and set `audience` or `opaque` if the assertion is of another kind."
    )
    return CachedSource.make({
      expected,
      keyOf: typeof request === "function" ? keyOf : () => "",
      fetch: (asked) =>
        Effect.gen(function*() {
          const outgoing = typeof request === "function" ? request(asked) : request
          const url = yield* Either.mapLeft(
            Http.endpoint(outgoing.url, insecureHosts),
            (wrong) => Http.malformed(`\`request\`: ${wrong}. Nothing was sent.`)
          )
          const source: Http.Source = {
            name: `The endpoint ${clean(url.origin + url.pathname)}`,
            remedy: "Check `request`.",
            isHidden: true,
            insecureHosts
          }
          const answer = yield* Http.exchange(client, outgoing, source)
          const { body, status } = answer
          if (status < 200 || status > 299) return yield* Http.refused(source, answer)
          const value = path === undefined ? body : valueAt(parseJson(body), path)
          if (typeof value !== "string") {
            return yield* Http.malformed(
              `${source.name} answered ${status}, but there is no text at \`${clean((path ?? []).join("."))}\`. ` +
                `Correct \`path\`.`
            )
          }
          return value
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
 * import { HttpEndpoint } from "@effect-mcp-auth/workload-identity"
 * import { FetchHttpClient, HttpClientRequest } from "@effect/platform"
 * import { Layer, Redacted } from "effect"
 *
 * declare const vaultToken: Redacted.Redacted
 *
 * const Assertions = HttpEndpoint.layer({
 *   request: HttpClientRequest.get("https://vault.example.com/v1/identity/oidc/token/mcp", {
 *     headers: { "x-vault-token": Redacted.value(vaultToken) }
 *   }),
 *   path: ["data", "token"]
 * }).pipe(Layer.provide(FetchHttpClient.layer))
 * ```
 */
export const layer = (
  options: Options
): Layer.Layer<AssertionProvider, InvalidOptions, HttpClient.HttpClient> =>
  Layer.effect(AssertionProvider, make(options))
