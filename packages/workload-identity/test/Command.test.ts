import { AssertionProvider } from "@effect-mcp-auth/core/AssertionProvider"
import { Command } from "@effect-mcp-auth/workload-identity"
import { Error as PlatformError } from "@effect/platform"
import { assert, describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Redacted, Stream, TestClock } from "effect"
import { withoutBegun } from "@effect-mcp-auth/core/authoring/CleanText"
import * as Executor from "./executor.ts"
import { claimsOf, failureOf, good, request } from "./support.ts"

/** The behaviour of a process. */
interface Script {
  readonly stdout?: Stream.Stream<Uint8Array, PlatformError.PlatformError>
  readonly stderr?: Stream.Stream<Uint8Array, PlatformError.PlatformError>
  readonly exitCode?: number
  /** The process runs until it gets one of these signals. */
  readonly endsBy?: ReadonlyArray<Executor.Signal>
  readonly notStarted?: PlatformError.PlatformError
}

const bytes = (text: string) => Stream.make(new TextEncoder().encode(text))

/** Starts processes that follow a script, and records them. A process with `endsBy` ignores every other signal. */
const makeMachine = (scriptOf: (command: Executor.Started, run: number) => Script) => {
  const runs: Array<Executor.Started> = []
  const signals: Array<Executor.Signal> = []
  let running = 0
  const start = (command: Executor.Started) =>
    Effect.gen(function*() {
      runs.push(command)
      const { endsBy, exitCode = 0, notStarted, stderr = Stream.empty, stdout = Stream.empty } = scriptOf(
        command,
        runs.length
      )
      if (notStarted !== undefined) return yield* notStarted
      running++
      let isAlive = true
      const ended = yield* Deferred.make<number, PlatformError.PlatformError>()
      const end = (exit: Effect.Effect<number, PlatformError.PlatformError>) =>
        Effect.map(Deferred.complete(ended, exit), (first) => {
          isAlive = false
          if (first) running--
        })
      if (endsBy === undefined) yield* end(Effect.succeed(exitCode))
      const kill = (signal: Executor.Signal) =>
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
      yield* Effect.addFinalizer(() =>
        Effect.flatMap(Deferred.isDone(ended), (isOver) => isOver ? Effect.void : Effect.ignore(kill("SIGTERM")))
      )
      return {
        exitCode: Deferred.await(ended),
        isRunning: Effect.map(Deferred.isDone(ended), (isOver) => !isOver),
        kill,
        stderr,
        stdout
      }
    })
  return {
    runs,
    signals,
    running: () => running,
    layer: Executor.layer(start)
  }
}

const printing = (text: string, more: Script = {}) => makeMachine(() => ({ stdout: bytes(text), ...more }))

const options: Command.Options = { command: "print-token" }

