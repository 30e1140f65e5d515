/**
 * The official suite, as a process: one scenario with one client, started by the suite as a command.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { spawn } from "node:child_process"
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Verdict from "./Verdict.ts"

export interface Options {
  readonly scenario: string
  /** The path of the client, a program that the Node of this process runs. */
  readonly client: string
  /** The path of a file in the format of `Baseline.ts`. */
  readonly baseline?: string | undefined
}

/** The time limit of a client. Our client takes 1 s, or a few seconds on a busy machine. */
const CLIENT_TIMEOUT = Duration.seconds(30)
const SUITE_TIMEOUT = Duration.times(CLIENT_TIMEOUT, 2)

const CLI = createRequire(import.meta.url).resolve("@modelcontextprotocol/conformance/dist/index.js")

/** The suite writes its results into a directory below this one. */
const temporaryDirectory = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "conformance-"))),
  (directory) => Effect.promise(() => rm(directory, { recursive: true }))
)

export const run = ({ baseline, client, scenario }: Options): Effect.Effect<Verdict.Run> =>
  Effect.gen(function*() {
    const directory = yield* temporaryDirectory
    const ended = yield* start([
      "client",
      // The suite runs this in a shell and kills a late client by the pid of the shell, so `exec` replaces the shell.
      `--command=exec "${process.execPath}" "${client}"`,
      `--scenario=${scenario}`,
      `--timeout=${Duration.toMillis(CLIENT_TIMEOUT)}`,
      `--output-dir=${directory}`,
      ...(baseline === undefined ? [] : [`--expected-failures=${baseline}`])
    ])
    return { ...ended, checks: yield* readChecks(directory) }
  }).pipe(Effect.scoped)

const start = (args: ReadonlyArray<string>) =>
  Effect.async<Pick<Verdict.Run, "exitCode" | "output">>((resume) => {
    const suite = spawn(process.execPath, [CLI, ...args], { stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    for (const stream of [suite.stdout, suite.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => output += text)
    }
    suite.on("error", (error) => resume(Effect.die(error)))
    suite.on("close", (code) => resume(Effect.succeed({ exitCode: code ?? -1, output })))
    return Effect.sync(() => suite.kill())
  }).pipe(
    Effect.timeoutOption(SUITE_TIMEOUT),
    Effect.map(Option.getOrElse(() => ({
      exitCode: -1,
      output: `The suite did not end within ${Duration.format(SUITE_TIMEOUT)}.`
    })))
  )

const Checks = Schema.parseJson(Schema.Array(Verdict.Check))

/** A suite that stopped before it ran the scenario writes no checks. */
const readChecks = (directory: string) =>
  Effect.gen(function*() {
    const files = yield* Effect.promise(() => readdir(directory, { recursive: true }))
    const file = files.find((file) => file.endsWith("checks.json"))
    if (file === undefined) return []
    const json = yield* Effect.promise(() => readFile(join(directory, file), "utf8"))
    return yield* Effect.orDie(Schema.decode(Checks)(json))
  })
