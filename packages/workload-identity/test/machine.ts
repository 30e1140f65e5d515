/** A machine on which no real process runs. */
import { CommandExecutor, Error as PlatformError } from "@effect/platform"
import { Deferred, Effect, HashMap, Inspectable, Layer, Option, Sink, Stream } from "effect"
import { assert } from "@effect/vitest"

type Signal = CommandExecutor.Signal

/** A command as the machine got it. */
export interface Standard {
  readonly command: string
  readonly args: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string | undefined
  readonly shell: boolean | string
}

/** The behaviour of a process. */
export interface Script {
  readonly stdout?: Stream.Stream<Uint8Array, PlatformError.PlatformError>
  readonly stderr?: Stream.Stream<Uint8Array, PlatformError.PlatformError>
  readonly exitCode?: number
  /** The process runs until it gets one of these signals. */
  readonly endsBy?: ReadonlyArray<Signal>
  readonly notStarted?: PlatformError.PlatformError
}

/** Starts processes that follow a script, and records them. A process with `endsBy` ignores every other signal. */
export const makeMachine = (scriptOf: (command: Standard, run: number) => Script) => {
  const runs: Array<Standard> = []
  const signals: Array<Signal> = []
  let running = 0
  const start: CommandExecutor.CommandExecutor["start"] = (command) =>
    Effect.gen(function*() {
      assert(command._tag === "StandardCommand")
      const standard: Standard = {
        command: command.command,
        args: command.args,
        env: Object.fromEntries(HashMap.toEntries(command.env)),
        cwd: Option.getOrUndefined(command.cwd),
        shell: command.shell
      }
      runs.push(standard)
      const { endsBy, exitCode = 0, notStarted, stderr = Stream.empty, stdout = Stream.empty } = scriptOf(
        standard,
        runs.length
      )
      if (notStarted !== undefined) return yield* notStarted
      running++
      let isAlive = true
      const ended = yield* Deferred.make<CommandExecutor.ExitCode, PlatformError.PlatformError>()
      const end = (exit: Effect.Effect<CommandExecutor.ExitCode, PlatformError.PlatformError>) =>
        Effect.map(Deferred.complete(ended, exit), (first) => {
          isAlive = false
          if (first) running--
        })
      if (endsBy === undefined) yield* end(Effect.succeed(CommandExecutor.ExitCode(exitCode)))
      const kill = (signal: Signal = "SIGTERM") =>
        Effect.suspend(() => {
          // The executor fails when no process of the group is left.
          if (!isAlive) {
            return Effect.fail(new PlatformError.SystemError({ reason: "Unknown", module: "Command", method: "kill" }))
          }
          signals.push(signal)
          return endsBy?.includes(signal) === true
            ? end(
              Effect.fail(new PlatformError.SystemError({ reason: "Unknown", module: "Command", method: "exitCode" }))
            )
            : Effect.void
        }).pipe(Effect.zipLeft(Effect.exit(Deferred.await(ended))), Effect.asVoid)
      // The executor of Node waits for the end of the process as well, however long that takes.
      yield* Effect.addFinalizer(() => Effect.ignore(Effect.whenEffect(kill(), Effect.negate(Deferred.isDone(ended)))))
      const process: CommandExecutor.Process = {
        ...Inspectable.BaseProto,
        toJSON: () => ({}),
        [CommandExecutor.ProcessTypeId]: CommandExecutor.ProcessTypeId,
        pid: CommandExecutor.ProcessId(1),
        exitCode: Deferred.await(ended),
        isRunning: Effect.negate(Deferred.isDone(ended)),
        kill,
        stderr,
        stdout,
        stdin: Sink.drain
      }
      return process
    })
  return {
    runs,
    signals,
    running: () => running,
    layer: Layer.succeed(CommandExecutor.CommandExecutor, CommandExecutor.makeExecutor(start))
  }
}