describe("a command", () => {
  it.effect("supplies the assertion that it prints", () => {
    const { layer, runs } = printing(`${good()}\n`)
    return Effect.gen(function*() {
      const provider = yield* Command.make({
        ...options,
        args: ["a b", "; rm -rf /", "$HOME"],
        environment: { PLAIN: "plain", SECRET: Redacted.make("canary-secret") },
        workingDirectory: "/srv"
      })
      assert.deepStrictEqual(runs, [])
      const assertion = yield* provider(request)
      expect(Redacted.value(assertion) === good()).toBe(true)
      const [run, ...others] = runs
      assert.deepStrictEqual(others, [])
      assert(run !== undefined)
      expect(run.command).toBe("print-token")
      assert.deepStrictEqual(run.args, ["a b", "; rm -rf /", "$HOME"])
      expect(run.shell).toBe(false)
      expect(run.cwd).toBe("/srv")
      expect(run.env["PLAIN"]).toBe("plain")
      expect(run.env["SECRET"] === "canary-secret").toBe(true)
    }).pipe(Effect.provide(layer))
  })

  it.effect("runs once, until the token nears its end or is refused", () => {
    const { layer, runs } = makeMachine((_, run) => ({ stdout: bytes(good({ number: String(run) })) }))
    return Effect.gen(function*() {
      const provider = yield* Command.make(options)
      const first = yield* provider(request)
      yield* provider({ ...request, audience: "https://auth.example.com/token" })
      expect(runs.length).toBe(1)
      expect(claimsOf(yield* provider({ ...request, refused: [first] }))["number"]).toBe("2")
      yield* TestClock.adjust("3540 seconds")
      yield* provider(request)
      expect(runs.length).toBe(3)
    }).pipe(Effect.provide(layer))
  })

  it.effect("runs for each request if the token has a jti", () => {
    const { layer, runs } = makeMachine((_, run) => ({ stdout: bytes(good({ jti: String(run) })) }))
    return Effect.gen(function*() {
      const provider = yield* Command.make(options)
      const given = yield* Effect.all([provider(request), provider(request)])
      expect(given.map((one) => claimsOf(one)["jti"])).toEqual(["1", "2"])
      expect(runs.length).toBe(2)
    }).pipe(Effect.provide(layer))
  })

  it.effect("that prints the same token with a jti again supplies the token again", () => {
    const { layer, runs } = makeMachine(() => ({ stdout: bytes(good({ jti: "canary" })) }))
    return Effect.gen(function*() {
      const provider = yield* Command.make(options)
      const [first, second] = yield* Effect.all([provider(request), provider(request)])
      expect(Redacted.value(first) === Redacted.value(second)).toBe(true)
      expect(runs.length).toBe(2)
    }).pipe(Effect.provide(layer))
  })

  it.effect("runs again after the clock was set back, because the age of an opaque token is unknown", () => {
    const { layer, runs } = makeMachine(() => ({ stdout: bytes("canary-opaque") }))
    return Effect.gen(function*() {
      yield* TestClock.setTime(7_200_000)
      const provider = yield* Command.make({ ...options, opaque: true, lifetime: "1 hour" })
      yield* provider(request)
      yield* TestClock.setTime(3_600_000)
      yield* provider(request)
      expect(runs.length).toBe(2)
    }).pipe(Effect.provide(layer))
  })

  it.effect("when it fails after the clock was set back, does not supply the old output", () => {
    const { layer } = makeMachine((_, run) => run === 1 ? { stdout: bytes("canary-opaque") } : { exitCode: 1 })
    return Effect.gen(function*() {
      yield* TestClock.setTime(7_200_000)
      const provider = yield* Command.make({ ...options, opaque: true, lifetime: "1 hour" })
      yield* provider(request)
      yield* TestClock.setTime(3_600_000)
      expect((yield* failureOf(provider)).reason).toBe("Unavailable")
    }).pipe(Effect.provide(layer))
  })

  it.effect("runs once for each list of arguments", () => {
    const { layer, runs } = makeMachine(({ args }) => ({ stdout: bytes(good({ aud: args[1] })) }))
    return Effect.gen(function*() {
      const provider = yield* Command.make({ ...options, args: ({ audience }) => ["--audience", audience] })
      const other = { ...request, audience: "https://other.example" }
      expect(claimsOf(yield* provider(request))["aud"]).toBe(request.audience)
      expect(claimsOf(yield* provider(other))["aud"]).toBe("https://other.example")
      yield* provider(request)
      yield* provider(other)
      expect(runs.length).toBe(2)
    }).pipe(Effect.provide(layer))
  })

  it.effect("may print an opaque token, or one for `audience`", () => {
    const { layer, runs } = makeMachine((_, run) => ({ stdout: bytes(run < 3 ? "canary-opaque" : good({ aud: "x" })) }))
    return Effect.gen(function*() {
      const provider = yield* Command.make({ ...options, opaque: true, lifetime: "1 hour", audience: "x" })
      yield* provider(request)
      const first = yield* provider(request)
      expect(runs.length).toBe(1)
      yield* provider({ ...request, refused: [first] })
      yield* provider({ ...request, refused: [first] })
      expect(runs.length).toBe(3)
    }).pipe(Effect.provide(layer))
  })

  /** An option as JavaScript may give it: the compiler has not seen the value. */
  const untyped = (option: string, value: unknown): object => Object.fromEntries([[option, value]])

  const wrong: ReadonlyArray<readonly [option: string, Command.Options]> = [
    ["command", { command: "" }],
    ...([
      ["command", undefined],
      ["command", null],
      ["command", "print-token\n"],
      ["args", "--audience"],
      ["args", [undefined]],
      ["timeout", "soon"],
      ["timeout", null],
      ["audience", null],
      ["audience", ""]
    ] as const).map(([option, value]) => [option, Object.assign({}, options, untyped(option, value))] as const),
    ["timeout", { ...options, timeout: 0 }],
    ["maxOutputSize", { ...options, maxOutputSize: 0 }],
    ["maxOutputSize", { ...options, maxOutputSize: 1.5 }]
  ]
  it.effect.each(wrong)("with an invalid `%s` is InvalidOptions", ([option, options]) => {
    const { layer, runs } = printing("")
    return Effect.gen(function*() {
      expect((yield* Effect.flip(Command.make(options))).option).toBe(option)
      assert.deepStrictEqual(runs, [])
    }).pipe(Effect.provide(layer))
  })
})

