/**
 * Attacks by other users of the machine, and by anybody who can write to the directory: what they put in the place of
 * files. Each row states what a process then reads, and whether it can store its next token.
 */
import { TokenKey } from "@effect-mcp-auth/core"
import { FileSystem } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Either, Option, Redacted } from "effect"
import { execFileSync } from "node:child_process"
import { chownSync, linkSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs"
import { temporaryName } from "../src/internal/temporaryFiles.ts"
import { key, later, live, makeToken, open, openPlaintext, stored } from "./support/storage.ts"

interface Stored {
  readonly directory: string
  readonly folder: string
  readonly file: string
}

type Row = readonly [
  attack: string,
  section: string,
  change: (stored: Stored) => void,
  outcome: string
]

const replaced = (file: string, make: () => void) => {
  rmSync(file, { recursive: true, force: true })
  make()
}

const rows: ReadonlyArray<Row> = [
  [
    "a directory in place of the record",
    "CWE-20",
    ({ file }) => replaced(file, () => mkdirSync(file, 0o700)),
    "get Insecure, lease works, set works, then later"
  ],
  [
    "a FIFO in place of the record",
    "CWE-400",
    ({ file }) => replaced(file, () => execFileSync("mkfifo", ["-m", "600", file])),
    "get Insecure, lease works, set works, then later"
  ],
  ["a symbolic link to a FIFO in place of the record", "CWE-59", ({ directory, file }) =>
    replaced(file, () => {
      execFileSync("mkfifo", ["-m", "600", `${directory}/pipe`])
      symlinkSync(`${directory}/pipe`, file)
    }), "get Insecure, lease works, set works, then later"],
  [
    "a symbolic link to /dev/zero in place of the record",
    "CWE-59",
    ({ file }) => replaced(file, () => symlinkSync("/dev/zero", file)),
    "get Insecure, lease works, set works, then later"
  ],
  [
    "a symbolic link to a file of the system in place of the record",
    "CWE-59",
    ({ file }) => replaced(file, () => symlinkSync("/etc/passwd", file)),
    "get Insecure, lease works, set works, then later"
  ],
  [
    "a symbolic link that leads nowhere in place of the record",
    "CWE-59",
    ({ file }) => replaced(file, () => symlinkSync("/nowhere", file)),
    "get Insecure, lease works, set works, then later"
  ],
  [
    "a symbolic link in place of the folder",
    "CWE-59",
    ({ directory, folder }) => replaced(folder, () => symlinkSync(directory, folder)),
    "get Insecure, lease Insecure, set Insecure, then Insecure"
  ],
  [
    "a file in place of the folder",
    "CWE-20",
    ({ folder }) => replaced(folder, () => writeFileSync(folder, "", { mode: 0o600 })),
    "get Unavailable, lease Unavailable, set Unavailable, then Unavailable"
  ],
  [
    "a record that other users can read",
    "CWE-732",
    ({ file }) => replaced(file, () => writeFileSync(file, "{}", { mode: 0o644 })),
    "get Insecure, lease works, set works, then later"
  ],
  ["an empty record", "CWE-20", ({ file }) => truncateSync(file, 0), "get nothing, lease works, set works, then later"],
  [
    "a record that is cut",
    "CWE-20",
    ({ file }) => truncateSync(file, 40),
    "get Damaged, lease works, set works, then later"
  ],
  [
    "a record of 64 MiB",
    "CWE-770",
    ({ file }) => truncateSync(file, 64 * 1024 * 1024),
    "get Damaged, lease works, set works, then later"
  ],
  [
    "a record with the highest number that a name can hold",
    "CWE-190",
    ({ folder }) => writeFileSync(`${folder}/record.999999999999999`, "x", { mode: 0o600 }),
    "get Damaged, lease works, set works, then nothing"
  ],
  [
    "a record whose number no name can hold",
    "CWE-190",
    ({ folder }) => writeFileSync(`${folder}/record.99999999999999999999`, "x", { mode: 0o600 }),
    "get works, lease works, set works, then later"
  ],
  [
    "a record with a negative number",
    "CWE-190",
    ({ folder }) => writeFileSync(`${folder}/record.-1`, "x", { mode: 0o600 }),
    "get works, lease works, set works, then later"
  ],
  [
    "a file whose name holds a line break",
    "CWE-117",
    ({ folder }) => writeFileSync(`${folder}/record.2\nlevel=INFO`, "x", { mode: 0o600 }),
    "get works, lease works, set works, then later"
  ],
  [
    "a directory in place of the lease",
    "CWE-20",
    ({ folder }) => mkdirSync(`${folder}/lease.1`, 0o700),
    "get works, lease works, set works, then later"
  ],
  [
    "a FIFO in place of the lease",
    "CWE-400",
    ({ folder }) => execFileSync("mkfifo", ["-m", "600", `${folder}/lease.1`]),
    "get works, lease works, set works, then later"
  ],
  [
    "a symbolic link in place of the lease",
    "CWE-59",
    ({ folder }) => symlinkSync("/etc/passwd", `${folder}/lease.1`),
    "get works, lease works, set works, then later"
  ],
  [
    "an empty lease",
    "CWE-20",
    ({ folder }) => writeFileSync(`${folder}/lease.1`, "", { mode: 0o600 }),
    "get works, lease works, set works, then later"
  ],
  ["a hard link to another file in place of the record", "CWE-62", ({ directory, file }) =>
    replaced(file, () => {
      writeFileSync(`${directory}/elsewhere`, "not a record", { mode: 0o600 })
      linkSync(`${directory}/elsewhere`, file)
    }), "get Damaged, lease works, set works, then later"]
]

/** What a process reads, in one word. A storage that hangs is a timeout. */
const wordOf = <A, E extends { readonly _tag: string; readonly reason?: string }>(work: Effect.Effect<A, E>) =>
  Effect.map(
    Effect.either(Effect.timeout(work, "20 seconds")),
    (result) => Either.isRight(result) ? "works" : "reason" in result.left ? result.left.reason : "hangs"
  )

describe("a process finds in its directory of tokens", () => {
  for (const [attack, section, change, outcome] of rows) {
    live(
      `${attack} (${section}): ${outcome}`,
      Effect.gen(function*() {
        const { directory, file, folder, storage } = yield* stored
        yield* Effect.sync(() => change({ directory, file, folder }))
        const found = yield* wordOf(storage.get(key))
        const isEmpty = Either.getOrElse(Either.map(yield* Effect.either(storage.get(key)), Option.isNone), () => false)
        const read = isEmpty ? "nothing" : found
        const lease = yield* wordOf(Effect.scoped(storage.lease(key)))
        const written = yield* wordOf(storage.set(key, later))
        const again = yield* Effect.either(storage.get(key))
        const value = Either.match(again, {
          onLeft: ({ reason }) => reason,
          onRight: Option.match({ onNone: () => "nothing", onSome: (token) => Redacted.value(token.value) })
        })
        expect(`get ${read}, lease ${lease}, set ${written}, then ${value.replace("canary-", "")}`).toBe(outcome)
      })
    )
  }
})

describe("other users of the machine and a directory of tokens", () => {
  live(
    "cannot read what is written under an open umask: files have mode 0600 and directories 0700 (CWE-732)",
    Effect.gen(function*() {
      const before = process.umask(0)
      const { directory, file, folder, fs } = yield* Effect.ensuring(stored, Effect.sync(() => process.umask(before)))
      const modes = yield* Effect.forEach(
        [directory, folder, file],
        (path) => Effect.map(fs.stat(path), ({ mode }) => (mode & 0o777).toString(8))
      )
      expect(modes).toEqual(["700", "700", "600"])
    })
  )

  for (const mode of [0o777, 0o770, 0o755]) {
    live(
      `who have made the directory with mode ${mode.toString(8)} before get no token in it (CWE-377)`,
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const directory = `${yield* fs.makeTempDirectoryScoped()}/tokens`
        yield* fs.makeDirectory(directory)
        yield* fs.chmod(directory, mode)
        const storage = yield* open({ directory })
        expect((yield* Effect.flip(storage.set(key, later))).reason).toBe("Insecure")
        expect(yield* fs.readDirectory(directory)).toEqual([])
      })
    )
  }

  live(
    "who have put a symbolic link to an open directory in its place get no token in it (CWE-59)",
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const base = yield* fs.makeTempDirectoryScoped()
      yield* fs.makeDirectory(`${base}/open`)
      yield* fs.chmod(`${base}/open`, 0o777)
      yield* fs.symlink(`${base}/open`, `${base}/tokens`)
      const storage = yield* open({ directory: `${base}/tokens` })
      expect((yield* Effect.flip(storage.set(key, later))).reason).toBe("Insecure")
      expect(yield* fs.readDirectory(`${base}/open`)).toEqual([])
    })
  )

  it("cannot guess the name of a temporary file (CWE-377)", () => {
    const names = Array.from({ length: 1000 }, () => temporaryName())
    expect(new Set(names).size).toBe(1000)
    for (const name of names) expect(name).toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-/)
  })

  if (process.getuid?.() === 0) {
    live(
      "who own the directory get no token in it (CWE-283)",
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const directory = yield* fs.makeTempDirectoryScoped()
        yield* Effect.sync(() => chownSync(directory, 12_345, 12_345))
        const storage = yield* open({ directory })
        expect((yield* Effect.flip(storage.set(key, later))).reason).toBe("Insecure")
      })
    )

    live(
      "who own the record have no token of theirs used (CWE-283)",
      Effect.gen(function*() {
        const { file, storage } = yield* stored
        yield* Effect.sync(() => chownSync(file, 12_345, 12_345))
        expect((yield* Effect.flip(storage.get(key))).reason).toBe("Insecure")
      })
    )
  }

  live(
    "who copy the encrypted directory read no token, client or server in it (CWE-312)",
    Effect.gen(function*() {
      const { directory, fs } = yield* stored
      for (const name of yield* fs.readDirectory(directory, { recursive: true })) {
        expect(name).not.toMatch(/nightly|example/)
        if (name.includes("/")) {
          expect(yield* fs.readFileString(`${directory}/${name}`)).not.toMatch(/canary|nightly|example/)
        }
      }
    })
  )
})

