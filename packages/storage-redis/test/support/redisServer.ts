/**
 * A real `redis-server`, of the test's own, on a free port.
 */
import { Effect } from "effect"
import { Redis } from "ioredis"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

const isProgram = (program: string): boolean => spawnSync(program, ["--version"]).status === 0

/** Whether there is one on this machine; without it the tests that need it are skipped, which `.ci/run` counts as failed. */
export const isInstalled = isProgram("redis-server")

/** What the contract is held against: Redis, and Valkey where there is one. */
export const programs: ReadonlyArray<string> = ["redis-server", ...["valkey-server"].filter(isProgram)]

if (!isInstalled) {
  process.stderr.write(
    "The tests on Redis are skipped: there is no redis-server here (apt-get install redis-server).\n"
  )
}

export interface RedisServer {
  readonly port: number
  readonly url: string
  readonly admin: Redis
  /** kill -9, and a new one on the same port, with nothing in it. */
  readonly restart: Effect.Effect<void>
  readonly stop: Effect.Effect<void>
  readonly start: Effect.Effect<void>
  /** As a machine that hangs: connections stay, and nothing is answered. */
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
}

export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  if (address === null || typeof address === "string") throw new Error("no port")
  return address.port
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

/** Lives as long as the scope. */
export const make = (args: ReadonlyArray<string> = [], password?: string, program = "redis-server") =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const directory = mkdtempSync(join(tmpdir(), "redis-test-"))
      // Somebody else may take the port between the look and the launch.
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
      const server: RedisServer = {
        port,
        url: `redis://127.0.0.1:${port}`,
        admin,
        stop: Effect.promise(() => kill(state.child)),
        start: Effect.promise(async () => {
          state.child = await launch(program, port, directory, args)
        }),
        restart: Effect.promise(async () => {
          await kill(state.child)
          state.child = await launch(program, port, directory, args)
        }),
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
