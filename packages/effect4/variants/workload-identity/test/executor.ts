/**
 * The platform's service for processes, whose processes a test scripts.
 */
import { Effect, Layer, type PlatformError, Redacted, type Scope, Sink, Stream } from "effect"
import { ChildProcessSpawner } from "effect/process"

export interface Started {
  readonly command: string
  readonly args: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string | undefined
  readonly shell: boolean | string
}

export type Signal = "SIGTERM" | "SIGKILL"

export interface ScriptedProcess {
  readonly stdout: Stream.Stream<Uint8Array, PlatformError.PlatformError>
  readonly stderr: Stream.Stream<Uint8Array, PlatformError.PlatformError>
  readonly exitCode: Effect.Effect<number, PlatformError.PlatformError>
  readonly isRunning: Effect.Effect<boolean>
  readonly kill: (signal: Signal) => Effect.Effect<void, PlatformError.PlatformError>
}

type Start = (command: Started) => Effect.Effect<ScriptedProcess, PlatformError.PlatformError, Scope.Scope>

const signalOf = (given: string = "SIGTERM"): Signal => given === "SIGKILL" ? given : "SIGTERM"

const textOf = (word: string | Redacted.Redacted<string>): string =>
  Redacted.isRedacted(word) ? Redacted.value(word) : word

const handleOf = (
  { exitCode, isRunning, kill, stderr, stdout }: ScriptedProcess
): ChildProcessSpawner.ChildProcessHandle =>
  ChildProcessSpawner.makeHandle({
    pid: ChildProcessSpawner.ProcessId(1),
    exitCode: Effect.map(exitCode, (code) => ChildProcessSpawner.ExitCode(code)),
    isRunning,
    kill: (options) => kill(signalOf(options?.killSignal)),
    stderr,
    stdout,
    all: Stream.merge(stdout, stderr),
    stdin: Sink.drain,
    getInputFd: () => Sink.drain,
    getOutputFd: () => Stream.empty,
    unref: Effect.succeed(Effect.void)
  })

export const layer = (start: Start): Layer.Layer<ChildProcessSpawner.ChildProcessSpawner> =>
  Layer.succeed(
    ChildProcessSpawner.ChildProcessSpawner,
    ChildProcessSpawner.make((command) => {
      if (command._tag !== "StandardCommand") return Effect.die(new Error("not a single command"))
      const { args, command: name, options: { cwd, env = {}, shell = false } } = command
      const variables = Object.entries(env).map(([variable, value]) => [variable, value && textOf(value)])
      const started = start({ command: name, args: args.map(textOf), env: Object.fromEntries(variables), cwd, shell })
      return Effect.map(started, handleOf)
    })
  )
