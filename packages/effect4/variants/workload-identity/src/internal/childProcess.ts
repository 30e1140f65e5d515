import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { PlatformError } from "effect/PlatformError"
import * as PlatformProcess from "effect/process/ChildProcess"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Scope from "effect/Scope"
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
   * Sends a signal to the process and those that it has started: the spawner of Node.js signals the whole process
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

const commandOf = ({ args, command, environment, workingDirectory }: Program): PlatformProcess.Command =>
  PlatformProcess.make(command, args, {
    stdin: Stream.empty,
    env: environment,
    extendEnv: true,
    ...(workingDirectory === undefined ? {} : { cwd: workingDirectory })
  })

const processOf = (handle: ChildProcessSpawner.ChildProcessHandle): ChildProcess => ({
  stdout: handle.stdout,
  stderr: handle.stderr,
  exitCode: handle.exitCode,
  // The spawner also waits until the others of the group have ended. No caller needs that.
  kill: (signal) => Effect.raceFirst(handle.kill({ killSignal: signal }), Effect.asVoid(Effect.exit(handle.exitCode)))
})

/** The spawner refuses a NUL character itself, where the child processes of Node.js throw. */
const hasNul = ({ reason }: PlatformError): boolean =>
  reason._tag === "BadArgument" && reason.description?.includes("NUL character") === true

const unfit = Effect.sync(() => Object.assign(new Error("A NUL character"), { code: "ERR_INVALID_ARG_VALUE" }))

/** @internal */
export const starter: Effect.Effect<Start, never, ChildProcessSpawner.ChildProcessSpawner> = Effect.map(
  ChildProcessSpawner.ChildProcessSpawner,
  (spawner) => (program) => {
    const spawn = Effect.catchIf(spawner.spawn(commandOf(program)), hasNul, () => Effect.flatMap(unfit, Effect.die))
    return Effect.flatMap(Scope.make(), (scope) =>
      Effect.map(
        // The spawner's finalizer waits for the whole group as well. Callers wait for the process alone.
        Effect.acquireRelease(
          Effect.onError(Scope.provide(spawn, scope), (cause) => Scope.close(scope, Exit.failCause(cause))),
          ({ exitCode }, exit) => Effect.andThen(Effect.forkDetach(Scope.close(scope, exit)), Effect.exit(exitCode))
        ),
        processOf
      ))
  }
)

/**
 * Runs work in a fiber of its own. A caller that is interrupted does not wait until the work has ended.
 *
 * @internal
 */
export const withoutWaiting = <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      Effect.forkDetach(restore(work)),
      (fiber) => Effect.onInterrupt(restore(Fiber.join(fiber)), () => Effect.sync(() => fiber.interruptUnsafe()))
    )
  )