describe("a command that fails", () => {
  const complaint = `canary-secret: bad token ${good()} of canary-opaque\u001b[31m\nsee the manual`

  it.effect("is an error that quotes its standard error alone, without secrets", () => {
    const { layer } = printing("canary-opaque\n", { exitCode: 3, stderr: bytes(complaint) })
    return Effect.gen(function*() {
      const provider = yield* Command.make({ ...options, environment: { SECRET: Redacted.make("canary-secret") } })
      const error = yield* failureOf(provider)
      expect(error.reason).toBe("Unavailable")
      expect(error.message).toBe(
        "The command print-token ended with exit code 3 (<redacted>: bad token <redacted> of <redacted> [31m see the " +
          "manual). Run the command by hand to find the cause."
      )
    }).pipe(Effect.provide(layer))
  })

  it.effect("is an error without the beginning of a secret that is cut at the end", () => {
    const secret = "canary-secret-".repeat(40)
    for (const kept of [1, 5, 100, secret.length - 1]) {
      expect(withoutBegun(`token ${secret.slice(0, kept)}`, [secret])).toBe("token ")
    }
    const padding = "\n".repeat(4096 - 100)
    const { layer } = printing("", { exitCode: 1, stderr: bytes(`${padding}${secret} is wrong`) })
    return Effect.gen(function*() {
      const provider = yield* Command.make({ ...options, environment: { SECRET: Redacted.make(secret) } })
      expect((yield* failureOf(provider)).message).toContain("exit code 1 and printed no error.")
    }).pipe(Effect.provide(layer))
  })

  it.effect("is an error that quotes at most 200 characters", () => {
    const endless = Stream.forever(Stream.make(new Uint8Array(1000).fill(0x61))).pipe(Stream.take(100))
    const { layer } = printing("", { exitCode: 1, stderr: endless })
    return Effect.gen(function*() {
      const error = yield* failureOf(yield* Command.make(options))
      expect(error.message).toContain(`exit code 1 (${"a".repeat(200)}…).`)
    }).pipe(Effect.provide(layer))
  })

  const failures: ReadonlyArray<readonly [name: string, Script, reason: string, says: string]> = [
    ["prints no error", { exitCode: 127 }, "Unavailable", "ended with exit code 127 and printed no error."],
    ["prints nothing", {}, "Malformed", "The output of the command print-token is empty."],
    [
      "prints a text that is not an assertion",
      { stdout: bytes("Please log in: canary") },
      "Malformed",
      "is not a whole JWT"
    ],
    ["prints half of the assertion", { stdout: bytes(good().slice(0, -3)) }, "Malformed", "is cut off"],
    [
      "does not exist",
      { notStarted: new PlatformError.SystemError({ reason: "NotFound", module: "Command", method: "spawn" }) },
      "Unavailable",
      "The command print-token was not found. Install it"
    ],
    [
      "may not be run by this user",
      { notStarted: new PlatformError.SystemError({ reason: "PermissionDenied", module: "Command", method: "spawn" }) },
      "Unavailable",
      "could not be run (PermissionDenied)"
    ],
    [
      "is not a command",
      { notStarted: new PlatformError.BadArgument({ module: "Command", method: "spawn" }) },
      "Unavailable",
      "could not be run. Check"
    ],
    [
      "breaks off",
      {
        stdout: Stream.fail(new PlatformError.SystemError({ reason: "Unknown", module: "Command", method: "stdout" }))
      },
      "Unavailable",
      "could not be run (Unknown)"
    ]
  ]
  it.effect.each(failures)("is an error that says why: %s", ([, script, reason, says]) => {
    const { layer } = makeMachine(() => script)
    return Effect.gen(function*() {
      const error = yield* failureOf(yield* Command.make(options))
      expect(error.reason).toBe(reason)
      expect(error.message).toContain(says)
    }).pipe(Effect.provide(layer))
  })

  it.effect("is killed if it prints too much", () => {
    const endless = Stream.forever(Stream.make(new TextEncoder().encode("canary".repeat(100))))
    const { layer, running, signals } = printing("", { stdout: endless, endsBy: ["SIGTERM"] })
    return Effect.gen(function*() {
      const error = yield* failureOf(yield* Command.make({ ...options, maxOutputSize: 1000 }))
      expect(error.reason).toBe("Malformed")
      expect(error.message).toContain("printed more than 1000 bytes, and was killed")
      expect(running()).toBe(0)
      assert.deepStrictEqual(signals, ["SIGTERM"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("is killed after its time limit, by SIGTERM first, and no caller waits for that", () => {
    const { layer, running, signals } = printing(good(), { stdout: Stream.never, endsBy: ["SIGKILL"] })
    return Effect.gen(function*() {
      const provider = yield* Command.make({ ...options, timeout: "3 seconds" })
      const fiber = yield* Effect.fork(failureOf(provider))
      yield* TestClock.adjust("2999 millis")
      assert.deepStrictEqual(signals, [])
      yield* TestClock.adjust("1 millis")
      const error = yield* Fiber.join(fiber)
      expect(error.reason).toBe("Unavailable")
      expect(error.message).toContain("did not end within 3s, and was killed. See `timeout`.")
      expect(running()).toBe(1)
      yield* TestClock.adjust("1 second")
      expect(running()).toBe(0)
      assert.deepStrictEqual(signals, ["SIGTERM", "SIGKILL"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("is killed if no caller waits any more", () => {
    const { layer, running, signals } = printing("", { stdout: Stream.never, endsBy: ["SIGTERM"] })
    return Effect.gen(function*() {
      const fiber = yield* Effect.fork((yield* Command.make(options))(request))
      yield* TestClock.adjust("1 second")
      expect(running()).toBe(1)
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 millis")
      expect(running()).toBe(0)
      assert.deepStrictEqual(signals, ["SIGTERM"])
    }).pipe(Effect.provide(layer))
  })
})

describe("Command.layer", () => {
  it.effect("provides an AssertionProvider", () => {
    const { layer } = printing(good())
    return Effect.gen(function*() {
      const provider = yield* Effect.provide(AssertionProvider, Command.layer(options))
      yield* provider(request)
    }).pipe(Effect.provide(layer))
  })
})
