import * as PlatformCommand from "@effect/platform/Command"
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/**
 * A program and all that it is given. Its standard input is empty, and no shell interprets its arguments.
 *
 * @internal
 */
export interface Program {
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** Variables in addition to the environment of this process. */
  readonly environment: Readonly<Record<string, string>>
  readonly workingDirectory: string | undefined
}

/**
 * A process that was started.
 *
 * @internal
 */
export interface ChildProcess {
  readonly stdout: Stream.Stream<Uint8Array, PlatformError>
  readonly stderr: Stream.Stream<Uint8Array, PlatformError>
  /** Waits for the end of the process. Fails if a signal ended it. */
  readonly exitCode: Effect.Effect<number, PlatformError>
  /**
   * Sends a signal to the process and those that it has started: the executor of Node.js signals the whole process
   * group, also after the process itself has ended. (On Windows, processes that it has left behind are not found any
   * more.) Waits for the end of the process itself. Fails if no process of the group is left.
   */
  readonly kill: (signal: "SIGTERM" | "SIGKILL") => Effect.Effect<void, PlatformError>
}

/**
 * Starts a process, which ends with the scope. Dies with the error of Node.js for a program that the operating system
 * cannot take.
 *
 * @internal
 */
export type Start = (program: Program) => Effect.Effect<ChildProcess, PlatformError, Scope.Scope>

const commandOf = ({ args, command, environment, workingDirectory }: Program): PlatformCommand.Command => {
  const made = PlatformCommand.make(command, ...args).pipe(
    PlatformCommand.stdin(Stream.empty),
    PlatformCommand.env(environment)
  )
  return workingDirectory === undefined ? made : PlatformCommand.workingDirectory(made, workingDirectory)
}

/** @internal */
export const starter: Effect.Effect<Start, never, CommandExecutor.CommandExecutor> = Effect.map(
  CommandExecutor.CommandExecutor,
  (executor) => (program) => Effect.suspend(() => executor.start(commandOf(program)))
)

/**
 * Runs work in a fiber of its own. A caller that is interrupted does not wait until the work has ended.
 *
 * @internal
 */
export const withoutWaiting: <A, E, R>(work: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = Effect.disconnect
