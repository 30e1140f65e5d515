/**
 * The storage that the processes of `pnpm demo:fleet` share: empty at first, removed when the scope closes.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as RedisServer from "../servers/RedisServer.ts"
import type { Settings } from "./Messages.ts"

export const kinds = ["redis", "file", "memory"] as const
export type Kind = typeof kinds[number]

export const open = (kind: Kind): Effect.Effect<Settings["storage"], RedisServer.NoRedis, Scope.Scope> =>
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

const redisServer = Effect.mapError(RedisServer.make, ({ message, reason }) =>
  new RedisServer.NoRedis({
    reason,
    message: reason === "Missing"
      ? "There is no redis-server here. Install it, set REDIS_URL, or use --storage file."
      : message
  }))
