/** A machine on which no real process runs. */
import { assert } from "@effect/vitest"
import { Deferred, Effect, Layer, PlatformError, Redacted, Sink, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"

type Signal = ChildProcess.Signal

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

const textOf = (word: string | Redacted.Redacted<string>): string =>
  Redacted.isRedacted(word) ? Redacted.value(word) : word

const standardOf = ({ args, command, options }: ChildProcess.StandardCommand): Standard => ({
  command,
  args: args.map(textOf),
  env: Object.fromEntries(Object.entries(options.env ?? {}).map(([name, value]) => [name, textOf(value ?? "")])),
  cwd: options.cwd,
  shell: options.shell ?? false
})

const failure = (method: string) =>
  Effect.fail(PlatformError.systemError({ _tag: "Unknown", module: "ChildProcess", method }))

/** Starts processes that follow a script, and records them. A process with `endsBy` ignores every other signal. */
export const makeMachine = (scriptOf: (command: Standard, run: number) => Script) => {
  const runs: Array<Standard> = []
  const signals: Array<Signal> = []
  let running = 0
  const spawn: ChildProcessSpawner.ChildProcessSpawner["Service"]["spawn"] = (command) =>
    Effect.gen(function*() {
      assert(command._tag === "StandardCommand")
      const standard = standardOf(command)
      runs.push(standard)
      const { endsBy, exitCode = 0, notStarted, stderr = Stream.empty, stdout = Stream.empty } = scriptOf(
        standard,
        runs.length
      )
      if (notStarted !== undefined) return yield* notStarted
      running++
      let isAlive = true
      const ended = yield* Deferred.make<ChildProcessSpawner.ExitCode, PlatformError.PlatformError>()
      const end = (exit: Effect.Effect<ChildProcessSpawner.ExitCode, PlatformError.PlatformError>) =>
        Effect.map(Deferred.complete(ended, exit), (first) => {
          isAlive = false
          if (first) running--
        })
      if (endsBy === undefined) yield* end(Effect.succeed(ChildProcessSpawner.ExitCode(exitCode)))
      const kill = ({ killSignal: signal = "SIGTERM" }: ChildProcess.KillOptions = {}) =>
        Effect.suspend(() => {
          // The spawner fails when no process of the group is left.
          if (!isAlive) return failure("kill")
          signals.push(signal)
          return endsBy?.includes(signal) === true ? end(failure("exitCode")) : Effect.void
        }).pipe(Effect.tap(Effect.exit(Deferred.await(ended))), Effect.asVoid)
      // The spawner of Node waits for the end of the process as well, however long that takes.
      yield* Effect.addFinalizer(() => Effect.ignore(Effect.suspend(() => isAlive ? kill() : Effect.void)))
      return ChildProcessSpawner.makeHandle({
        pid: ChildProcessSpawner.ProcessId(1),
        exitCode: Deferred.await(ended),
        isRunning: Effect.map(Deferred.isDone(ended), (done) => !done),
        kill,
        stderr,
        stdout,
        all: Stream.empty,
        stdin: Sink.drain,
        getInputFd: () => Sink.drain,
        getOutputFd: () => Stream.empty,
        unref: Effect.succeed(Effect.void)
      })
    })
  return {
    runs,
    signals,
    running: () => running,
    layer: Layer.succeed(ChildProcessSpawner.ChildProcessSpawner, ChildProcessSpawner.make(spawn))
  }
}
