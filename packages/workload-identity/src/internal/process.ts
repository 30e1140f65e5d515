import { clean, withoutBegun } from "@effect-mcp-auth/core/authoring/CleanText"
import * as PlatformFailure from "@effect-mcp-auth/core/authoring/PlatformFailure"
import { AssertionError } from "@effect-mcp-auth/core/OAuthError"
import type { PlatformError } from "@effect/platform/Error"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import * as ChildProcess from "./childProcess.ts"
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
const errorOutputOf = (process: ChildProcess.ChildProcess): Effect.Effect<ErrorOutput> =>
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

/**
 * Ends a process and those that it has started. A process that ignores SIGTERM is killed, because the finalizer of the
 * platform would wait for it forever.
 */
const stop = (process: ChildProcess.ChildProcess): Effect.Effect<void> => {
  const kill = process.kill("SIGKILL")
  return Effect.interruptible(process.kill("SIGTERM")).pipe(
    Effect.timeoutOption(GRACE),
    Effect.flatMap(Option.match({
      onNone: () => kill,
      // The process has ended. One that it has started may still run, and no caller waits for that.
      onSome: () => Effect.forkDaemon(Effect.delay(Effect.ignore(kill), GRACE))
    })),
    // No process of the group is left.
    Effect.ignore
  )
}

/** The error has no cause, because the cause contains the arguments. */
const notRun = ({ name }: Settings) => (error: PlatformError): AssertionError => {
  const reason = PlatformFailure.reasonOf(error)
  return reason === "NotFound"
    ? unavailable(`${name} was not found. Install it, or correct \`command\` or \`workingDirectory\`.`)
    : unavailable(
      `${name} could not be run${reason === undefined ? "" : ` (${reason})`}. ` +
        `Check that this process may run it, and whether something killed it.`
    )
}

/**
 * Starts a process. The platform throws for a command that the operating system cannot take, and what it throws shows
 * the arguments.
 */
const start = (starter: ChildProcess.Start, program: ChildProcess.Program, settings: Settings) =>
  Effect.mapError(starter(program), notRun(settings)).pipe(
    Effect.catchAllDefect((defect) =>
      new AssertionError({
        reason: "CannotSend",
        description: `${settings.name} could not be started (${codeOf(defect)}). Check its arguments and ` +
          "`environment`: they must not be longer than the operating system allows, nor hold a NUL character."
      })
    )
  )

/** The code of an error of Node.js. */
const codeOf = (defect: unknown): string =>
  Predicate.hasProperty(defect, "code") && typeof defect.code === "string" && /^\w{2,40}$/.test(defect.code)
    ? defect.code
    : "unknown reason"

const outputOf = (process: ChildProcess.ChildProcess, settings: Settings): Effect.Effect<string, AssertionError> =>
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

/** The error has no cause, since standard error may repeat a secret. */
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
  starter: ChildProcess.Start,
  program: ChildProcess.Program,
  settings: Settings
): Effect.Effect<string, AssertionError> =>
  Effect.gen(function*() {
    const process = yield* start(starter, program, settings)
    yield* Effect.addFinalizer(() => stop(process))
    // A process in the background may hold the output open after the one that started it has ended.
    const exit = Effect.tap(Effect.mapError(process.exitCode, notRun(settings)), stop(process))
    const [stdout, stderr, exitCode] = yield* Effect.all(
      [outputOf(process, settings), errorOutputOf(process), exit],
      { concurrency: "unbounded" }
    )
    return exitCode === 0 ? stdout : yield* failed(settings, exitCode, stdout, stderr)
  }).pipe(
    Effect.scoped,
    // Killing the process may take a while, and no caller should wait for it.
    ChildProcess.withoutWaiting,
    Effect.timeoutFail({
      duration: settings.timeout,
      onTimeout: () =>
        unavailable(
          `${settings.name} did not end within ${Duration.format(settings.timeout)}, and was killed. See \`timeout\`.`
        )
    })
  )
