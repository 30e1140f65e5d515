import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as DurationOption from "../../authoring/DurationOption.ts"
import type { Limits } from "../../authoring/HttpExchange.ts"
import { check, nameOf, parse, parseEndpoint, type PlainHttp } from "../../authoring/SecureEndpoint.ts"
import { adviceOn, kindOf } from "../../authoring/TextOption.ts"
import type * as Discovery from "../../Discovery.ts"
import { type InsecureEndpoint, InvalidOptions } from "../../OAuthError.ts"
import { quote } from "../text/clean.ts"

type Checked = Pick<
  Discovery.Options,
  "authorizationServerMetadataUrl" | "resourceMatch" | "resourceMetadataUrl" | "timeout"
>

const DEFAULT_TIMEOUT = Duration.seconds(30)

/**
 * Checks the options of discovery. A discovery has time for one request at least, unless the caller says otherwise.
 *
 * @internal
 */
export const checkedDiscovery = (
  options: Discovery.CallerOptions,
  limits: Limits
): Either.Either<Checked, InvalidOptions | InsecureEndpoint> =>
  Either.gen(function*() {
    const { discoveryTimeout, resourceMatch } = options
    // Options may come from JavaScript, which no compiler has checked.
    const match: unknown = resourceMatch
    if (match !== undefined && match !== "parent" && match !== "identical") {
      yield* Either.left(
        new InvalidOptions({ option: "resourceMatch", description: "write \"parent\" or \"identical\"." })
      )
    }
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
    return Either.left(new InvalidOptions({ option, description: `it is ${kindOf(written)}. ${adviceOn(written)}` }))
  }
  const text = String(written)
  const url = parseEndpoint(text)
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    const parsed = parse(text)
    return Either.left(
      new InvalidOptions({
        option,
        description: `${quote(parsed === undefined ? text : nameOf(parsed))} is not a URL without fragment and user ` +
          "name or password. Write the whole address of the document."
      })
    )
  }
  return check(url, endpoint, undefined, plainHttp)
}
