/**
 * The platform's service for processes, whose processes a test scripts.
 */
import type { Error as PlatformError } from "@effect/platform"
import { CommandExecutor } from "@effect/platform"
import { Effect, HashMap, Inspectable, Layer, Option, type Scope, Sink, type Stream } from "effect"

export interface Started {
  readonly command: string
  readonly args: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
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

const processOf = ({ exitCode, isRunning, kill, stderr, stdout }: ScriptedProcess): CommandExecutor.Process => ({
  ...Inspectable.BaseProto,
  toJSON: () => ({}),
  [CommandExecutor.ProcessTypeId]: CommandExecutor.ProcessTypeId,
  pid: CommandExecutor.ProcessId(1),
  exitCode: Effect.map(exitCode, (code) => CommandExecutor.ExitCode(code)),
  isRunning,
  kill: (signal) => kill(signalOf(signal)),
  stderr,
  stdout,
  stdin: Sink.drain
})

export const layer = (start: Start): Layer.Layer<CommandExecutor.CommandExecutor> =>
  Layer.succeed(
    CommandExecutor.CommandExecutor,
    CommandExecutor.makeExecutor((command) => {
      if (command._tag !== "StandardCommand") return Effect.dieMessage("not a single command")
      const { args, command: name, cwd, env, shell } = command
      const variables = Object.fromEntries(HashMap.toEntries(env))
      const started = start({ command: name, args, env: variables, cwd: Option.getOrUndefined(cwd), shell })
      return Effect.map(started, processOf)
    })
  )
