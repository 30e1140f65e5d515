import { AssertionProvider } from "@effect-mcp-auth/core/AssertionProvider"
import { File } from "@effect-mcp-auth/workload-identity"
import { Error as PlatformError, FileSystem } from "@effect/platform"
import { assert, describe, expect, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Option, Redacted, TestClock } from "effect"
import { claimsOf, environment, failureOf, good, jwt, request } from "./support.ts"

const path = "/var/run/secrets/tokens/mcp"

interface Entry {
  readonly type: FileSystem.File.Type
  readonly content: Uint8Array
  readonly mtime: Option.Option<Date>
  readonly ino: number
}

/** A file system with one file at most. */
class Disk {
  entry: Entry | PlatformError.PlatformError | undefined
  reads = 0
  looks = 0
  #inodes = 0
  beforeRead: Effect.Effect<void> = Effect.void

  /** Replaces the file by another inode, as Kubernetes does with a symbolic link. */
  readonly write = (content: string | Uint8Array, changes: Partial<Entry> = {}) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      this.entry = {
        type: "File",
        content: typeof content === "string" ? new TextEncoder().encode(content) : content,
        mtime: Option.some(new Date(now)),
        ino: ++this.#inodes,
        ...changes
      }
    })

  readonly #find = (method: string) =>
    Effect.suspend(() =>
      this.entry === undefined
        ? Effect.fail(
          new PlatformError.SystemError({
            reason: "NotFound",
            module: "FileSystem",
            method,
            pathOrDescriptor: path,
            description: "ENOENT"
          })
        )
        : "type" in this.entry
        ? Effect.succeed(this.entry)
        : Effect.fail(this.entry)
    )

  readonly layer = FileSystem.layerNoop({
    stat: (asked) =>
      Effect.map(this.#find("stat"), ({ content, ino, mtime, type }): FileSystem.File.Info => {
        expect(asked).toBe(path)
        this.looks++
        return {
          type,
          mtime,
          atime: Option.none(),
          birthtime: Option.none(),
          dev: 1,
          ino: Option.some(ino),
          mode: 0o644,
          nlink: Option.none(),
          uid: Option.none(),
          gid: Option.none(),
          rdev: Option.none(),
          size: FileSystem.Size(content.byteLength),
          blksize: Option.none(),
          blocks: Option.none()
        }
      }),
    readFile: () =>
      Effect.zipRight(this.beforeRead, this.#find("readFile")).pipe(
        Effect.map(({ content }) => {
          this.reads++
          return content
        })
      )
  })
}

const onDisk = <A, E>(f: (disk: Disk) => Effect.Effect<A, E, FileSystem.FileSystem>): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    const disk = new Disk()
    return Effect.provide(f(disk), disk.layer)
  })

const same = (assertion: Redacted.Redacted<string>, token: string) =>
  expect(Redacted.value(assertion) === token).toBe(true)

const options = { path }

