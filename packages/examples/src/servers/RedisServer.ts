/**
 * A real `redis-server` on 127.0.0.1, on a free port, that keeps its data in memory and lives as long as a `Scope`.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:net"
import { tmpdir } from "node:os"

export class NoRedis extends Data.TaggedError("NoRedis")<{
  /** `Missing`: there is no such program. `NotStarted`: it ended before it was ready. */
  readonly reason: "Missing" | "NotStarted"
  readonly message: string
}> {}

/** Whether this machine has a `redis-server`. */
export const isInstalled = (): boolean => spawnSync("redis-server", ["--version"]).status === 0

/** The URL of the server. */
export const make: Effect.Effect<string, NoRedis, Scope.Scope> = Effect.suspend(() => {
  const start = Effect.flatMap(freePort, (port) => Effect.map(launch(port), (child) => ({ child, port })))
  return Effect.acquireRelease(
    // Another program may take the port before redis-server does.
    Effect.retry(start, { times: 5, while: ({ reason }) => reason === "NotStarted" }),
    ({ child }) => Effect.sync(() => void child.kill())
  )
}).pipe(Effect.map(({ port }) => `redis://127.0.0.1:${port}`))

const freePort = Effect.promise(async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  return typeof address === "object" && address !== null ? address.port : 0
})

const launch = (port: number) =>
  Effect.async<ChildProcess, NoRedis>((resume) => {
    const place = ["--port", String(port), "--bind", "127.0.0.1", "--dir", tmpdir()]
    const child = spawn("redis-server", [...place, "--save", "", "--appendonly", "no"], {
      stdio: ["ignore", "pipe", "ignore"]
    })
    child.once("error", ({ message }) =>
      resume(new NoRedis({ message: `redis-server could not be started: ${message}`, reason: "Missing" })))
    child.once("exit", () =>
      resume(new NoRedis({ message: "redis-server did not start.", reason: "NotStarted" })))
    child.stdout.on("data", (chunk) => {
      if (String(chunk).includes("Ready to accept connections")) {
        resume(Effect.succeed(child))
      }
    })
  })
