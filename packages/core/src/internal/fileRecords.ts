import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { TokenStorageError } from "../OAuthError.ts"
import type * as TokenRecord from "../TokenRecord.ts"
import { clean } from "./text.ts"

/**
 * @internal
 */
export interface Options {
  readonly directory: string
  readonly leaseDuration: Duration.Duration
}

/** A record is far shorter; what is longer is none of ours. In bytes. */
const MAX_SIZE = 1024 * 1024

/** What a process that was killed has left behind. In milliseconds. */
const ABANDONED = 60_000

/** How often one that waits looks whether the lease is free. */
const POLL_INTERVAL = Duration.millis(50)

/** How often the same step may lose to another process before something else must be wrong. */
const MAX_ATTEMPTS = 100

type Operation = TokenStorageError["operation"]

/** Who this process is to the file system, and whether that keeps permissions at all (Windows does not). */
interface Place {
  readonly base: string
  readonly uid: Option.Option<number>
  readonly keepsModes: boolean
}

/**
 * Records in files, for any number of processes on one machine.
 *
 * Each name has a directory of its own, with one file per generation of the record (`record.7`) and of the lease
 * (`lease.12`); only the highest counts. A file is written whole under a temporary name and then linked to the next
 * number, which the file system does for one process and refuses to all others. So each step is a compare-and-swap: there
 * is no lock that a process could die with, nobody ever reads half a file, and whoever was paused finds that the next
 * number is taken. An empty file says that the record was removed or the lease released.
 *
 * @internal
 */
