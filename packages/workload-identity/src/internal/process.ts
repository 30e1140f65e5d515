import { clean, withoutBegun } from "@effect-mcp-auth/core/authoring/CleanText"
import type { AssertionError } from "@effect-mcp-auth/core/OAuthError"
import type * as PlatformCommand from "@effect/platform/Command"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { malformed, unavailable } from "./http.ts"

/** How long a process may take to end after SIGTERM, before SIGKILL. */
const GRACE = Duration.seconds(1)

/** The part of the standard error that is read into memory, in characters. */
const MAX_ERROR_OUTPUT = 4096

/**
 * The settings of a run of a command, and the texts for its errors.
 *
 * @internal
 */
export interface Settings {
  /** The name of the command in error messages. */
  readonly name: string
  /** Advice for an output that is not an assertion, as a sentence. */
  readonly remedy: string
  readonly timeout: Duration.Duration
  /** The longest output, in bytes. */
  readonly maxOutputSize: number
  /** The texts that error messages must not show. */
  readonly secrets: ReadonlyArray<string>
}

/** The beginning of what a process wrote to its standard error. */
interface ErrorOutput {
  readonly text: string
  /** Whether the process wrote more than this. */
  readonly isCut: boolean
}

/** Reads the standard error to its end, because the process would block otherwise. */
const errorOutputOf = (process: CommandExecutor.Process): Effect.Effect<ErrorOutput> =>
  Effect.suspend(() => {
    const decoder = new TextDecoder()
    let text = ""
    return Stream.runForEach(process.stderr, (chunk) => {
      if (text.length <= MAX_ERROR_OUTPUT) text += decoder.decode(chunk, { stream: true })
      return Effect.void
    }).pipe(
      Effect.ignore,
      Effect.map(() => ({ text: text.slice(0, MAX_ERROR_OUTPUT), isCut: text.length > MAX_ERROR_OUTPUT }))
    )
  })

/** Kills a process that ignores SIGTERM. The finalizer of the platform would wait forever for such a process. */
const stop = (process: CommandExecutor.Process): Effect.Effect<void> =>
  Effect.whenEffect(
    Effect.interruptible(process.kill("SIGTERM")).pipe(
      Effect.timeout(GRACE),
      Effect.catchAll(() => process.kill("SIGKILL"))
    ),
    process.isRunning
  ).pipe(Effect.ignore)

/** The error has no cause, because the cause contains the arguments. */
const notRun = ({ name }: Settings) => (error: PlatformError): AssertionError =>
  error._tag === "SystemError" && error.reason === "NotFound"
    ? unavailable(`${name} was not found. Install it, or correct \`command\` or \`workingDirectory\`.`)
    : unavailable(
      `${name} could not be run${error._tag === "SystemError" ? ` (${error.reason})` : ""}. ` +
        `Check that this process may run it, and whether something killed it.`
    )

const outputOf = (process: CommandExecutor.Process, settings: Settings): Effect.Effect<string, AssertionError> =>
  Effect.suspend(() => {
    const { maxOutputSize, name, remedy } = settings
    const decoder = new TextDecoder()
    let text = ""
    let size = 0
    return Stream.runForEach(Stream.mapError(process.stdout, notRun(settings)), (chunk) => {
      size += chunk.byteLength
      if (size > maxOutputSize) {
        return malformed(`${name} printed more than ${maxOutputSize} bytes, and was killed. ${remedy}`)
      }
      text += decoder.decode(chunk, { stream: true })
      return Effect.void
    }).pipe(Effect.map(() => text + decoder.decode()))
  })

const failed = (settings: Settings, exitCode: number, stdout: string, stderr: ErrorOutput): AssertionError => {
  const hidden = [...settings.secrets, stdout.trim()]
  const said = clean(stderr.isCut ? withoutBegun(stderr.text, hidden) : stderr.text, hidden)
  return unavailable(
    `${settings.name} ended with exit code ${exitCode}${said === "" ? " and printed no error" : ` (${said})`}. ` +
      `Run the command by hand to find the cause.`
  )
}

/**
 * The standard output of a command that ends with exit code 0.
 *
 * @internal
 */
export const run = (
  executor: CommandExecutor.CommandExecutor,
  command: PlatformCommand.Command,
  settings: Settings
): Effect.Effect<string, AssertionError> =>
  Effect.gen(function*() {
    const process = yield* Effect.mapError(executor.start(command), notRun(settings))
    yield* Effect.addFinalizer(() => stop(process))
    const [stdout, stderr, exitCode] = yield* Effect.all(
      [outputOf(process, settings), errorOutputOf(process), Effect.mapError(process.exitCode, notRun(settings))],
      { concurrency: "unbounded" }
    )
    return exitCode === 0 ? stdout : yield* failed(settings, exitCode, stdout, stderr)
  }).pipe(
    Effect.scoped,
    // Killing the process may take a while, and no caller should wait for it.
    Effect.disconnect,
    Effect.timeoutFail({
      duration: settings.timeout,
      onTimeout: () =>
        unavailable(
          `${settings.name} did not end within ${Duration.format(settings.timeout)}, and was killed. See \`timeout\`.`
        )
    })
  )
