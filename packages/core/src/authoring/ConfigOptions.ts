/**
 * Options from `Config`, for the `layerConfig` of a provider. For authors of providers.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import type { InvalidOptions } from "../OAuthError.ts"
import { invalid, kindOf } from "./TextOption.ts"

/**
 * The lists of a provider's options, as a configuration has them.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConfiguredLists {
  /**
   * The scopes to ask for: an array, or one text with several scopes. White space separates scopes in a text and in an
   * entry of an array, and commas do in a text. Without any scope, as in an empty variable, the option counts as left
   * out. For a scope that holds a comma, use `Config.succeed` with an array.
   *
   * @default the scopes that the server's challenge names, else `scopes_supported` of its metadata, else none
   */
  readonly scopes?: string | ReadonlyArray<string> | undefined
  /**
   * Further values of `token_type` whose tokens are sent as bearer tokens: an array, or one text with several types, as
   * in `scopes`.
   *
   * @default ["Bearer"]
   */
  readonly acceptedTokenTypes?: string | ReadonlyArray<string> | undefined
  /**
   * Hosts that plain http may reach besides those of this machine: an array, or one text with several host names, as in
   * `scopes`.
   *
   * @default none
   */
  readonly insecureHosts?: string | ReadonlyArray<string> | undefined
}

/**
 * The options of a provider, each as a `Config`.
 *
 * @since 0.1.0
 * @category models
 */
export type ConfigOptions<Options> = Config.Config.Wrap<WithLists<Options>>

/** Distributes over the members of a union, so that each keeps its own options. */
type WithLists<Options> = Options extends unknown
  ? Omit<Options, keyof ConfiguredLists> & Pick<ConfiguredLists, keyof ConfiguredLists & keyof Options>
  : never

/**
 * Reads the options. A value that is not a `Config` is `InvalidOptions` with the name of the option.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import * as ConfigOptions from "@effect-mcp-auth/core/authoring/ConfigOptions"
 * import { Effect } from "effect"
 *
 * interface Options {
 *   readonly serverUrl: string
 *   readonly scopes?: ReadonlyArray<string>
 * }
 *
 * export const serverOf = (options: ConfigOptions.ConfigOptions<Options>) =>
 *   Effect.map(ConfigOptions.read<Options>(options), ({ serverUrl }) => serverUrl)
 * ```
 */
export const read = <Options extends object>(
  options: ConfigOptions<Options> | Config.Config.Wrap<Options>
): Effect.Effect<Options, ConfigError | InvalidOptions> =>
  Effect.flatMap(Effect.suspend(() => configOf("options", options)), (config) =>
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the parameter's type says what the configs return
    Effect.map(Config.unwrap<unknown>(config), (values) => withLists(values) as Options))

/**
 * Combines the options that are set into one `Config`. Each of them must be a `Config`, because `Config.unwrap` never
 * returns for a plain text.
 */
const configOf = (name: string, value: unknown): Either.Either<Config.Config.Wrap<unknown>, InvalidOptions> => {
  if (Config.isConfig(value)) return Either.right(value)
  if (!isPlain(value)) {
    return invalid(
      name,
      `it is ${kindOf(value)}, and not a \`Config\`. Give a \`Config\` that reads a variable, ` +
        "or write `Config.succeed` around the value."
    )
  }
  // `Config.unwrap` throws for an object without entries.
  const given = Object.entries(value).filter(([, one]) => one !== undefined)
  return Either.map(
    Either.all(given.map(([key, one]) => Either.map(configOf(key, one), (config) => [key, config] as const))),
    (configs) =>
      configs.length === 0
        ? Config.succeed({})
        : Config.unwrap<Readonly<Record<string, unknown>>>(Object.fromEntries(configs))
  )
}

const isPlain = (value: unknown): value is object =>
  Predicate.isRecord(value) && [Object.prototype, null].includes(Object.getPrototypeOf(value))

const lists: ReadonlyArray<keyof ConfiguredLists> = ["scopes", "acceptedTokenTypes", "insecureHosts"]

const withLists = (values: unknown): unknown => {
  if (!Predicate.isRecord(values)) return values
  const options = { ...values }
  for (const name of lists) {
    const entries = entriesOf(values[name])
    // Anything else is left to the check of the options.
    if (entries === undefined) continue
    if (entries.length > 0) options[name] = entries
    else delete options[name]
  }
  return options
}

const entriesOf = (list: unknown): ReadonlyArray<string> | undefined => {
  const found = typeof list === "string"
    ? list.split(/[\s,]/)
    : isTexts(list)
    ? list.flatMap((entry) => entry.split(/\s/))
    : undefined
  return found?.filter((entry) => entry !== "")
}

const isTexts = (value: unknown): value is ReadonlyArray<string> =>
  Array.isArray(value) && value.every(Predicate.isString)
