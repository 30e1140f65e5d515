import type { TokenStorage } from "@effect-mcp-auth/core"
import { AccessToken, TokenKey } from "@effect-mcp-auth/core"
import { FileSystem } from "@effect/platform"
import { describe, expect } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { key, later, live, makeToken, open, stored } from "../support/storage.ts"

/** Well past the grace period of 1 minute, so that no test compares a time of the file system with now. */
const twoMinutesAgo = () => new Date(Date.now() - 120_000)
const inAnHour = () => new Date(Date.now() + 3_600_000)

describe("a write to the file storage", () => {
  /** The folder of another client. Its token has expired unless `theirs` is given. */
  const another = (
    storage: TokenStorage.TokenStorage.Service,
    directory: string,
    theirs: AccessToken.AccessToken = makeToken("expired", 1, Date.now())
  ) =>
    Effect.gen(function*() {
      const other = { ...key, clientId: crypto.randomUUID() }
      yield* storage.set(other, theirs)
      yield* Effect.scoped(storage.lease(other))
      return `${directory}/${yield* TokenKey.digest(other)}`
    })

  /**
   * Makes all files and folders two minutes old, except those that expire in half an hour or later. A test for "before
   * now" would miss a file that was just written: the kernel's time can be the present millisecond, and Node rounds it
   * up.
   */
  const age = (directory: string) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      for (const file of yield* fs.readDirectory(directory, { recursive: true })) {
        const { mtime } = yield* fs.stat(`${directory}/${file}`)
        if (Option.exists(mtime, (time) => time.getTime() < Date.now() + 1_800_000)) {
          yield* fs.utimes(`${directory}/${file}`, twoMinutesAgo(), twoMinutesAgo())
        }
      }
    })

  live(
    "removes a few abandoned folders, and leaves those with a valid, refreshable, foreign or leased file",
    Effect.gen(function*() {
      const { directory, folder, fs, storage } = yield* stored
      const valid = yield* another(storage, directory, makeToken("valid", 1, Date.now() + 3_600_000))
      const expired = makeToken("expired", 1, Date.now())
      const refreshable = yield* another(
        storage,
        directory,
        AccessToken.copy(expired, { refreshToken: Redacted.make("canary-refresh") })
      )
      const foreign = yield* another(storage, directory)
      yield* fs.writeFileString(`${foreign}/notes.txt`, "not ours", { mode: 0o600 })
      const leased = yield* another(storage, directory)
      yield* fs.writeFileString(`${leased}/lease.99`, "somebody", { mode: 0o600 })
      const abandoned = yield* Effect.replicateEffect(another(storage, directory), 20)
      yield* fs.writeFileString(`${directory}/tmp.killed`, "", { mode: 0o600 })
      yield* age(directory)
      yield* fs.utimes(`${leased}/lease.99`, inAnHour(), inAnHour())

      const files = Effect.map(fs.readDirectory(directory), (names) => names.map((name) => `${directory}/${name}`))
      yield* storage.set(key, makeToken("next", 3))
      expect((yield* files).length).toBeGreaterThan(10)
      let issuedAt = 4
      yield* Effect.suspend(() => storage.set(key, makeToken("next", issuedAt++))).pipe(
        Effect.zipRight(files),
        Effect.repeat({ until: (left) => left.length <= 5 })
      )
      expect((yield* files).toSorted()).toEqual([folder, valid, refreshable, foreign, leased].toSorted())
      for (const gone of [...abandoned, `${directory}/tmp.killed`]) expect(yield* fs.exists(gone)).toBe(false)
    })
  )

  live(
    "leaves an abandoned folder that another process writes to at the moment of its removal",
    Effect.gen(function*() {
      const { directory, fs, storage } = yield* stored
      const folder = yield* another(storage, directory)
      yield* age(directory)
      let returned = false
      const busy: FileSystem.FileSystem = {
        ...fs,
        rename: (from, to) =>
          Effect.zipRight(
            Effect.suspend(() => {
              if (from !== folder || returned) return Effect.void
              returned = true
              return fs.writeFileString(`${folder}/record.2`, "new", { mode: 0o600 }).pipe(
                Effect.zipRight(fs.utimes(`${folder}/record.2`, inAnHour(), inAnHour()))
              )
            }),
            fs.rename(from, to)
          )
      }
      const writer = yield* open({ directory }).pipe(Effect.provideService(FileSystem.FileSystem, busy))
      yield* writer.set(key, later)
      expect(returned).toBe(true)
      expect(yield* fs.readFileString(`${folder}/record.2`)).toBe("new")
      expect((yield* fs.readDirectory(directory)).length).toBe(2)
    })
  )
})
