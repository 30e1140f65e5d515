/**
 * An assertion that a command prints: the command-line tool of a cloud or of a hardware token, or a command of your
 * own.
 *
 * @since 0.1.0
 */
import type { AssertionRequest } from "@effect-mcp-auth/core/Assertion"
import { AssertionProvider } from "@effect-mcp-auth/core/AssertionProvider"
import { clean } from "@effect-mcp-auth/core/authoring/CleanText"
import * as OwnOptions from "@effect-mcp-auth/core/authoring/OwnOptions"
import * as TextOption from "@effect-mcp-auth/core/authoring/TextOption"
import { AssertionError, InvalidOptions } from "@effect-mcp-auth/core/OAuthError"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Assertion from "./internal/assertion.ts"
import * as CachedSource from "./internal/cachedSource.ts"
import * as ChildProcess from "./internal/childProcess.ts"
import * as Process from "./internal/process.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The path of the program, or its name in `PATH`. No shell interprets it. */
  readonly command: string
  /**
   * The arguments of the program, or a function of the request that returns them. No shell interprets them: spaces,
   * quotes, `$` and `*` are passed on unchanged. Other processes can see arguments, so put secrets into `environment`.
   *
   * @default none
   */
  readonly args?: ReadonlyArray<string> | ((request: AssertionRequest) => ReadonlyArray<string>) | undefined
  /**
   * Variables in addition to the environment of this process. Error messages do not show `Redacted` values.
   *
   * @default none
   */
  readonly environment?: Readonly<Record<string, string | Redacted.Redacted<string>>> | undefined
  /**
   * The working directory of the program.
   *
   * @default that of this process
   */
  readonly workingDirectory?: string | undefined
  /**
   * The time limit, after which the program is killed.
   *
   * @default 10 seconds
   */
  readonly timeout?: Duration.DurationInput | undefined
  /**
   * The longest output, in bytes. A program that prints more is killed.
   *
   * @default 65536
   */
  readonly maxOutputSize?: number | undefined
  /**
   * The `aud` of the assertion, if the platform has fixed another value than the authorization server's issuer or token
   * endpoint.
   *
   * @default the requested audience, the issuer and the token endpoint are accepted
   */
  readonly audience?: string | undefined
  /**
   * Whether the program may print something other than a JWT.
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
}

const validated = (options: Options): Effect.Effect<void, InvalidOptions> =>
  Effect.gen(function*() {
    yield* TextOption.checkOptions(options)
    const { args, audience, command, environment = {}, maxOutputSize, timeout = "10 seconds" } = options
    yield* TextOption.check("command", command, "Give the path or name of a program.")
    yield* TextOption.checkOptional("audience", audience)
    if (args !== undefined && typeof args !== "function" && !(Array.isArray(args) && args.every(isText))) {
      yield* new InvalidOptions({ option: "args", description: "it is neither an array of strings nor a function." })
    }
    yield* TextOption.checkOptional("workingDirectory", options.workingDirectory)
    if (
      !Predicate.isRecord(environment) || Redacted.isRedacted(environment) ||
      !Object.values<unknown>(environment).every(isTextOrSecret)
    ) {
      yield* new InvalidOptions({
        option: "environment",
        description: "it is not an object of names with texts or `Redacted` texts. Check that each variable is set."
      })
    }
    if (variablesOf(environment).some(([name, value]) => !/^[^=\0]+$/.test(name) || value.includes("\0"))) {
      yield* new InvalidOptions({
        option: "environment",
        description: "the name of a variable is empty or holds a \"=\", or a name or a value holds a NUL character. " +
          "Check how the names and values were read."
      })
    }
    if (!Option.exists(Duration.decodeUnknown(timeout), (duration) => Duration.toMillis(duration) > 0)) {
      yield* new InvalidOptions({ option: "timeout", description: "it must be above 0." })
    }
    if (maxOutputSize !== undefined && !(Number.isSafeInteger(maxOutputSize) && maxOutputSize > 0)) {
      yield* new InvalidOptions({
        option: "maxOutputSize",
        description: "it must be a whole number of bytes above 0."
      })
    }
  })

const isText = (value: unknown): boolean => typeof value === "string"

const isTextOrSecret = (value: unknown): boolean => isText(value) || TextOption.faultOfWrapping(value) === undefined

const variablesOf = (
  environment: Readonly<Record<string, string | Redacted.Redacted<string>>>
): ReadonlyArray<readonly [name: string, value: string]> =>
  Object.entries(environment).map(([name, value]) => [name, Redacted.isRedacted(value) ? Redacted.value(value) : value])

/**
 * The arguments for a request; `undefined` if the caller's function throws or returns something else, which no compiler
 * has checked. What the function throws may show anything, so that it is dropped.
 */
const argumentsOf = ({ args = [] }: Options, request: AssertionRequest): ReadonlyArray<string> | undefined => {
  try {
    const given: unknown = typeof args === "function" ? args(request) : args
    return Array.isArray(given) && given.every(Predicate.isString) ? given : undefined
  } catch {
    return undefined
  }
}

const programOf = (options: Options, args: ReadonlyArray<string>): ChildProcess.Program => {
  const { command, environment = {}, workingDirectory } = options
  return { command, args, environment: Object.fromEntries(variablesOf(environment)), workingDirectory }
}

/**
 * A provider that runs the command, without a shell and with an empty standard input. The standard output is the
 * assertion. The assertion is cached until shortly before it expires, one for each list of arguments. An assertion with
 * a `jti` is presented once, and the command runs again for the next token request.
 *
 * When the command ends, the processes that it has left behind in its process group end with it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  given: Options
): Effect.Effect<AssertionProvider.Service, InvalidOptions, CommandExecutor.CommandExecutor> =>
  Effect.gen(function*() {
    const starter = yield* ChildProcess.starter
    const options = OwnOptions.read(given)
    yield* validated(options)
    const { environment = {}, maxOutputSize = 64 * 1024 } = options
    const name = `The command ${clean(options.command)}`
    const expected = yield* Assertion.expectedOf(
      options,
      `The output of the command ${clean(options.command)}`,
      "Make it print an assertion for the authorization server and nothing else, and set `audience` or `opaque` if it " +
        "is of another kind."
    )
    const settings: Process.Settings = {
      name,
      remedy: expected.remedy,
      timeout: Duration.decode(options.timeout ?? "10 seconds"),
      maxOutputSize,
      secrets: Object.values(environment).flatMap((value) => Redacted.isRedacted(value) ? [Redacted.value(value)] : [])
    }
    return CachedSource.make({
      expected,
      keyOf: (request) => JSON.stringify(argumentsOf(options, request) ?? []),
      fetch: (request) => {
        const args = argumentsOf(options, request)
        return args === undefined
          ? new AssertionError({
            reason: "CannotSend",
            description: `${name} was not run, because the function \`args\` threw an error or returned no array of ` +
              "strings. Correct the function."
          })
          : Process.run(starter, programOf(options, args), settings)
      }
    })
  })

/**
 * `make` as a Layer.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { Command } from "@effect-mcp-auth/workload-identity"
 *
 * // Provide the `CommandExecutor` of your platform.
 * const Assertions = Command.layer({
 *   command: "gcloud",
 *   args: ({ audience }) => ["auth", "print-identity-token", `--audiences=${audience}`]
 * })
 * ```
 */
export const layer = (
  options: Options
): Layer.Layer<AssertionProvider, InvalidOptions, CommandExecutor.CommandExecutor> =>
  Layer.effect(AssertionProvider, make(options))
