import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { TokenStorageError } from "@effect-mcp-auth/core/OAuthError"
import { clean } from "@effect-mcp-auth/core/authoring/CleanText"

/** What is longer is none of ours. In bytes. */
const MAX_SIZE = 1024 * 1024

type Operation = TokenStorageError["operation"]

/** Who this process is to the file system, and whether that keeps permissions at all (Windows does not). */
interface Place {
  readonly base: string
  readonly uid: Option.Option<number>
  readonly keepsModes: boolean
}

/** @internal */
export interface Folder {
  /** The directory that all folders are in. */
  readonly base: string
  readonly path: string
  /** What the file says; none if there is none. */
  readonly read: (file: string) => Effect.Effect<Option.Option<string>, TokenStorageError>
}

/**
 * Folders that only their owner can enter, with files that only their owner can read. What is open to others, belongs to
 * somebody else or is a symbolic link fails with a `TokenStorageError` of reason `Insecure`.
 *
 * @internal
 */
export interface PrivateFiles {
  /** The folder of that name, made if need be. */
  readonly folder: (operation: Operation, name: string) => Effect.Effect<Folder, TokenStorageError>
  /** The folder of that name, for who only reads: nothing is made, so that nothing need be writable. */
  readonly existingFolder: (
    operation: Operation,
    name: string
  ) => Effect.Effect<Option.Option<Folder>, TokenStorageError>
}

/** @internal */
export const make = (directory: string): Effect.Effect<PrivateFiles, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    // Wherever the process goes later.
    const root = path.resolve(directory)
    const isWindows = path.sep === "\\"

    const isSymbolicLink = (file: string) => Effect.isSuccess(fs.readLink(file))

    // ---- the place -----------------------------------------------------------------------------------------------------

    /** What becomes of a file here. */
    const probe = (base: string) => {
      const file = path.join(base, temporaryName())
      return fs.writeFileString(file, "", { flag: "wx", mode: 0o600 }).pipe(
        Effect.zipRight(fs.stat(file)),
        Effect.ensuring(Effect.ignore(fs.remove(file, { force: true })))
      )
    }

    let known: Place | undefined

    const openPlace = (operation: Operation, base: string) =>
      Effect.gen(function*() {
        const own = yield* probe(base)
        const keepsModes = (own.mode & 0o077) === 0
        if (!keepsModes && !isWindows) {
          return yield* insecure(
            operation,
            base,
            `is on a file system that keeps no permissions (mode ${modeOf(own)} where 0600 was asked for). ` +
              "It was not used. Choose a directory on another."
          )
        }
        known = { base, uid: own.uid, keepsModes }
        return known
      })

    const placeOf = (operation: Operation, base: string) =>
      known?.base === base ? Effect.succeed(known) : openPlace(operation, base)

    /** Where nothing can be written, who can enter what is closed to others must be its owner. */
    const closedPlace = (base: string, { uid }: FileSystem.File.Info): Place => ({ base, uid, keepsModes: !isWindows })

    const checked = <E>(
      operation: Operation,
      placeOf: (base: string, info: FileSystem.File.Info) => Effect.Effect<Place, E>
    ) =>
      Effect.gen(function*() {
        const base = yield* fs.realPath(root)
        const info = yield* fs.stat(base)
        if (info.type !== "Directory") {
          return yield* insecure(operation, base, "is no directory. It was not used. Give another `directory`.")
        }
        const place = yield* placeOf(base, info)
        yield* checkOwner(operation, base, info, place)
        return place
      })

    const placeToWrite = (operation: Operation) =>
      Effect.zipRight(
        fs.makeDirectory(root, { recursive: true, mode: 0o700 }),
        checked(operation, (base) => placeOf(operation, base))
      )

    const placeToRead = (operation: Operation) =>
      checked(
        operation,
        (base, info) =>
          Effect.catchIf(placeOf(operation, base), ({ _tag }) =>
            _tag !== "TokenStorageError", () =>
            Effect.succeed(closedPlace(base, info)))
      )

    // ---- its folders ---------------------------------------------------------------------------------------------------

    const checkedFolder = (operation: Operation, name: string, place: Place) =>
      Effect.gen(function*() {
        const folder = path.join(place.base, name)
        if (yield* isSymbolicLink(folder)) {
          return yield* insecure(operation, folder, "is a symbolic link. It was not used. Remove it.")
        }
        yield* checkOwner(operation, folder, yield* fs.stat(folder), place)
        return { base: place.base, path: folder, read: (file: string) => read(operation, file, place) }
      })

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
        if (info.size <= MAX_SIZE) return yield* fs.readFileString(file)
        return yield* new TokenStorageError({
          operation,
          reason: "Damaged",
          description: `${clean(file)} is longer than any record. It was not used, and the next token replaces it.`
        })
      }).pipe(unlessMissing, Effect.mapError(explain(operation)))

    return {
      folder: (operation, name) =>
        Effect.gen(function*() {
          const place = yield* placeToWrite(operation)
          yield* fs.makeDirectory(path.join(place.base, name), { recursive: true, mode: 0o700 })
          return yield* checkedFolder(operation, name, place)
        }).pipe(
          // Somebody has removed it in this moment.
          Effect.retry({ times: 3, while: isMissing }),
          Effect.mapError(explain(operation))
        ),
      existingFolder: (operation, name) =>
        Effect.flatMap(placeToRead(operation), (place) => checkedFolder(operation, name, place)).pipe(
          unlessMissing,
          Effect.mapError(explain(operation))
        )
    }
  })

