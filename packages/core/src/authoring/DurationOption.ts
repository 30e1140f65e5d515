/**
 * The check of an option that is a duration. For authors of providers and storages.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { InvalidOptions } from "../OAuthError.ts"

/**
 * The duration of an option, rounded to whole milliseconds. A value that is not a duration, or that is out of bounds, is
 * `InvalidOptions` with the name of the option. The value may come from JavaScript or from a configuration file, which no
 * compiler has checked.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import * as DurationOption from "@effect-mcp-auth/core/authoring/DurationOption"
 * import type { Duration } from "effect"
 *
 * export const pollIntervalOf = (options: { readonly pollInterval?: Duration.DurationInput }) =>
 *   DurationOption.check("pollInterval", options.pollInterval ?? "1 second", { minimum: "10 millis", maximum: "1 day" })
 * ```
 */
export const check = (
  option: string,
  input: Duration.DurationInput,
  bounds: { readonly minimum: Duration.DurationInput; readonly maximum: Duration.DurationInput }
): Either.Either<Duration.Duration, InvalidOptions> =>
  Duration.decodeUnknown(input).pipe(
    Option.map((duration) => Duration.millis(Math.round(Duration.toMillis(duration)))),
    Option.filter(
      Duration.between({ minimum: Duration.decode(bounds.minimum), maximum: Duration.decode(bounds.maximum) })
    ),
    Either.fromOption(() =>
      new InvalidOptions({
        option,
        description: `this is not a duration between ${shown(bounds.minimum)} and ${shown(bounds.maximum)}. ` +
          "Write for example \"2 seconds\"."
      })
    )
  )

const shown = (bound: Duration.DurationInput): string =>
  typeof bound === "string" ? bound : Duration.format(Duration.decode(bound))