describe("a token file", () => {
  it.effect("supplies its token", () =>
    onDisk((disk) =>
      Effect.gen(function*() {
        yield* disk.write(`${good()}\n`)
        same(yield* (yield* File.make(options))(request), good())
      })
    ))

  it.effect("is read once, and again when it has changed", () =>
    onDisk((disk) =>
      Effect.gen(function*() {
        yield* disk.write(good({ number: "1" }))
        yield* TestClock.adjust("1 minute")
        const provider = yield* File.make(options)
        yield* provider(request)
        yield* provider(request)
        expect(disk.looks).toBe(2)
        expect(disk.reads).toBe(1)
        yield* disk.write(good({ number: "2" }))
        yield* TestClock.adjust("1 minute")
        expect(claimsOf(yield* provider(request))["number"]).toBe("2")
        yield* provider(request)
        expect(disk.reads).toBe(2)
      })
    ))

  it.effect("is read again after a change right after it was read, however coarse the clock of the disk", () =>
    onDisk((disk) =>
      Effect.gen(function*() {
        yield* disk.write(good({ number: "1" }), { ino: 1 })
        const provider = yield* File.make(options)
        yield* provider(request)
        yield* disk.write(good({ number: "2" }), { ino: 1 })
        expect(claimsOf(yield* provider(request))["number"]).toBe("2")
      })
    ))

  it.effect("without a time of change is read for each request", () =>
    onDisk((disk) =>
      Effect.gen(function*() {
        yield* disk.write(good(), { mtime: Option.none() })
        const provider = yield* File.make(options)
        yield* provider(request)
        yield* provider(request)
        expect(disk.reads).toBe(2)
      })
    ))

  it.effect("is read again near the end of its token, and when the token was refused", () =>
    onDisk((disk) =>
      Effect.gen(function*() {
        yield* disk.write(good())
        yield* TestClock.adjust("1 minute")
        const provider = yield* File.make(options)
        const first = yield* provider(request)
        yield* provider({ ...request, refused: [Redacted.make("canary-another")] })
        expect(disk.reads).toBe(1)
        yield* provider({ ...request, refused: [first] })
        expect(disk.reads).toBe(2)
        yield* TestClock.adjust("58 minutes")
        yield* provider(request)
        expect(disk.reads).toBe(3)
        yield* TestClock.adjust("1 minute")
        const error = yield* failureOf(provider)
        expect(error.reason).toBe("Expired")
        expect(error.message).toContain(`The token in ${path} expired at 1970-01-01T01:00:00.000Z, and was not sent.`)
      })
    ))

  it.effect("fails with InvalidOptions for an empty path", () =>
    onDisk(() =>
      Effect.gen(function*() {
        expect((yield* Effect.flip(File.make({ path: "" }))).option).toBe("path")
      })
    ))

  it.effect.each<readonly [option: string, value: unknown]>([
    ["path", undefined],
    ["path", null],
    ["path", 7],
    ["path", "/var/run/secrets/token\n"],
    ["audience", ""],
    ["audience", null]
  ])(
    "fails with InvalidOptions for a `%s` that a variable has not set, or that is damaged: %s",
    ([option, value]) =>
      onDisk(() =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(File.make(Object.assign({}, options, Object.fromEntries([[option, value]]))))
          expect(error.option).toBe(option)
        })
      )
  )

  it.effect("supplies its token only for the token's audience", () =>
    onDisk((disk) =>
      Effect.gen(function*() {
        yield* disk.write(good({ aud: "api://AzureADTokenExchange" }))
        expect((yield* failureOf(yield* File.make(options))).reason).toBe("WrongAudience")
        yield* (yield* File.make({ ...options, audience: "api://AzureADTokenExchange" }))(request)
      })
    ))

  it.effect("may contain an opaque token, or one for `audience`", () =>
    onDisk((disk) =>
      Effect.gen(function*() {
        yield* disk.write("canary-opaque-token")
        same(yield* (yield* File.make({ ...options, opaque: true }))(request), "canary-opaque-token")
        expect((yield* failureOf(yield* File.make(options))).message).toContain("is not a whole JWT")
        yield* disk.write("canary token")
        expect((yield* failureOf(yield* File.make({ ...options, opaque: true }))).message).toContain(
          "has characters that no assertion has"
        )
        for (const claims of [{ exp: "canary" }, { aud: 1 }]) {
          yield* disk.write(good(claims))
          const error = yield* failureOf(yield* File.make({ ...options, opaque: true }))
          expect(error.message).toContain("is not a whole JWT")
        }
      })
    ))
})

/** Files that contain no usable token, each with its error. */
const broken: ReadonlyArray<
  readonly [name: string, put: (disk: Disk) => Effect.Effect<void>, reason: string, says: string]
> = [
  ["empty", (disk) => disk.write(""), "Malformed", "is empty"],
  ["white space", (disk) => disk.write(" \n"), "Malformed", "is empty"],
  ["half a header", (disk) => disk.write(good().slice(0, 10)), "Malformed", "is not a whole JWT"],
  ["half of the claims", (disk) => disk.write(good().slice(0, 50)), "Malformed", "is not a whole JWT"],
  ["half a signature", (disk) => disk.write(good().slice(0, -10)), "Malformed", "is cut off"],
  ["a token without its last character", (disk) => disk.write(good().slice(0, -1)), "Malformed", "is cut off"],
  ["bytes that are not text", (disk) => disk.write(new Uint8Array([0xff, 0xfe, 0])), "Malformed", "is not a whole JWT"],
  [
    "a token for another audience",
    (disk) => disk.write(good({ aud: "https://other.example", exp: 7200 })),
    "WrongAudience",
    "is for https://other.example, and was not sent"
  ],
  ["an expired token", (disk) => disk.write(good({ exp: 10 })), "Expired", "expired at 1970-01-01T00:00:10.000Z"],
  ["a directory", (disk) => disk.write("", { type: "Directory" }), "Malformed", "is a directory"],
  ["a pipe", (disk) => disk.write("", { type: "FIFO" }), "Malformed", "is not a file but of type FIFO"],
  ["a file that is too large", (disk) => disk.write(new Uint8Array(65_537)), "Malformed", "is larger than 65536 bytes"],
  [
    "gone",
    (disk) =>
      Effect.sync(() => {
        disk.entry = undefined
      }),
    "Unavailable",
    "does not exist. Kubernetes mounts it where the pod's spec has a projected volume with `serviceAccountToken`."
  ],
  [
    "locked",
    (disk) =>
      Effect.sync(() => {
        disk.entry = new PlatformError.SystemError({
          reason: "PermissionDenied",
          module: "FileSystem",
          method: "stat",
          pathOrDescriptor: path
        })
      }),
    "Unavailable",
    "cannot be read by this process: it has no permission"
  ],
  [
    "unreadable",
    (disk) =>
      Effect.sync(() => {
        disk.entry = new PlatformError.BadArgument({ module: "FileSystem", method: "stat" })
      }),
    "Unavailable",
    "could not be read"
  ]
]

