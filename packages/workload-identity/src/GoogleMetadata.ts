/**
 * The OpenID Connect token of a service account, from the metadata server of Google Cloud (Compute Engine, GKE with
 * Workload Identity, Cloud Run, Cloud Functions).
 *
 * @since 0.1.0
 */
import * as SecureEndpoint from "@effect-mcp-auth/core/authoring/SecureEndpoint"
import { AssertionProvider } from "@effect-mcp-auth/core/AssertionProvider"
import { quote } from "@effect-mcp-auth/core/authoring/CleanText"
import * as OwnOptions from "@effect-mcp-auth/core/authoring/OwnOptions"
import * as TextOption from "@effect-mcp-auth/core/authoring/TextOption"
import { InvalidOptions } from "@effect-mcp-auth/core/OAuthError"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
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
  /**
   * The e-mail address of one of the service accounts of the machine.
   *
   * @default "default"
   */
  readonly serviceAccount?: string | undefined
}

const source: Http.Source = {
  name: "The metadata server of Google Cloud",
  remedy: "Run on Google Cloud, on a machine or in a service that has a service account."
}

const advice: ReadonlyMap<number, string> = new Map([
  [400, "Check `audience`, and that no proxy stands between (it would add X-Forwarded-For)."],
  [403, "Check that the service account may be used here, and that no proxy stands between."],
  [404, "The machine has no such service account: attach one, or correct `serviceAccount`."]
])

/** A host name or an IPv4 address, or an IPv6 address in brackets, and a port. */
const hostAndPort = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i

/**
 * The host and the port in `GCE_METADATA_HOST`, as a URL has them. Google's own libraries also accept the scheme in
 * front. More than one colon outside of brackets means an IPv6 address without a port.
 */
const hostOf = (written: string): string | undefined => {
  const text = written.trim().replace(/^http:\/\//i, "").replace(/\/$/, "")
  const host = /^[\da-f:.]+$/i.test(text) && text.split(":").length > 2 ? `[${text}]` : text
  return hostAndPort.test(host) && SecureEndpoint.parse(`http://${host}/`) !== undefined ? host : undefined
}

/**
 * A provider of tokens of the service account, one for each audience, cached until a minute before they expire. It
 * requests them from `metadata.google.internal`, or from the host in the variable `GCE_METADATA_HOST`. Requests have
 * the header
 * `Metadata-Flavor: Google`, and answers without that header are rejected.
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
    const serviceAccount = yield* TextOption.check("serviceAccount", options.serviceAccount ?? "default")
    if (!/^[\w.@-]+$/.test(serviceAccount) || /^\.+$/.test(serviceAccount)) {
      return yield* new InvalidOptions({
        option: "serviceAccount",
        description: `${quote(serviceAccount)} is neither "default" nor the e-mail address of a service account.`
      })
    }
    const written = Option.getOrElse(
      yield* Environment.optional("GCE_METADATA_HOST"),
      () => "metadata.google.internal"
    )
    const host = hostOf(written)
    if (host === undefined) {
      return yield* new InvalidOptions({
        option: "GCE_METADATA_HOST",
        description: `${quote(written)} is not a host name or address with an optional port, as in ` +
          "metadata.google.internal, 169.254.169.254:80 or [fd20:ce::254]:80."
      })
    }
    const url = `http://${host}/computeMetadata/v1/instance/service-accounts/${serviceAccount}/identity`
    return CachedSource.makePerAudience({
      name: "The token of the metadata server",
      audience: options.audience,
      fetch: (audience) =>
        Effect.gen(function*() {
          const outgoing = HttpClientRequest.get(url, {
            headers: { "metadata-flavor": "Google" },
            urlParams: { audience, format: "full" }
          })
          const answer = yield* Http.exchange(client, outgoing, source)
          const { body, headers, status } = answer
          if (headers["metadata-flavor"]?.toLowerCase() !== "google") {
            return yield* Http.unavailable(
              `Something else than the metadata server of Google Cloud answers at ${host}: ` +
                `the answer (${status}) has no \`Metadata-Flavor: Google\`. ${source.remedy}`
            )
          }
          if (status !== 200) {
            return yield* Http.refused({ ...source, remedy: advice.get(status) ?? "Try again later." }, answer)
          }
          return body
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
 * import { GoogleMetadata } from "@effect-mcp-auth/workload-identity"
 * import { FetchHttpClient } from "@effect/platform"
 * import { Layer } from "effect"
 *
 * const Assertions = GoogleMetadata.layer().pipe(Layer.provide(FetchHttpClient.layer))
 * ```
 */
export const layer = (
  options: Options = {}
): Layer.Layer<AssertionProvider, InvalidOptions, HttpClient.HttpClient> =>
  Layer.effect(AssertionProvider, make(options))
