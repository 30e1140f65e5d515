import { Error as PlatformError, FileSystem } from "@effect/platform"
import { describe, expect } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { key, later, live, makeToken, open, stored, token } from "../support/storage.ts"

const modeOf = (path: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => Effect.map(fs.stat(path), ({ mode }) => (mode & 0o777).toString(8)))

describe("a directory of tokens", () => {
  live(
    "is open to its owner only, and shows no token, client or URL in names or contents",
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
    "holds the last token alone: no replaced token, no removed token, no file of a killed process",
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
    "is made again after an operator has deleted it",
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

describe("a writer that was paused between reading and writing", () => {
  for (
    const [name, mine, expected] of [
      ["loses to a token that was issued later", makeToken("mine", 1), "theirs"],
      ["replaces a token that was issued earlier", makeToken("mine", 9), "mine"]
    ] as const
  ) {
    live(
      `does not take a free number below the highest, and ${name}`,
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
        const found = Option.getOrThrow(yield* storage.get(key))
        expect(Redacted.value(found.value)).toBe(`canary-${expected}`)
        expect((yield* fs.readDirectory(folder)).length).toBe(1)
      })
    )
  }

  live(
    "fails with TokenStorageError if other processes are faster at each of 100 attempts",
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
      expect(error.message).toMatch(/keeps changing/)
    })
  )
})

describe("a failing file system", () => {
  const trouble = (method: string) =>
    new PlatformError.SystemError({
      reason: "Unknown",
      module: "FileSystem",
      method,
      description: "EIO: i/o error"
    })

  live(
    "makes a record unreadable: get reports it, and the next set replaces it",
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
    "loses the folder between two steps: set makes it again",
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
    "fails at the last step of taking a lease: the lease stays free for others",
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
