import { Error as PlatformError, FileSystem, Path } from "@effect/platform"
import { describe, expect } from "@effect/vitest"
import { Effect, Option } from "effect"
import { key, later, live, makeToken, open, openPlaintext, stored, token } from "../support/storage.ts"

/** A file system on which nothing can be written. */
const readOnly = FileSystem.FileSystem.pipe(Effect.map((fs): FileSystem.FileSystem => {
  const denied = (method: string) => () =>
    Effect.fail(
      new PlatformError.SystemError({
        reason: "PermissionDenied",
        module: "FileSystem",
        method,
        description: "EROFS: read-only file system"
      })
    )
  return { ...fs, writeFileString: denied("writeFile"), link: denied("link"), utimes: denied("utimes") }
}))

describe("a directory that cannot be written to", () => {
  live(
    "is read without a write, and fails a write with the reason",
    Effect.gen(function*() {
      const { directory, folder, fs } = yield* stored
      const storage = yield* open({ directory }).pipe(Effect.provideServiceEffect(FileSystem.FileSystem, readOnly))
      expect(yield* storage.get(key)).toEqual(Option.some(token))
      expect(yield* storage.get({ ...key, clientId: "other" })).toEqual(Option.none())
      expect((yield* fs.readDirectory(directory)).length).toBe(1)
      const error = yield* Effect.flip(storage.set(key, later))
      expect(error).toMatchObject({ operation: "set", reason: "Unavailable" })
      expect(error.message).toMatch(/EROFS.*can write to/)
      yield* fs.chmod(`${folder}/record.1`, 0o640)
      expect(yield* Effect.flip(storage.get(key))).toMatchObject({ reason: "Insecure" })
    })
  )

  live(
    "counts as empty if it does not exist, and reading does not make it",
    Effect.gen(function*() {
      const { directory, fs } = yield* stored
      const storage = yield* open({ directory: `${directory}/none` })
      expect(yield* storage.get(key)).toEqual(Option.none())
      expect(yield* fs.exists(`${directory}/none`)).toBe(false)
    })
  )
})