export const make = (
  options: Options
): Effect.Effect<TokenRecord.Store, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path

    const remove = (file: string) => Effect.ignore(fs.remove(file, { force: true }))

    const isSymbolicLink = (file: string) => Effect.isSuccess(fs.readLink(file))

    // ---- what may be used ----------------------------------------------------------------------------------------------

    const openPlace = (operation: Operation): Effect.Effect<Place, TokenStorageError> =>
      Effect.gen(function*() {
        yield* fs.makeDirectory(options.directory, { recursive: true, mode: 0o700 })
        const base = yield* fs.realPath(options.directory)
        const probe = path.join(base, temporaryName())
        const own = yield* fs.writeFileString(probe, "", { flag: "wx", mode: 0o600 }).pipe(
          Effect.zipRight(fs.stat(probe)),
          Effect.ensuring(remove(probe))
        )
        const place: Place = { base, uid: own.uid, keepsModes: (own.mode & 0o077) === 0 }
        yield* checkOwner(operation, base, yield* fs.stat(base), place)
        return place
      }).pipe(
        Effect.mapError((error) => error._tag === "TokenStorageError" ? error : failed(operation)(error))
      )

    let known: Place | undefined
    const placeOf = (operation: Operation) =>
      Effect.suspend(() =>
        known === undefined
          ? Effect.tap(openPlace(operation), (place) => Effect.sync(() => known = place))
          : Effect.succeed(known)
      )

    /** The directory of a name, made if need be. */
    const directoryOf = (operation: Operation, name: string) =>
      Effect.gen(function*() {
        const place = yield* placeOf(operation)
        const directory = path.join(place.base, name)
        yield* fs.makeDirectory(directory, { recursive: true, mode: 0o700 }).pipe(
          Effect.mapError((error) => {
            // Somebody has removed the whole of it.
            known = undefined
            return failed(operation)(error)
          })
        )
        if (yield* isSymbolicLink(directory)) {
          return yield* insecure(operation, directory, "is a symbolic link. It was not used. Remove it.")
        }
        yield* checkOwner(operation, directory, yield* Effect.mapError(fs.stat(directory), failed(operation)), place)
        return { directory, place }
      })

    // ---- generations ---------------------------------------------------------------------------------------------------

    const fileOf = (directory: string, kind: Kind, generation: number) => path.join(directory, `${kind}.${generation}`)

    const highest = (directory: string, kind: Kind) =>
      Effect.map(
        fs.readDirectory(directory),
        (files) => files.reduce((max, file) => Math.max(max, generationOf(file, kind)), 0)
      )

    /** Makes `content` the given generation, unless there is one, or a later one. */
    const publish = (directory: string, kind: Kind, generation: number, content: string) =>
      Effect.gen(function*() {
        const temporary = path.join(directory, temporaryName())
        const file = fileOf(directory, kind, generation)
        const now = new Date(yield* Clock.currentTimeMillis)
        const linked = yield* fs.writeFileString(temporary, content, { flag: "wx", mode: 0o600 }).pipe(
          Effect.zipRight(fs.utimes(temporary, now, now)),
          Effect.zipRight(fs.link(temporary, file)),
          Effect.as(true),
          Effect.catchTag(
            "SystemError",
            (error) => error.reason === "AlreadyExists" ? Effect.succeed(false) : Effect.fail(error)
          ),
          Effect.ensuring(remove(temporary))
        )
        if (!linked) return false
        const files = yield* fs.readDirectory(directory)
        // The number was free because the others are past it, and have cleaned up.
        if (files.some((other) => generationOf(other, kind) > generation)) {
          yield* remove(file)
          return false
        }
        yield* Effect.forEach(files, (other) => {
          const old = generationOf(other, kind)
          if (old > 0 && old < generation) return remove(path.join(directory, other))
          return other.startsWith("tmp.") ? removeAbandoned(path.join(directory, other), now.getTime()) : Effect.void
        }, { discard: true })
        return true
      }).pipe(Effect.uninterruptible)

    const removeAbandoned = (file: string, now: number) =>
      Effect.ignore(Effect.flatMap(fs.stat(file), ({ mtime }) =>
        Option.exists(mtime, (at) => Math.abs(now - at.getTime()) > ABANDONED)
          ? remove(file)
          : Effect.void))

    /** The content of one generation; none if it has gone, since a higher one has come. */
    const read = (operation: Operation, file: string, place: Place) =>
      Effect.gen(function*() {
        if (yield* isSymbolicLink(file)) {
          return yield* insecure(
            operation,
            file,
            "is a symbolic link. It was not used, and the next token replaces it."
          )
        }
        const info = yield* fs.stat(file)
        if (info.type !== "File") {
          return yield* insecure(operation, file, "is no file. It was not used. Remove it.")
        }
        yield* checkOwner(operation, file, info, place)
        // Longer than any record: damaged, then, and not worth reading.
        return info.size > MAX_SIZE ? Option.some("too long") : Option.some(yield* fs.readFileString(file))
      }).pipe(
        Effect.catchAll((error) =>
          error._tag === "SystemError" && error.reason === "NotFound" ? Effect.succeedNone : Effect.fail(error)
        ),
        Effect.mapError((error) =>
          error._tag === "TokenStorageError" ? error : failed(operation)(error)
        )
      )

    const current = (operation: Operation, name: string) =>
      Effect.gen(function*() {
        const { directory, place } = yield* directoryOf(operation, name)
        for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
          const generation = yield* Effect.mapError(highest(directory, "record"), failed(operation))
          if (generation === 0) return { directory, generation, content: Option.none<string>() }
          const content = yield* read(operation, fileOf(directory, "record", generation), place).pipe(
            // To those who write it counts as none.
            Effect.catchIf(
              ({ reason }) => operation !== "get" && reason === "Insecure",
              () => Effect.succeedSome("")
            )
          )
          if (Option.isSome(content)) {
            return { directory, generation, content: Option.filter(content, (text) => text !== "") }
          }
        }
        return yield* tooBusy(operation)
      })

    const tooBusy = (operation: Operation) =>
      new TokenStorageError({
        operation,
        description: `${clean(options.directory)} does not hold still: other processes write to it all the time.`
      })

    // ---- the lease -----------------------------------------------------------------------------------------------------

    const leaseDuration = Duration.toMillis(options.leaseDuration)

    /** Whether the holder has released it, or gives no sign of life. */
    const isFree = (file: string) =>
      Effect.gen(function*() {
        const { mtime, size } = yield* fs.stat(file)
        const now = yield* Clock.currentTimeMillis
        return size === FileSystem.Size(0) ||
          Option.match(mtime, { onNone: () => false, onSome: (at) => Math.abs(now - at.getTime()) > leaseDuration })
      })

    /** The generation of the lease that is now this process's, if it could be had. */
    const take = (directory: string) =>
      Effect.gen(function*() {
        const generation = yield* highest(directory, "lease")
        if (generation > 0 && !(yield* isFree(fileOf(directory, "lease", generation)))) return Option.none<number>()
        const taken = yield* publish(directory, "lease", generation + 1, crypto.randomUUID())
        return taken ? Option.some(generation + 1) : Option.none<number>()
      }).pipe(
        Effect.catchAll((error) =>
          error._tag === "SystemError" && error.reason === "NotFound"
            ? Effect.succeed(Option.none<number>())
            : Effect.fail(failed("lease")(error))
        )
      )

    /** If the lease was lost, the next number is taken, and this does nothing. */
    const release = (directory: string, generation: number) =>
      Effect.ignore(publish(directory, "lease", generation + 1, ""))

    const beat = (file: string) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => fs.utimes(file, new Date(now), new Date(now)))

    const lease = (name: string) =>
      Effect.gen(function*() {
        const { directory } = yield* directoryOf("lease", name)
        while (true) {
          const taken = yield* take(directory).pipe(
            Effect.tap(Option.match({
              onNone: () => Effect.void,
              onSome: (generation) => Effect.addFinalizer(() => release(directory, generation))
            })),
            Effect.uninterruptible
          )
          if (Option.isSome(taken)) {
            // A beat that fails says nothing about the next one, unless the lease is lost, which harms nobody.
            yield* Effect.ignore(beat(fileOf(directory, "lease", taken.value))).pipe(
              Effect.schedule(Schedule.spaced(Duration.millis(leaseDuration / 4))),
              Effect.forkScoped
            )
            return
          }
          yield* Effect.sleep(POLL_INTERVAL)
        }
      })

    return {
      get: (name) => Effect.map(current("get", name), ({ content }) => content),
      modify: (name, operation, change) =>
        Effect.gen(function*() {
          for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
            const { content, directory, generation } = yield* current(operation, name)
            const made = yield* change(content)
            if (made._tag === "Keep") return
            const text = made._tag === "Write" ? made.record : ""
            if (yield* Effect.mapError(publish(directory, "record", generation + 1, text), failed(operation))) return
          }
          return yield* tooBusy(operation)
        }),
      lease
    }
  })

