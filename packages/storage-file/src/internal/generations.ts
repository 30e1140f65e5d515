import { reasonOf } from "@effect-mcp-auth/core/authoring/PlatformFailure"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { isTemporary, temporaryName } from "./temporaryFiles.ts"

/** How long an expired file stays, in milliseconds: a process that was stopped may still finish writing it. */
const GRACE = 60_000

/** @internal */
export type Kind = "record" | "lease"

/**
 * Files with numbers (`record.7`), of which only the highest counts.
 *
 * A process writes a file whole under a temporary name and then links it to the next number, which the file system does
 * for one process and refuses to all others. So each step is a compare-and-swap: no lock stays behind when a process
 * dies, no process reads half a file, and a process that was paused finds that the next number is taken.
 *
 * The modification time of a file (mtime) is the time at which the file expires.
 *
 * @internal
 */
export interface Generations {
  readonly fileOf: (folder: string, kind: Kind, generation: number) => string
  /** The highest number of that kind; 0 if there is none. */
  readonly highest: (folder: string, kind: Kind) => Effect.Effect<number, PlatformError>
  /**
   * Writes the file of the given number, unless that number or a higher one exists. Returns whether the file was
   * written.
   * `until` is the time at which the file expires, in milliseconds since the epoch.
   */
  readonly publish: (
    folder: string,
    kind: Kind,
    generation: number,
    content: string,
    until: number
  ) => Effect.Effect<boolean, PlatformError>
  /** Whether the file or the folder expired more than a minute ago. */
  readonly isAbandoned: (file: string) => Effect.Effect<boolean, PlatformError>
  /** Removes the file if it is abandoned, or the folder with all that is in it. */
  readonly removeAbandoned: (file: string) => Effect.Effect<void>
}

/** @internal */
export const make: Effect.Effect<Generations, never, FileSystem.FileSystem | Path.Path> = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path

  const remove = (file: string) => Effect.ignore(fs.remove(file, { force: true }))

  const isAbandoned = (file: string) =>
    Effect.gen(function*() {
      const now = yield* Clock.currentTimeMillis
      const { mtime } = yield* fs.stat(file)
      return Option.exists(mtime, (until) => until.getTime() + GRACE < now)
    })

  const removeAbandoned = (file: string) =>
    Effect.ignore(
      Effect.flatMap(
        isAbandoned(file),
        (abandoned) => abandoned ? fs.remove(file, { force: true, recursive: true }) : Effect.void
      )
    )

  const fileOf = (folder: string, kind: Kind, generation: number) => path.join(folder, `${kind}.${generation}`)

  return {
    fileOf,
    highest: (folder, kind) =>
      Effect.map(
        fs.readDirectory(folder),
        (files) => files.reduce((max, file) => Math.max(max, generationOf(file, kind)), 0)
      ),
    publish: (folder, kind, generation, content, until) =>
      Effect.gen(function*() {
        const temporary = path.join(folder, temporaryName())
        const file = fileOf(folder, kind, generation)
        const time = new Date(until)
        const linked = yield* fs.writeFileString(temporary, content, { flag: "wx", mode: 0o600 }).pipe(
          Effect.zipRight(fs.utimes(temporary, time, time)),
          Effect.zipRight(fs.link(temporary, file)),
          Effect.as(true),
          Effect.catchIf((error) => reasonOf(error) === "AlreadyExists", () => Effect.succeed(false)),
          Effect.ensuring(remove(temporary))
        )
        if (!linked) return false
        // A failed publication leaves no file behind.
        const files = yield* Effect.tapError(fs.readDirectory(folder), () => remove(file))
        // The number can be free because other processes have written higher numbers and removed this one.
        if (files.some((other) => generationOf(other, kind) > generation)) {
          yield* remove(file)
          return false
        }
        yield* Effect.forEach(files, (other) => {
          const old = generationOf(other, kind)
          if (old > 0 && old < generation) return remove(path.join(folder, other))
          return isTemporary(other) ? removeAbandoned(path.join(folder, other)) : Effect.void
        }, { discard: true })
        return true
      }).pipe(Effect.uninterruptible),
    isAbandoned,
    removeAbandoned
  }
})

/**
 * Whether the name is that of a file that this module writes.
 *
 * @internal
 */
export const isOurs = (file: string): boolean =>
  isTemporary(file) || generationOf(file, "record") > 0 || generationOf(file, "lease") > 0

/** The number in the name; 0 if the name is not of that kind. */
const generationOf = (file: string, kind: Kind): number => {
  const [name, number, ...rest] = file.split(".")
  return name === kind && rest.length === 0 && /^[1-9]\d{0,14}$/.test(number ?? "") ? Number(number) : 0
}