describe("a file or directory that must not be used", () => {
  type Stored = Effect.Effect.Success<typeof stored>

  const refused = (
    name: string,
    spoil: (stored: Stored) => Effect.Effect<unknown, unknown, FileSystem.FileSystem>,
    reason: "Insecure" | "Damaged",
    description: RegExp
  ) =>
    live(
      `${name}: get reports it, and the next set replaces it`,
      Effect.gen(function*() {
        const all = yield* stored
        yield* spoil(all)
        const error = yield* Effect.flip(all.storage.get(key))
        expect(error).toMatchObject({ _tag: "TokenStorageError", operation: "get", reason })
        expect(error.message).toMatch(description)
        // The record cannot be read, so the storage does not know that it holds this token.
        yield* all.storage.remove(key, token)
        yield* all.storage.set(key, makeToken("older", 0))
        expect(yield* all.storage.get(key)).toEqual(Option.some(makeToken("older", 0)))
        const left = name.startsWith("a directory") ? ["record.1", "record.2"] : ["record.2"]
        expect((yield* all.fs.readDirectory(all.folder)).toSorted()).toEqual(left)
      })
    )

  refused(
    "a symbolic link where the file should be",
    ({ directory, file, fs }) =>
      fs.rename(file, `${directory}/elsewhere`).pipe(Effect.zipRight(fs.symlink(`${directory}/elsewhere`, file))),
    "Insecure",
    /symbolic link/
  )
  refused(
    "a symbolic link to nowhere",
    ({ file, fs }) => Effect.zipRight(fs.remove(file), fs.symlink("/nowhere", file)),
    "Insecure",
    /symbolic link/
  )
  refused(
    "a directory where the file should be",
    ({ file, fs }) => Effect.zipRight(fs.remove(file), fs.makeDirectory(file, { mode: 0o700 })),
    "Insecure",
    /is not a file/
  )
  refused(
    "a file that every user can read",
    ({ file, fs }) => fs.chmod(file, 0o644),
    "Insecure",
    /open to users other than its owner.*mode 0644/
  )
  refused("a file that the group can write", ({ file, fs }) => fs.chmod(file, 0o620), "Insecure", /mode 0620/)
  refused("a truncated file", ({ file, fs }) => fs.truncate(file, 100), "Damaged", /damaged/)
  refused("a file that is too long", ({ file, fs }) => fs.truncate(file, 2 ** 21), "Damaged", /longer than any record/)
  refused(
    "a flipped bit",
    ({ file, fs }) =>
      Effect.flatMap(
        fs.readFileString(file),
        (record) =>
          fs.writeFileString(
            file,
            record.replace(/"ciphertext":"(.)/, (_, first) => `"ciphertext":"${first === "A" ? "B" : "A"}`)
          )
      ),
    "Damaged",
    /damaged/
  )
  refused(
    "an expiry that was changed",
    ({ file, fs }) =>
      Effect.flatMap(
        fs.readFileString(file),
        (record) => fs.writeFileString(file, record.replace(/"expiresAt":\d+/, `"expiresAt":1`))
      ),
    "Damaged",
    /damaged/
  )

  /** A file system on which everything that matches belongs to another user. */
  const owning = (others: RegExp) =>
    FileSystem.FileSystem.pipe(Effect.map((fs): FileSystem.FileSystem => ({
      ...fs,
      stat: (path) =>
        Effect.map(fs.stat(path), (info) => others.test(path) ? { ...info, uid: Option.some(4242) } : info)
    })))

  live(
    "a file, folder or directory of another user: get reports it",
    Effect.gen(function*() {
      const { directory, storage } = yield* stored
      for (const others of [/record\.\d+$/, /tokens$/, /tokens\/[^/]+$(?<!tmp\.[^/]+)/]) {
        const theirs = yield* open({ directory }).pipe(
          Effect.provideServiceEffect(FileSystem.FileSystem, owning(others))
        )
        const error = yield* Effect.flip(theirs.get(key))
        expect(error).toMatchObject({ reason: "Insecure" })
        expect(error.message).toMatch(/belongs to user 4242/)
      }
      expect(yield* storage.get(key)).toEqual(Option.some(token))
    })
  )

  live(
    "a directory or folder that other users can enter: nothing is read or written, and the error says how to close it",
    Effect.gen(function*() {
      const { directory, folder, fs } = yield* stored
      for (const open of [directory, folder]) {
        yield* fs.chmod(open, 0o755)
        const storage = yield* openPlaintext(directory)
        for (const use of [storage.get(key), storage.set(key, later), Effect.scoped(storage.lease(key))]) {
          const error = yield* Effect.flip(Effect.asVoid<unknown, unknown, never>(use))
          expect(error).toMatchObject({ reason: "Insecure" })
          expect(String(error)).toMatch(/mode 0755.*chmod go=/)
        }
        yield* fs.chmod(open, 0o700)
        expect(yield* fs.readDirectory(folder)).toEqual(["record.1"])
      }
    })
  )

  live(
    "a file system that keeps no permissions: nothing is read or written, and the error says why",
    Effect.gen(function*() {
      const { directory, folder, fs } = yield* stored
      const lax: FileSystem.FileSystem = {
        ...fs,
        stat: (path) => Effect.map(fs.stat(path), (info) => ({ ...info, mode: 0o100777 }))
      }
      const storage = yield* open({ directory }).pipe(Effect.provideService(FileSystem.FileSystem, lax))
      for (const use of [storage.get(key), storage.set(key, later)]) {
        const error = yield* Effect.flip(Effect.asVoid<unknown, unknown, never>(use))
        expect(error).toMatchObject({ reason: "Insecure" })
        expect(String(error)).toMatch(
          /keeps no permissions \(.*has mode 0777.*Give a `directory` on another file system/
        )
      }
      expect(yield* fs.readDirectory(folder)).toEqual(["record.1"])
    })
  )

  live(
    "a file system without Unix permissions on Windows: files are used",
    Effect.gen(function*() {
      const { directory, fs } = yield* stored
      const lax: FileSystem.FileSystem = {
        ...fs,
        stat: (path) => Effect.map(fs.stat(path), (info) => ({ ...info, mode: 0o100666 }))
      }
      const windows = Effect.map(Path.Path, (path): Path.Path => ({ ...path, sep: "\\" }))
      const storage = yield* open({ directory }).pipe(
        Effect.provideService(FileSystem.FileSystem, lax),
        Effect.provideServiceEffect(Path.Path, windows)
      )
      expect(yield* storage.get(key)).toEqual(Option.some(token))
    })
  )

  live(
    "a symbolic link in place of a token's folder: get and set report it",
    Effect.gen(function*() {
      const { directory, folder, fs, storage } = yield* stored
      yield* fs.rename(folder, `${directory}/elsewhere`)
      yield* fs.symlink(`${directory}/elsewhere`, folder)
      expect((yield* Effect.flip(storage.get(key))).reason).toBe("Insecure")
      expect((yield* Effect.flip(storage.set(key, later))).reason).toBe("Insecure")
    })
  )

  live(
    "a file in place of the directory: the error says so and names the option",
    Effect.gen(function*() {
      const { directory, fs } = yield* stored
      yield* fs.writeFileString(`${directory}/file`, "", { mode: 0o600 })
      const storage = yield* open({ directory: `${directory}/file` })
      expect((yield* Effect.flip(storage.get(key))).message).toMatch(/is not a directory.*another `directory`/)
      for (const use of [storage.set(key, token), Effect.scoped(storage.lease(key))]) {
        expect((yield* Effect.flip(use)).message).toMatch(/EEXIST.*not a directory is in the way.*another `directory`/)
      }
    })
  )

  live(
    "a directory that cannot be made: each operation fails until it can be made",
    Effect.gen(function*() {
      const { file, fs } = yield* stored
      const storage = yield* open({ directory: `${file}/below` })
      expect(yield* Effect.flip(storage.get(key))).toMatchObject({ reason: "Unavailable", operation: "get" })
      expect(yield* Effect.flip(storage.set(key, token))).toMatchObject({ reason: "Unavailable", operation: "set" })
      yield* fs.remove(file)
      yield* storage.set(key, token)
      expect(yield* storage.get(key)).toEqual(Option.some(token))
    })
  )
})
