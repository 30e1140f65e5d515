import { InvalidOptions } from "@effect-mcp-auth/core/OAuthError"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

const read = <A>(option: string, config: Config.Config<A>): Effect.Effect<Option.Option<A>, InvalidOptions> =>
  Effect.mapError(
    Config.option(config),
    () => new InvalidOptions({ option, description: "it could not be read from the configuration (`Config`)." })
  )

const isSet = (value: string): boolean => value.trim() !== ""

const orFail = <A>(value: Option.Option<A>, option: string, setBy: string): Effect.Effect<A, InvalidOptions> =>
  Option.match(value, {
    onNone: () => new InvalidOptions({ option, description: `the variable is not set. ${setBy}` }),
    onSome: Effect.succeed
  })

/**
 * A variable, if it is set and not empty. Platforms set some variables to an empty text. An error names the variable as
 * the wrong option.
 *
 * @internal
 */
export const optional = (option: string): Effect.Effect<Option.Option<string>, InvalidOptions> =>
  Effect.map(read(option, Config.string(option)), Option.filter(isSet))

/**
 * A variable that must be set.
 *
 * @param setBy who sets the variable and when, as a sentence for the error
 *
 * @internal
 */
export const required = (option: string, setBy: string): Effect.Effect<string, InvalidOptions> =>
  Effect.flatMap(optional(option), (value) => orFail(value, option, setBy))

/**
 * `required`, for a secret.
 *
 * @internal
 */
export const secret = (option: string, setBy: string): Effect.Effect<Redacted.Redacted<string>, InvalidOptions> =>
  Effect.flatMap(
    read(option, Config.redacted(option)),
    (value) => orFail(Option.filter(value, (_) => isSet(Redacted.value(_))), option, setBy)
  )
