/**
 * A real `redis-server` on a free port, which belongs to one test.
 */
import { describe } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { Redis } from "ioredis"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "./listen.ts"
import { isInstalled } from "./redisProgram.ts"

/** `describe`, skipped where no redis-server is installed. */
export const describeRedis = (title: string, tests: () => void): void => {
  describe.skipIf(!isInstalled)(`${title} (skipped where no redis-server is installed)`, () => {
    tests()
  })
}

export interface RedisServer {
  readonly port: number
  readonly url: string
  /** A connection of the test's own. */
  readonly admin: Redis
  /** The number of open connections, `admin` included. */
  readonly connections: () => Promise<number>
  /** The number of error replies so far. */
  readonly errors: () => Promise<number>
  /** Adds a user with the password `canary-${name}`. Returns the URL with that user. */
  readonly addUser: (name: string, ...rules: ReadonlyArray<string>) => Effect.Effect<string>
  /** Waits until so many waiters are in the line of a lease. */
  readonly untilInLine: (line: string, count: number) => Effect.Effect<unknown>
  /** Kills the server. Its data is lost. */
  readonly stop: Effect.Effect<void>
  /** Starts a new server on the same port. */
  readonly start: Effect.Effect<void>
  readonly restart: Effect.Effect<void>
  /** Stops the process as on a machine that hangs: connections stay open, and no command is answered. */
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
}

const running = new Set<ChildProcess>()
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL")
})

const launch = async (
  program: string,
  port: number,
  directory: string,
  args: ReadonlyArray<string>
): Promise<ChildProcess> => {
  const place = ["--port", String(port), "--bind", "127.0.0.1", "--dir", directory]
  const child = spawn(program, [...place, "--save", "", "--appendonly", "no", ...args], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  running.add(child)
  child.once("exit", () => running.delete(child))
  let log = ""
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject)
    child.once("exit", () => reject(new Error(`${program} ended:\n${log}`)))
    child.stdout.on("data", (chunk) => {
      log += String(chunk)
      if (log.includes("Ready to accept connections")) resolve()
    })
  })
  return child
}

const kill = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, "exit")
  child.kill("SIGKILL")
  await exited
}

/** Waits for something that another process does: polls until `is` accepts the value. */
export const until = <A>(look: () => Promise<A>, is: (value: A) => boolean) =>
  Effect.promise(look).pipe(Effect.zipLeft(Effect.sleep("5 millis")), Effect.repeat({ until: is }))

/** A server that runs until the scope closes. */
export const make = (args: ReadonlyArray<string> = [], password?: string, program = "redis-server") =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const directory = mkdtempSync(join(tmpdir(), "redis-test-"))
      // Another process may take the port before the server opens it.
      let port = 0
      let child: ChildProcess | undefined
      for (let attempt = 0; child === undefined; attempt++) {
        port = await freePort()
        child = await launch(program, port, directory, args).catch((error: unknown) => {
          if (attempt < 5) return undefined
          throw error
        })
      }
      const admin = new Redis({ port, host: "127.0.0.1", ...(password === undefined ? {} : { password }) })
      admin.on("error", () => {})
      const state = { child }
      const stop = Effect.promise(() => kill(state.child))
      const start = Effect.promise(async () => {
        state.child = await launch(program, port, directory, args)
      })
      const server: RedisServer = {
        port,
        url: `redis://127.0.0.1:${port}`,
        admin,
        connections: () => admin.client("LIST").then((list) => String(list).trim().split("\n").length),
        errors: () => admin.info("stats").then((info) => Number(/total_error_replies:(\d+)/.exec(info)?.[1])),
        addUser: (name, ...rules) =>
          Effect.as(
            Effect.promise(() => admin.call("ACL", "SETUSER", name, "on", `>canary-${name}`, ...rules)),
            `redis://${name}:canary-${name}@127.0.0.1:${port}`
          ),
        untilInLine: (line, count) => until(() => admin.zcard(line), (inLine) => inLine === count),
        stop,
        start,
        restart: Effect.zipRight(stop, start),
        pause: Effect.sync(() => void state.child.kill("SIGSTOP")),
        resume: Effect.sync(() => void state.child.kill("SIGCONT"))
      }
      return { server, state, directory }
    }),
    ({ directory, server, state }) =>
      Effect.promise(async () => {
        server.admin.disconnect()
        await kill(state.child)
        rmSync(directory, { recursive: true, force: true })
      })
  ).pipe(Effect.map(({ server }) => server))

/** One server for all tests of a `layer`. */
export class Server extends Context.Tag("Server")<Server, RedisServer>() {
  static readonly layer = (program?: string) => Layer.scoped(Server, make([], undefined, program))
}
