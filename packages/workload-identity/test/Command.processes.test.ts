/**
 * Commands that are real processes of this machine. No test waits for a time: a process tells by a named pipe that it
 * runs, and the operating system closes the pipe when the process has ended.
 */
import { Command } from "@effect-mcp-auth/workload-identity"
import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Redacted, TestClock } from "effect"
import { execFileSync } from "node:child_process"
import { createReadStream } from "node:fs"
import { once } from "node:events"
import { failureOf, good, request } from "./support.ts"

/** A named pipe: `written` is what a process writes to it first, and `closed` ends when no process has it open. */
const makePipe = Effect.gen(function*() {
  const files = yield* FileSystem.FileSystem
  const path = `${yield* files.makeTempDirectoryScoped()}/pipe`
  execFileSync("mkfifo", [path])
  const stream = createReadStream(path, "utf8")
  const closed = once(stream, "close")
  const written = once(stream, "data").then(([text]) => String(text).trim())
  return { path, written: Effect.promise(() => written), closed: Effect.promise(() => closed) }
})

const shell = (script: string, environment: Record<string, string>, more: Partial<Command.Options> = {}) =>
  Command.make({ command: "/bin/sh", args: ["-c", script], environment, ...more })

/** A process in the background that has the standard output open, and the pipe. */
const background = "(echo ready >&3; exec sleep 1000) 3>\"$PIPE\" &"

/** Starts a process in the background, and goes on when that has the pipe open. */
const withBackground = (work: string) =>
  `mkfifo "$PIPE.open"; (${work} echo ready >&3; echo >"$PIPE.open"; exec sleep 1000) 3>"$PIPE" & read -r _ <"$PIPE.open";`

const hasShell = process.platform !== "win32"

