import type { TokenStorageError } from "@effect-mcp-auth/core/OAuthError"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import { insecure, type Operation } from "./explain.ts"
import { checkPrivate, type Identity, isOpenToOthers, modeOf } from "./permissions.ts"
import { temporaryName } from "./temporaryFiles.ts"

/**
 * The directory that all tokens are in, checked, without symbolic links in its path.
 *
 * @internal
 */
export interface Place extends Identity {
  readonly base: string
}

type Checked = Effect.Effect<Place, PlatformError | TokenStorageError>

/** @internal */
export interface Directory {
  /** The directory, made if it does not exist. */
  readonly toWrite: (operation: Operation) => Checked
  /** The directory as it is: nothing is made, so that it need not be writable. */
  readonly toRead: (operation: Operation) => Checked
}

/**
 * The directory of the option, checked before each use.
 *
 * @internal
 */
export const make = (directory: string): Effect.Effect<Directory, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    // The working directory of the process may change later.
    const root = path.resolve(directory)
    const isWindows = path.sep === "\\"

    /** Owner and permissions of a file that this process creates here. */
    const probe = (base: string) => {
      const file = path.join(base, temporaryName())
      return fs.writeFileString(file, "", { flag: "wx", mode: 0o600 }).pipe(
        Effect.zipRight(fs.stat(file)),
        Effect.ensuring(Effect.ignore(fs.remove(file, { force: true })))
      )
    }

    let known: Place | undefined

    const identify = (operation: Operation, base: string) =>
      Effect.gen(function*() {
        const own = yield* probe(base)
        const keepsModes = !isOpenToOthers(own)
        if (!keepsModes && !isWindows) {
          return yield* insecure(
            operation,
            base,
            `is on a file system that keeps no permissions (a file created with mode 0600 has mode ${modeOf(own)}). ` +
              "It was not used. Give a `directory` on another file system."
          )
        }
        known = { base, uid: own.uid, keepsModes }
        return known
      })

    const placeOf = (operation: Operation, base: string) =>
      known?.base === base ? Effect.succeed(known) : identify(operation, base)

    /** In a directory that this process cannot write to, only its owner can read what is closed to other users. */
    const readOnlyPlace = (base: string, { uid }: FileSystem.File.Info): Place => ({
      base,
      uid,
      keepsModes: !isWindows
    })

    const checked = <E>(
      operation: Operation,
      placeOf: (base: string, info: FileSystem.File.Info) => Effect.Effect<Place, E>
    ) =>
      Effect.gen(function*() {
        const base = yield* fs.realPath(root)
        const info = yield* fs.stat(base)
        if (info.type !== "Directory") {
          return yield* insecure(operation, base, "is not a directory. It was not used. Give another `directory`.")
        }
        const place = yield* placeOf(base, info)
        yield* checkPrivate(operation, base, info, place)
        return place
      })

    return {
      toWrite: (operation) =>
        Effect.zipRight(
          fs.makeDirectory(root, { recursive: true, mode: 0o700 }),
          checked(operation, (base) => placeOf(operation, base))
        ),
      toRead: (operation) =>
        checked(operation, (base, info) =>
          Effect.catchIf(
            placeOf(operation, base),
            ({ _tag }) => _tag !== "TokenStorageError",
            () => Effect.succeed(readOnlyPlace(base, info))
          ))
    }
  })
