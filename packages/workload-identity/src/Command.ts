/**
 * A command that prints an assertion: the command-line tool of a cloud, a hardware token's, one of your own.
 *
 * @since 0.1.0
 */
import type { AssertionRequest } from "@effect-mcp-auth/core/Assertion"
import { AssertionProvider } from "@effect-mcp-auth/core/AssertionProvider"
import { clean, withoutBegun } from "@effect-mcp-auth/core/authoring/CleanText"
import type { AssertionError } from "@effect-mcp-auth/core/OAuthError"
import { InvalidOptions } from "@effect-mcp-auth/core/OAuthError"
import * as PlatformCommand from "@effect/platform/Command"
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import type * as Assertion from "./internal/assertion.ts"
import { malformed, unavailable } from "./internal/http.ts"
import * as CachedSource from "./internal/cachedSource.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The program, by its path or by a name that is looked for in `PATH`. No shell reads it. */
  readonly command: string
  /**
   * One argument each. No shell reads them: they are passed as they are, with their spaces, quotes, `$` and `*`. What is
   * secret belongs in `environment`, since other processes can see arguments.
   */
  readonly args?: ReadonlyArray<string> | ((request: AssertionRequest) => ReadonlyArray<string>) | undefined
  /** In addition to the environment of this process. */
  readonly environment?: Readonly<Record<string, string | Redacted.Redacted<string>>> | undefined
  readonly workingDirectory?: string | undefined
  /** How long it may take; then it is killed. 10 seconds unless given. */
  readonly timeout?: Duration.DurationInput | undefined
  /** How much it may print, in bytes; then it is killed. 65536 unless given. */
  readonly maxOutputSize?: number | undefined
  /** What the assertion's `aud` is, where that is neither the issuer nor the token endpoint of the authorization server. */
  readonly audience?: string | undefined
  /** Whether it may print anything else than a JWT; `false` unless given. */
  readonly opaque?: boolean | undefined
  /** How long an assertion is valid that does not say so itself. Unless given, it is asked for anew every time. */
  readonly lifetime?: Duration.DurationInput | undefined
}

/** How long a process may take to end in good order, before it is killed. */
const GRACE = Duration.seconds(1)

/** A shorter output is not an assertion, and hiding it would make the complaint unreadable. In characters. */
const MIN_ASSERTION = 4

/** How much of what it complains about is kept, in characters. */
const MAX_COMPLAINT = 4096

const validated = (options: Options): Effect.Effect<void, InvalidOptions> => {
  const { command, maxOutputSize, timeout } = options
  if (command === "") {
    return new InvalidOptions({ option: "command", description: "it is empty. Give the path or name of a program." })
  }
  if (timeout !== undefined && !(Duration.toMillis(timeout) > 0)) {
    return new InvalidOptions({ option: "timeout", description: "it has to be more than nothing." })
  }
  return maxOutputSize === undefined || (Number.isSafeInteger(maxOutputSize) && maxOutputSize > 0)
    ? Effect.void
    : new InvalidOptions({ option: "maxOutputSize", description: "it has to be a whole number of bytes." })
}

/** What a process wrote of its complaint, and whether that is all. */
interface Complaint {
  readonly text: string
  readonly isCut: boolean
}

/** Read to its end, or the process would wait for that. */
const complaint = (process: CommandExecutor.Process): Effect.Effect<Complaint> =>
  Effect.suspend(() => {
    const decoder = new TextDecoder()
    let text = ""
    return Stream.runForEach(process.stderr, (chunk) => {
      if (text.length <= MAX_COMPLAINT) text += decoder.decode(chunk, { stream: true })
      return Effect.void
    }).pipe(
      Effect.ignore,
      Effect.map(() => ({ text: text.slice(0, MAX_COMPLAINT), isCut: text.length > MAX_COMPLAINT }))
    )
  })

/** What ignores a polite request is killed. The platform's own cleaning up would wait for it for ever. */
const stop = (process: CommandExecutor.Process): Effect.Effect<void> =>
  Effect.whenEffect(
    Effect.interruptible(process.kill("SIGTERM")).pipe(
      Effect.timeout(GRACE),
      Effect.catchAll(() => process.kill("SIGKILL"))
    ),
    process.isRunning
  ).pipe(Effect.ignore)