const temporaryName = () => `tmp.${crypto.randomUUID()}`

const insecure = (operation: Operation, file: string, description: string) =>
  new TokenStorageError({ operation, reason: "Insecure", description: `${clean(file)} ${description}` })

const failed = (operation: Operation) => (cause: PlatformError) =>
  new TokenStorageError({ operation, description: clean(cause.message), cause })

const checkOwner = (operation: Operation, file: string, info: FileSystem.File.Info, place: Place) => {
  if (Option.isSome(place.uid) && Option.isSome(info.uid) && info.uid.value !== place.uid.value) {
    return Effect.fail(
      insecure(operation, file, `belongs to user ${info.uid.value}, and not to this process. It was not used.`)
    )
  }
  const mode = (info.mode & 0o777).toString(8).padStart(4, "0")
  return place.keepsModes && (info.mode & 0o077) !== 0
    ? Effect.fail(
      insecure(
        operation,
        file,
        `is open to others than its owner (mode ${mode}). It was not used. Close it: chmod go=`
      )
    )
    : Effect.void
}

type Kind = "record" | "lease"

/** 0 for what is none. */
const generationOf = (file: string, kind: Kind): number => {
  const [name, number, ...rest] = file.split(".")
  return name === kind && rest.length === 0 && /^[1-9]\d{0,14}$/.test(number ?? "") ? Number(number) : 0
}