describe.skipIf(!hasShell)("a command that is a real process", () => {
  it.scoped("delivers its output although a process in the background has the output open, and ends that process", () =>
    Effect.gen(function*() {
      const pipe = yield* makePipe
      const provider = yield* shell(`${withBackground("")} printf %s "$TOKEN"`, {
        PIPE: pipe.path,
        TOKEN: good()
      })
      expect(Redacted.value(yield* provider(request)) === good()).toBe(true)
      yield* pipe.closed
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scoped("ends a process in the background by SIGKILL if that ignores SIGTERM", () =>
    Effect.gen(function*() {
      const pipe = yield* makePipe
      const provider = yield* shell(
        `${withBackground(`trap "" TERM; exec >/dev/null 2>&1;`)} printf %s "$TOKEN"`,
        { PIPE: pipe.path, TOKEN: good() }
      )
      yield* provider(request)
      // The wait before SIGKILL begins when the system has ended the command, which TestClock does not drive.
      yield* Effect.raceFirst(pipe.closed, Effect.forever(TestClock.adjust("1 second")))
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scoped("ends with the processes that it has started when no caller waits any more", () =>
    Effect.gen(function*() {
      const pipe = yield* makePipe
      const provider = yield* shell(`${background} wait`, { PIPE: pipe.path })
      const fiber = yield* Effect.fork(provider(request))
      expect(yield* pipe.written).toBe("ready")
      yield* Fiber.interrupt(fiber)
      yield* pipe.closed
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scoped("ends with the processes that it has started after its time limit", () =>
    Effect.gen(function*() {
      const pipe = yield* makePipe
      const provider = yield* shell(`${background} wait`, { PIPE: pipe.path })
      const fiber = yield* Effect.fork(failureOf(provider))
      expect(yield* pipe.written).toBe("ready")
      yield* TestClock.adjust("10 seconds")
      expect((yield* Fiber.join(fiber)).message).toContain("did not end within 10s, and was killed")
      yield* pipe.closed
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scoped("fails after its time limit if a process outside of its group has the output open", () =>
    Effect.gen(function*() {
      const pipe = yield* makePipe
      const script =
        `const { spawn } = require("node:child_process"); const { openSync, writeSync } = require("node:fs")
        const pipe = openSync(process.env.PIPE, "w")
        const child = spawn("sleep", ["1000"], { detached: true, stdio: ["ignore", "inherit", "ignore", pipe] })
        child.unref(); writeSync(pipe, String(child.pid))`
      const provider = yield* Command.make({
        command: process.execPath,
        args: ["-e", script],
        environment: { PIPE: pipe.path }
      })
      const fiber = yield* Effect.fork(failureOf(provider))
      const pid = Number(yield* pipe.written)
      yield* TestClock.adjust("10 seconds")
      expect((yield* Fiber.join(fiber)).message).toContain("did not end within 10s")
      process.kill(pid, "SIGKILL")
      yield* pipe.closed
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scoped("is killed if it prints without end, and its error output is quoted without secrets in any encoding", () =>
    Effect.gen(function*() {
      const endless = yield* shell("while :; do echo $WORD; done", { WORD: "canary" }, { maxOutputSize: 1000 })
      expect((yield* failureOf(endless)).message).toContain("printed more than 1000 bytes")
      const secret = "canary&secret/1"
      const provider = yield* Command.make({
        command: "/bin/sh",
        args: ["-c", `printf %s "$SECRET" | base64 >&2; echo "$SECRET" | sed "s/&/\\&amp;/" >&2; exit 3`],
        environment: { SECRET: Redacted.make(secret) }
      })
      expect((yield* failureOf(provider)).message).toContain("exit code 3 (<redacted> <redacted>)")
    }).pipe(Effect.provide(NodeContext.layer)))

  const impossible: ReadonlyArray<readonly [name: string, options: Partial<Command.Options>, says: string]> = [
    ["a NUL in an argument", { args: ["canary\0"] }, "could not be started (ERR_INVALID_ARG_VALUE)"],
    ["a NUL in an argument that depends on the request", { args: () => ["canary\0"] }, "could not be started"],
    ["an argument that is too long", { args: ["canary".repeat(1_000_000)] }, "could not be started (E2BIG)"],
    ["a variable that is too long", { environment: { A: "canary".repeat(1_000_000) } }, "could not be started (E2BIG)"],
    ["a folder that does not exist", { workingDirectory: "/nowhere/at/all" }, "was not found"],
    ["a file as its folder", { workingDirectory: "/etc/passwd" }, "could not be"],
    ["a folder as its program", { command: "/etc" }, "could not be run (PermissionDenied)"],
    ["a file that is no program", { command: "/etc/passwd" }, "could not be run (PermissionDenied)"],
    ["a program that does not exist", { command: "/nowhere/program" }, "was not found"]
  ]
  it.scoped.each(impossible)(
    "with %s is an AssertionError without its arguments",
    ([, options, says]) =>
      Effect.gen(function*() {
        const error = yield* failureOf(yield* Command.make({ command: "/bin/echo", ...options }))
        expect(error.message).toContain(says)
        expect(error.message).not.toContain("canary")
        expect(error.cause).toBeUndefined()
      }).pipe(Effect.provide(NodeContext.layer))
  )
})

describe("the arguments of a command", () => {
  /** The option as JavaScript may give it: the compiler has not seen the value. */
  const untyped = (args: unknown): object => ({ args })

  const wrong: ReadonlyArray<readonly [name: string, args: unknown, says: string]> = [
    ["throws", () => {
      throw new TypeError("it threw")
    }, "the function `args` threw an error or returned no array of strings"],
    ["returns nothing", () => undefined, "the function `args` threw an error or returned no array of strings"],
    ["returns numbers", () => [1], "the function `args` threw an error or returned no array of strings"]
  ]
  it.effect.each(wrong)("are a function that %s: an AssertionError", ([, args, says]) =>
    Effect.gen(function*() {
      const error = yield* failureOf(yield* Command.make(Object.assign({ command: "/bin/echo" }, untyped(args))))
      expect(error.reason).toBe("CannotSend")
      expect(error.message).toContain(says)
    }).pipe(Effect.provide(NodeContext.layer)))
})

it.effect.each([
  ["A=B", "x"],
  ["", "x"],
  ["A", "x\0"],
  ["A\0", "x"]
])("an environment with the variable %j and the value %j is InvalidOptions", ([name, value]) =>
  Effect.gen(function*() {
    const environment = Object.fromEntries([[name, value]])
    const error = yield* Effect.flip(Command.make({ command: "/bin/echo", environment }))
    assert.strictEqual(error.option, "environment")
  }).pipe(Effect.provide(NodeContext.layer)))