/** @internal */
export const temporaryName = (): string => `tmp.${crypto.randomUUID()}`

/** @internal */
export const isMissing = (error: PlatformError | TokenStorageError): boolean =>
  error._tag === "SystemError" && error.reason === "NotFound"

const unlessMissing = <A, E extends PlatformError | TokenStorageError>(
  effect: Effect.Effect<A, E>
): Effect.Effect<Option.Option<A>, E> => Effect.catchIf(Effect.asSome(effect), isMissing, () => Effect.succeedNone)

/** @internal */
export const explain = (operation: Operation) => (cause: PlatformError | TokenStorageError): TokenStorageError =>
  cause._tag === "TokenStorageError"
    ? cause
    : new TokenStorageError({
      operation,
      description: `${clean(cause.message)}. ${adviceOn(cause.message)}`.trim(),
      cause
    })

const advices: ReadonlyArray<readonly [said: RegExp, advice: string]> = [
  [/\blink\b.*(EPERM|ENOTSUP|EOPNOTSUPP|ENOSYS)/, "Its file system has no hard links: give a `directory` on another."],
  [/EEXIST|ENOTDIR|makeDirectory.*ENOENT/, "Something else than a directory is in the way: give another `directory`."],
  [/EACCES|EPERM|EROFS/, "Give a `directory` that this process can write to."],
  [/ENOSPC|EDQUOT/, "Make room: until then, tokens are not stored."]
]

const adviceOn = (message: string): string => advices.find(([said]) => said.test(message))?.[1] ?? ""

const insecure = (operation: Operation, file: string, description: string) =>
  new TokenStorageError({ operation, reason: "Insecure", description: `${clean(file)} ${description}` })

const modeOf = ({ mode }: FileSystem.File.Info): string => (mode & 0o777).toString(8).padStart(4, "0")

const checkOwner = (operation: Operation, file: string, info: FileSystem.File.Info, place: Place) => {
  if (Option.isSome(place.uid) && Option.isSome(info.uid) && info.uid.value !== place.uid.value) {
    return Effect.fail(
      insecure(operation, file, `belongs to user ${info.uid.value}, and not to this process. It was not used.`)
    )
  }
  return place.keepsModes && (info.mode & 0o077) !== 0
    ? Effect.fail(
      insecure(
        operation,
        file,
        `is open to others than its owner (mode ${modeOf(info)}). It was not used. Close it with "chmod go= ${
          clean(file)
        }".`
      )
    )
    : Effect.void
}