describe("a file that is broken", () => {
  it.effect.each(broken)(
    "supplies no token, and the error says why: %s",
    ([, put, reason, says]) =>
      onDisk((disk) =>
        Effect.gen(function*() {
          yield* put(disk)
          yield* TestClock.adjust("10 seconds")
          const error = yield* failureOf(yield* File.make(options))
          expect(error.reason).toBe(reason)
          expect(error.message).toContain(path)
          expect(error.message).toContain(says)
        })
      )
  )

  it.effect.each(broken)(
    "supplies the last good token while that is valid and not refused: %s",
    ([, put, reason]) =>
      onDisk((disk) =>
        Effect.gen(function*() {
          yield* disk.write(good())
          const provider = yield* File.make(options)
          yield* provider(request)
          yield* TestClock.adjust("1 minute")
          yield* put(disk)
          yield* TestClock.adjust("1 minute")
          same(yield* provider(request), good())
          same(yield* provider(request), good())
          expect((yield* failureOf(provider, { refused: [Redacted.make(good())] })).reason).toBe(reason)
          yield* TestClock.adjust("58 minutes")
          expect((yield* failureOf(provider)).reason).toBe(reason)
          yield* disk.write(good({ exp: 7200 }))
          same(yield* provider(request), good({ exp: 7200 }))
        })
      )
  )

  it.effect("fails with a transient error if it was changed a moment ago", () =>
    onDisk((disk) =>
      Effect.gen(function*() {
        yield* disk.write("")
        const provider = yield* File.make(options)
        const error = yield* failureOf(provider)
        expect(error.reason).toBe("Unavailable")
        expect(error.message).toContain("is empty")
        yield* TestClock.adjust("10 seconds")
        expect((yield* failureOf(provider)).reason).toBe("Malformed")
        yield* disk.write(good())
        same(yield* provider(request), good())
      })
    ))

  it.effect("fails if it disappears or grows between the check and the reading", () =>
    onDisk((disk) =>
      Effect.gen(function*() {
        const provider = yield* File.make(options)
        yield* disk.write(good())
        disk.beforeRead = disk.write(new Uint8Array(65_537))
        expect((yield* failureOf(provider)).message).toContain("is larger than 65536 bytes")
        yield* disk.write(good())
        disk.beforeRead = Effect.sync(() => {
          disk.entry = undefined
        })
        expect((yield* failureOf(provider)).message).toContain("does not exist")
      })
    ))

  it.effect("fails after 10 s if the disk does not answer", () =>
    onDisk((disk) =>
      Effect.gen(function*() {
        yield* disk.write(good())
        disk.beforeRead = Effect.never
        const fiber = yield* Effect.fork(failureOf(yield* File.make(options)))
        yield* TestClock.adjust("10 seconds")
        const error = yield* Fiber.join(fiber)
        expect(error.reason).toBe("Unavailable")
        expect(error.message).toContain("could not be read within 10s")
      })
    ))

  it.effect.each([
    ["/var/run/secrets/azure/tokens/azure-identity-token", "The webhook of Azure workload identity mounts it"],
    ["/tmp/token", "Check the path, and that the program that writes the file runs."]
  ])("names the writer of %s in its error", ([path, says]) =>
    Effect.gen(function*() {
      expect((yield* failureOf(yield* File.make({ path: String(path) }))).message).toContain(says)
    }).pipe(Effect.provide(FileSystem.layerNoop({
      stat: () =>
        Effect.fail(new PlatformError.SystemError({ reason: "NotFound", module: "FileSystem", method: "stat" }))
    }))))
})

describe("File.layerEnvironment", () => {
  const variable = "AZURE_FEDERATED_TOKEN_FILE"

  it.effect("reads the path from the variable", () =>
    onDisk((disk) =>
      Effect.gen(function*() {
        yield* disk.write(jwt({ aud: "api://AzureADTokenExchange", exp: 3600 }))
        const provider = yield* AssertionProvider.pipe(
          Effect.provide(File.layerEnvironment({ variable, audience: "api://AzureADTokenExchange" })),
          Effect.provide(environment({ [variable]: path }))
        )
        yield* provider(request)
      })
    ))

  it.effect.each([
    [variable, "The webhook of Azure workload identity mounts it in pods labelled"],
    ["AWS_WEB_IDENTITY_TOKEN_FILE", "EKS sets it in pods whose service account is annotated"],
    ["MY_TOKEN_FILE", "The variable must contain the path of the file with the token."]
  ])("fails without %s, and the error says who sets it", ([name, says]) =>
    onDisk(() =>
      Effect.gen(function*() {
        const layer = File.layerEnvironment({ variable: String(name) })
        const error = yield* Layer.build(layer).pipe(Effect.scoped, Effect.flip, Effect.provide(environment({})))
        assert(error._tag === "InvalidOptions")
        expect(error.message).toContain(`\`${name}\`: the variable is not set. ${says}`)
      })
    ))
})

describe("File.layer", () => {
  it.effect("provides an AssertionProvider", () =>
    onDisk((disk) =>
      Effect.gen(function*() {
        yield* disk.write(good())
        const provider = yield* Effect.provide(AssertionProvider, File.layer(options))
        yield* provider(request)
      })
    ))
})
