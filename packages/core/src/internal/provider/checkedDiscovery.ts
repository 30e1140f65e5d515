import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as DurationOption from "../../authoring/DurationOption.ts"
import type { Limits } from "../../authoring/HttpExchange.ts"
import { check, parseEndpoint, type PlainHttp } from "../../authoring/SecureEndpoint.ts"
import { check as checkText, checkOneOf, checkUrl } from "../../authoring/TextOption.ts"
import type * as Discovery from "../../Discovery.ts"
import type { InsecureEndpoint, InvalidOptions } from "../../OAuthError.ts"

type Checked = Pick<
  Discovery.Options,
  "authorizationServerMetadataUrl" | "resourceMatch" | "resourceMetadataUrl" | "timeout"
>

const DEFAULT_TIMEOUT = Duration.seconds(30)

/**
 * Checks the options of discovery. Without `discoveryTimeout`, a discovery has time for at least one request.
 *
 * @internal
 */
export const checkedDiscovery = (
  options: Discovery.CallerOptions,
  limits: Limits
): Either.Either<Checked, InvalidOptions | InsecureEndpoint> =>
  Either.gen(function*() {
    const { discoveryTimeout, resourceMatch } = options
    if (resourceMatch !== undefined) yield* checkOneOf("resourceMatch", resourceMatch, ["parent", "identical"])
    return {
      resourceMetadataUrl: yield* checkedUrl(
        "resourceMetadataUrl",
        options.resourceMetadataUrl,
        "protected resource metadata",
        limits
      ),
      authorizationServerMetadataUrl: yield* checkedUrl(
        "authorizationServerMetadataUrl",
        options.authorizationServerMetadataUrl,
        "authorization server metadata",
        limits
      ),
      resourceMatch,
      timeout: discoveryTimeout === undefined
        ? Duration.max(DEFAULT_TIMEOUT, limits.timeout)
        : yield* DurationOption.check("discoveryTimeout", discoveryTimeout, { minimum: "1 millis", maximum: "1 day" })
    }
  })

const checkedUrl = (
  option: string,
  written: string | URL | undefined,
  endpoint: InsecureEndpoint["endpoint"],
  plainHttp: PlainHttp
): Either.Either<URL | undefined, InvalidOptions | InsecureEndpoint> => {
  if (written === undefined) return Either.right(undefined)
  if (typeof written !== "string" && !(written instanceof URL)) {
    return Either.map(checkText(option, written), () => undefined)
  }
  return checkUrl(
    option,
    String(written),
    parseEndpoint,
    "is not a URL without fragment and user name or password. Write the whole address of the document."
  ).pipe(Either.flatMap((url) => check(url, endpoint, undefined, plainHttp)))
}
