import { Error as PlatformError, FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Option, Redacted, Scope } from "effect"
import { AccessToken, TokenStorage } from "../../src/index.ts"

const key: TokenStorage.TokenKey = {
  issuer: "https://auth.example.com",
  clientId: "nightly-report",
  authenticationMethod: "client_secret_basic",
  grantType: "client_credentials",
  resource: "https://mcp.example.com/mcp",
  subject: "",
  scopes: [],
  parameters: []
}

const makeToken = (value: string, issuedAt = 1) =>
  new AccessToken.AccessToken({
    value: Redacted.make(`canary-${value}`),
    tokenType: "Bearer",
    scopes: ["a"],
    issuer: key.issuer,
    issuedAt,
    expiresAt: Number.MAX_SAFE_INTEGER
  })

const token = makeToken("first")
const later = makeToken("later", 2)

const encryptionKey = Redacted.make(Buffer.alloc(32, 7).toString("base64url"))

const open = (options: TokenStorage.FileSystemOptions) =>
  Effect.map(
    Layer.build(TokenStorage.layerFileSystem({ encryptionKey, ...options })),
    Context.get(TokenStorage.TokenStorage)
  )

const openPlaintext = (directory: string) =>
  Effect.map(
    Layer.build(TokenStorage.layerFileSystemPlaintext({ directory })),
    Context.get(TokenStorage.TokenStorage)
  )

/** A directory with a token in it, its storage, and where the token is. */
const stored = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* Effect.map(fs.makeTempDirectoryScoped(), (temporary) => `${temporary}/tokens`)
  const storage = yield* open({ directory })
  yield* storage.set(key, token)
  const folder = `${directory}/${yield* TokenStorage.keyDigest(key)}`
  return { directory, file: `${folder}/record.1`, folder, fs, storage }
})

const modeOf = (path: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => Effect.map(fs.stat(path), ({ mode }) => (mode & 0o777).toString(8)))

const live = <A, E>(
  name: string,
  body: Effect.Effect<A, E, FileSystem.FileSystem | NodeContext.NodeContext | Scope.Scope>
) => it.scopedLive(name, () => Effect.provide(body, NodeContext.layer))

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

describe("what must not be used", () => {
  type Stored = Effect.Effect.Success<typeof stored>

  const refused = (
    name: string,
    spoil: (stored: Stored) => Effect.Effect<unknown, unknown, FileSystem.FileSystem>,
    reason: "Insecure" | "Damaged",
    description: RegExp
  ) =>
    live(
      `${name}: it is reported, and replaced`,
      Effect.gen(function*() {
        const all = yield* stored
        yield* spoil(all)
        const error = yield* Effect.flip(all.storage.get(key))
        expect(error).toMatchObject({ _tag: "TokenStorageError", operation: "get", reason })
        expect(error.message).toMatch(description)
        // Not known to be the token that is meant.
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
    /is no file/
  )
  refused("a file that all can read", ({ file, fs }) => fs.chmod(file, 0o644), "Insecure", /open to others.*mode 0644/)
  refused("a file that the group can write", ({ file, fs }) => fs.chmod(file, 0o620), "Insecure", /mode 0620/)
  refused("a truncated file", ({ file, fs }) => fs.truncate(file, 100), "Damaged", /damaged/)
  refused("a file that is too long", ({ file, fs }) => fs.truncate(file, 2 ** 21), "Damaged", /damaged/)
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
    "an expiry that somebody has moved",
    ({ file, fs }) =>
      Effect.flatMap(
        fs.readFileString(file),
        (record) => fs.writeFileString(file, record.replace(/"expiresAt":\d+/, `"expiresAt":1`))
      ),
    "Damaged",
    /damaged/
  )

  /** The file system as it is to a user who owns nothing of what matches. */
  const owning = (others: RegExp) =>
    FileSystem.FileSystem.pipe(Effect.map((fs): FileSystem.FileSystem => ({
      ...fs,
      stat: (path) =>
        Effect.map(fs.stat(path), (info) => others.test(path) ? { ...info, uid: Option.some(4242) } : info)
    })))

  live(
    "a file, or a directory, of somebody else: it is reported",
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
    "a directory that others can enter: nothing is read or written, and it is said how to close it",
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
    "a symbolic link in place of a token's directory",
    Effect.gen(function*() {
      const { directory, folder, fs, storage } = yield* stored
      yield* fs.rename(folder, `${directory}/elsewhere`)
      yield* fs.symlink(`${directory}/elsewhere`, folder)
      expect((yield* Effect.flip(storage.get(key))).reason).toBe("Insecure")
      expect((yield* Effect.flip(storage.set(key, later))).reason).toBe("Insecure")
    })
  )

  live(
    "a directory that cannot be made is an error, each time, and no more than that",
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

describe("the lease", () => {
  /** A process that was stopped: its clock beats no more. */
  const stopped = FileSystem.FileSystem.pipe(Effect.map((fs): FileSystem.FileSystem => ({
    ...fs,
    utimes: (path, ...times) => path.includes("lease.") ? Effect.void : fs.utimes(path, ...times)
  })))

  live(
    "of a holder that was stopped goes to the next, and does not come back with it",
    Effect.gen(function*() {
      const { directory } = yield* stored
      const options = { directory, leaseDuration: "100 millis" } as const
      const holder = yield* open(options).pipe(Effect.provideServiceEffect(FileSystem.FileSystem, stopped))
      const first = yield* Scope.make()
      yield* Scope.extend(holder.lease(key), first)
      const second = yield* Scope.make()
      yield* Scope.extend((yield* open(options)).lease(key), second)
      // It wakes up, and has nothing to release.
      yield* Scope.close(first, Exit.void)
      const third = yield* open(options)
      const waiting = yield* Effect.fork(Effect.scoped(third.lease(key)))
      yield* Effect.repeatN(third.get(key), 20)
      expect(Option.isNone(yield* Fiber.poll(waiting))).toBe(true)
      yield* Scope.close(second, Exit.void)
      yield* Fiber.join(waiting)
    })
  )

  live(
    "of a holder that is alive does not end",
    Effect.gen(function*() {
      const { directory } = yield* stored
      const beats: Array<string> = []
      const counting = FileSystem.FileSystem.pipe(Effect.map((fs): FileSystem.FileSystem => ({
        ...fs,
        utimes: (path, ...times) => {
          if (path.includes("lease.")) beats.push(path)
          return fs.utimes(path, ...times)
        }
      })))
      const options = { directory, leaseDuration: "3 seconds" } as const
      const holder = yield* open(options).pipe(Effect.provideServiceEffect(FileSystem.FileSystem, counting))
      const first = yield* Scope.make()
      yield* Scope.extend(holder.lease(key), first)
      const waiting = yield* open(options).pipe(Effect.flatMap(({ lease }) => Effect.fork(Effect.scoped(lease(key)))))
      // Each a quarter of the lease: longer than the lease as a whole.
      yield* Effect.yieldNow().pipe(
        Effect.zipRight(Effect.sleep("20 millis")),
        Effect.repeat({ until: () => beats.length >= 6 })
      )
      expect(Option.isNone(yield* Fiber.poll(waiting))).toBe(true)
      yield* Scope.close(first, Exit.void)
      yield* Fiber.join(waiting)
    })
  )
})
