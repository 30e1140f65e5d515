import { Error as PlatformError, FileSystem } from "@effect/platform"
import { describe, expect } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { key, later, live, makeToken, open, stored, token } from "../support/storage.ts"

const modeOf = (path: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => Effect.map(fs.stat(path), ({ mode }) => (mode & 0o777).toString(8)))

describe("what is on the disk", () => {
  live(
    "is open to its owner only, and tells neither token, nor client, nor URL",
    Effect.gen(function*() {
      const { directory, file, folder, fs, storage } = yield* stored
      yield* storage.lease(key)
      expect(yield* modeOf(directory)).toBe("700")
      expect(yield* modeOf(folder)).toBe("700")
      expect(yield* modeOf(file)).toBe("600")
      const files = yield* fs.readDirectory(directory, { recursive: true })
      expect(files.length).toBe(3)
      for (const name of files) {
        expect(name).toMatch(/^[\w-]{43}(\/(record|lease)\.1)?$/)
        if (name.includes("/")) {
          expect(yield* modeOf(`${directory}/${name}`)).toBe("600")
          expect(yield* fs.readFileString(`${directory}/${name}`)).not.toMatch(/canary|nightly|example/)
        }
      }
    })
  )

  live(
    "is the last token alone: neither one that was replaced, nor one that was removed, nor what a killed process left",
    Effect.gen(function*() {
      const { folder, fs, storage } = yield* stored
      yield* fs.writeFileString(`${folder}/tmp.killed`, "half a rec", { mode: 0o600 })
      yield* fs.utimes(`${folder}/tmp.killed`, new Date(0), new Date(0))
      yield* fs.writeFileString(`${folder}/tmp.busy`, "half a rec", { mode: 0o600 })
      yield* storage.set(key, later)
      expect((yield* fs.readDirectory(folder)).toSorted()).toEqual(["record.2", "tmp.busy"])
      yield* storage.remove(key, later)
      expect(yield* fs.readFileString(`${folder}/record.3`)).toBe("")
      expect((yield* fs.readDirectory(folder)).toSorted()).toEqual(["record.3", "tmp.busy"])
    })
  )

  live(
    "is there again if somebody has cleared it away",
    Effect.gen(function*() {
      const { directory, fs, storage } = yield* stored
      yield* fs.remove(directory, { recursive: true })
      expect(yield* storage.get(key)).toEqual(Option.none())
      yield* storage.set(key, token)
      expect(yield* storage.get(key)).toEqual(Option.some(token))
      expect(yield* modeOf(directory)).toBe("700")
    })
  )
})

describe("a writer that was stopped between its look and its write", () => {
  for (
    const [name, mine, expected] of [["the earlier one", makeToken("mine", 1), "theirs"], [
      "the later one",
      makeToken("mine", 9),
      "mine"
    ]] as const
  ) {
    live(
      `finds a free number that the others are past, and does not take it: ${name} of two goes`,
      Effect.gen(function*() {
        const { directory, folder, fs, storage } = yield* stored
        let stopped = false
        const slow: FileSystem.FileSystem = {
          ...fs,
          link: (from, to) => {
            if (stopped || !to.includes("record.")) return fs.link(from, to)
            stopped = true
            return Effect.orDie(storage.set(key, makeToken("meanwhile", 2))).pipe(
              Effect.zipRight(Effect.orDie(storage.set(key, makeToken("theirs", 3)))),
              Effect.zipRight(fs.link(from, to))
            )
          }
        }
        const writer = yield* open({ directory }).pipe(Effect.provideService(FileSystem.FileSystem, slow))
        yield* writer.set(key, mine)
        const kept = Option.getOrThrow(yield* storage.get(key))
        expect(Redacted.value(kept.value)).toBe(`canary-${expected}`)
        expect((yield* fs.readDirectory(folder)).length).toBe(1)
      })
    )
  }

  live(
    "gives up if it never comes first",
    Effect.gen(function*() {
      const { directory, fs } = yield* stored
      const taken = new PlatformError.SystemError({
        reason: "AlreadyExists",
        module: "FileSystem",
        method: "link",
        description: "EEXIST"
      })
      const slow: FileSystem.FileSystem = { ...fs, link: () => Effect.fail(taken) }
      const writer = yield* open({ directory }).pipe(Effect.provideService(FileSystem.FileSystem, slow))
      const error = yield* Effect.flip(writer.set(key, later))
      expect(error).toMatchObject({ operation: "set", reason: "Unavailable" })
      expect(error.message).toMatch(/does not hold still/)
    })
  )
})

describe("trouble of the file system", () => {
  const trouble = (method: string) =>
    new PlatformError.SystemError({
      reason: "Unknown",
      module: "FileSystem",
      method,
      description: "EIO: i/o error"
    })

  live(
    "a record that cannot be read is reported, and replaced",
    Effect.gen(function*() {
      const { directory, fs, storage } = yield* stored
      const broken: FileSystem.FileSystem = {
        ...fs,
        readFileString: (path, ...args) =>
          path.endsWith("record.1") ? Effect.fail(trouble("readFile")) : fs.readFileString(path, ...args)
      }
      const other = yield* open({ directory }).pipe(Effect.provideService(FileSystem.FileSystem, broken))
      expect((yield* Effect.flip(other.get(key))).message).toMatch(/EIO/)
      yield* other.set(key, later)
      expect(yield* storage.get(key)).toEqual(Option.some(later))
    })
  )

  live(
    "a folder that somebody removes between two steps is made again",
    Effect.gen(function*() {
      const { directory, folder, fs, storage } = yield* stored
      let removals = 0
      const cleared: FileSystem.FileSystem = {
        ...fs,
        stat: (path) =>
          path === folder && removals < 2
            ? Effect.zipRight(
              Effect.sync(() => removals++),
              Effect.zipRight(fs.remove(folder, { recursive: true }), fs.stat(path))
            )
            : fs.stat(path)
      }
      const other = yield* open({ directory }).pipe(Effect.provideService(FileSystem.FileSystem, cleared))
      yield* other.set(key, later)
      expect(removals).toBe(2)
      expect(yield* storage.get(key)).toEqual(Option.some(later))
    })
  )

  live(
    "a lease whose taking fails at the last step is not held by nobody",
    Effect.gen(function*() {
      const { directory, fs, storage } = yield* stored
      let fails = false
      const broken: FileSystem.FileSystem = {
        ...fs,
        link: (from, to) =>
          Effect.tap(fs.link(from, to), () =>
            Effect.sync(() => {
              fails = true
            })),
        readDirectory: (path, ...args) =>
          fails ? Effect.fail(trouble("readDirectory")) : fs.readDirectory(path, ...args)
      }
      const other = yield* open({ directory, leaseDuration: "1 day" }).pipe(
        Effect.provideService(FileSystem.FileSystem, broken)
      )
      expect((yield* Effect.flip(Effect.scoped(other.lease(key)))).message).toMatch(/EIO/)
      yield* Effect.scoped(storage.lease(key))
    })
  )
})
