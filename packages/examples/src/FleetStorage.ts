/**
 * The storage that the processes of `pnpm demo:fleet` share, empty, for as long as the scope lasts.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Settings } from "./FleetMessages.ts"

export const kinds = ["redis", "file", "memory"] as const
export type Kind = typeof kinds[number]

export class NoRedis extends Data.TaggedError("NoRedis")<{ readonly message: string }> {}

export const open = (kind: Kind): Effect.Effect<Settings["storage"], NoRedis, Scope.Scope> =>
  Effect.gen(function*() {
    switch (kind) {
      case "memory":
        return { _tag: "memory" } as const
      case "file":
        return { _tag: "file", directory: join(yield* directory, "tokens") } as const
      case "redis":
        return { _tag: "redis", url: process.env["REDIS_URL"] ?? (yield* redisServer) } as const
    }
  })

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "demo-fleet-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const freePort = Effect.promise(async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  return typeof address === "object" && address !== null ? address.port : 0
})

const missing = new NoRedis({
  message: "There is no redis-server here. Install it, set REDIS_URL, or take --storage file."
})

const launch = (path: string, port: number) =>
  Effect.async<ChildProcess, NoRedis>((resume) => {
    const place = ["--port", String(port), "--bind", "127.0.0.1", "--dir", path]
    const child = spawn("redis-server", [...place, "--save", "", "--appendonly", "no"], {
      stdio: ["ignore", "pipe", "ignore"]
    })
    child.once("error", () => resume(missing))
    child.once("exit", () => resume(new NoRedis({ message: "redis-server did not start." })))
    child.stdout.on("data", (chunk) => {
      if (String(chunk).includes("Ready to accept connections")) resume(Effect.succeed(child))
    })
  })

const redisServer = Effect.gen(function*() {
  const path = yield* directory
  const start = Effect.gen(function*() {
    const port = yield* freePort
    return { child: yield* launch(path, port), port }
  })
  const { port } = yield* Effect.acquireRelease(
    // Somebody else may take the port between the look and the launch.
    Effect.retry(start, { times: 5, while: (error) => error !== missing }),
    ({ child }) => Effect.sync(() => void child.kill())
  )
  return `redis://127.0.0.1:${port}`
})