/**
 * Runs the command for an assertion, without a shell and with an empty standard input. What it prints to the standard
 * output is the assertion, which is remembered until shortly before it expires, one for each list of arguments. One with a
 * `jti` is given out once, and the command is run again for the next.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options
): Effect.Effect<AssertionProvider.Service, InvalidOptions, CommandExecutor.CommandExecutor> =>
  Effect.gen(function*() {
    const executor = yield* CommandExecutor.CommandExecutor
    yield* validated(options)
    const { args, audience, environment = {}, maxOutputSize = 64 * 1024, workingDirectory } = options
    const timeout = Duration.decode(options.timeout ?? "10 seconds")
    const argsOf = typeof args === "function" ? args : () => args ?? []
    const secrets = Object.values(environment).flatMap((value) =>
      Redacted.isRedacted(value) ? [Redacted.value(value)] : []
    )
    const name = `The command ${clean(options.command)}`
    const expected: Assertion.Expected = {
      name: `The output of the command ${clean(options.command)}`,
      remedy: "Have it print an assertion for the authorization server and nothing else, and set `audience` or " +
        "`opaque` if it is of another kind.",
      opaque: options.opaque,
      lifetime: options.lifetime === undefined ? undefined : Duration.toMillis(options.lifetime),
      ...(audience === undefined ? {} : { audience: () => [audience] })
    }

    const commandFor = (request: AssertionRequest): PlatformCommand.Command => {
      const command = PlatformCommand.make(options.command, ...argsOf(request)).pipe(
        PlatformCommand.stdin(Stream.empty),
        PlatformCommand.env(Object.fromEntries(
          Object.entries(environment).map(([name, value]) => [
            name,
            Redacted.isRedacted(value) ? Redacted.value(value) : value
          ])
        ))
      )
      return workingDirectory === undefined
        ? command
        : PlatformCommand.workingDirectory(command, workingDirectory)
    }

    /** Never with its cause, which holds the arguments. */
    const notRun = (error: PlatformError): AssertionError =>
      error._tag === "SystemError" && error.reason === "NotFound"
        ? unavailable(`${name} was not found. Install it, or correct \`command\` or \`workingDirectory\`.`)
        : unavailable(
          `${name} could not be run${error._tag === "SystemError" ? ` (${error.reason})` : ""}. ` +
            `Check that this process may run it, and whether something killed it.`
        )

    const output = (process: CommandExecutor.Process): Effect.Effect<string, AssertionError> =>
      Effect.suspend(() => {
        const decoder = new TextDecoder()
        let text = ""
        let size = 0
        return Stream.runForEach(Stream.mapError(process.stdout, notRun), (chunk) => {
          size += chunk.byteLength
          if (size > maxOutputSize) {
            return malformed(`${name} printed more than ${maxOutputSize} bytes, and was killed. ${expected.remedy}`)
          }
          text += decoder.decode(chunk, { stream: true })
          return Effect.void
        }).pipe(Effect.map(() => text + decoder.decode()))
      })

    const run = (request: AssertionRequest): Effect.Effect<string, AssertionError> =>
      Effect.gen(function*() {
        const process = yield* Effect.mapError(executor.start(commandFor(request)), notRun)
        yield* Effect.addFinalizer(() => stop(process))
        const [stdout, stderr, exitCode] = yield* Effect.all(
          [output(process), complaint(process), Effect.mapError(process.exitCode, notRun)],
          { concurrency: "unbounded" }
        )
        if (exitCode === 0) return stdout
        const printed = stdout.trim()
        const hidden = printed.length < MIN_ASSERTION ? secrets : [...secrets, printed]
        const said = clean(stderr.isCut ? withoutBegun(stderr.text, hidden) : stderr.text, hidden)
        return yield* unavailable(
          `${name} ended with exit code ${exitCode}${said === "" ? ", and said nothing" : ` (${said})`}. ` +
            `Run it by hand to see what it lacks.`
        )
      }).pipe(
        Effect.scoped,
        // It may take a while to be killed; nobody waits for that.
        Effect.disconnect,
        Effect.timeoutFail({
          duration: timeout,
          onTimeout: () =>
            unavailable(`${name} did not end within ${Duration.format(timeout)}, and was killed. See \`timeout\`.`)
        })
      )

    return CachedSource.make({
      expected,
      keyOf: (request) => JSON.stringify(argsOf(request)),
      fetch: run
    })
  })

/**
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