describe("a writer to the directory of the same user", () => {
  live(
    "cannot move the record of another key to this one, encrypted or in plaintext (CWE-345)",
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const other = { ...key, clientId: "other" }
      for (const plain of [false, true]) {
        const directory = `${yield* fs.makeTempDirectoryScoped()}/tokens`
        const storage = plain ? yield* openPlaintext(directory) : yield* open({ directory })
        yield* storage.set(key, makeToken("mine"))
        yield* storage.set(other, makeToken("theirs"))
        const [from, to] = [yield* TokenKey.digest(other), yield* TokenKey.digest(key)]
        yield* fs.copyFile(`${directory}/${from}/record.1`, `${directory}/${to}/record.1`)
        expect((yield* Effect.flip(storage.get(key))).reason).toBe("Foreign")
      }
    })
  )

  live(
    "can put back an earlier record: encryption does not protect against a rollback (CWE-294)",
    Effect.gen(function*() {
      const { file, folder, fs, storage } = yield* stored
      const earlier = yield* fs.readFileString(file)
      yield* storage.set(key, later)
      yield* fs.writeFileString(`${folder}/record.3`, earlier, { mode: 0o600 })
      const found = Option.getOrThrow(yield* storage.get(key))
      expect(Redacted.value(found.value)).toBe("canary-first")
    })
  )

  live(
    "can remove the record: encryption does not protect against removal (CWE-404)",
    Effect.gen(function*() {
      const { folder, fs, storage } = yield* stored
      yield* fs.remove(folder, { recursive: true })
      expect(yield* storage.get(key)).toEqual(Option.none())
    })
  )
})
