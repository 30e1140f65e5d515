import { clean } from "@effect-mcp-auth/core/authoring/CleanText"
import { TokenStorageError } from "@effect-mcp-auth/core/OAuthError"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Directory from "./directory.ts"
import { explain, insecure, isMissing, type Operation, unlessMissing } from "./explain.ts"
import { checkPrivate } from "./permissions.ts"

/** A longer file holds no record of this package. In bytes. */
const MAX_SIZE = 1024 * 1024

/** @internal */
export interface Folder {
  /** The directory that all folders are in. */
  readonly base: string
  readonly path: string
  /** The contents of the file; none if it does not exist. */
  readonly read: (file: string) => Effect.Effect<Option.Option<string>, TokenStorageError>
}

/**
 * Folders that only their owner can enter, with files that only their owner can read. A folder or a file that is open
 * to other users, belongs to another user or is a symbolic link fails with a `TokenStorageError` of reason `Insecure`.
 *
 * @internal
 */
export interface PrivateFiles {
  /** The folder of that name, made if it does not exist. */
  readonly folder: (operation: Operation, name: string) => Effect.Effect<Folder, TokenStorageError>
  /** The folder of that name, for reading only: nothing is made, so that nothing need be writable. */
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
    const { toRead, toWrite } = yield* Directory.make(directory)

    const isSymbolicLink = (file: string) => Effect.isSuccess(fs.readLink(file))

    const checkedFolder = (operation: Operation, name: string, place: Directory.Place) =>
      Effect.gen(function*() {
        const folder = path.join(place.base, name)
        if (yield* isSymbolicLink(folder)) {
          return yield* insecure(operation, folder, "is a symbolic link. It was not used. Remove it.")
        }
        yield* checkPrivate(operation, folder, yield* fs.stat(folder), place)
        return { base: place.base, path: folder, read: (file: string) => read(operation, file, place) }
      })

    const read = (operation: Operation, file: string, place: Directory.Place) =>
      Effect.gen(function*() {
        if (yield* isSymbolicLink(file)) {
          return yield* insecure(
            operation,
            file,
            "is a symbolic link. It was not used, and the next record replaces it."
          )
        }
        const info = yield* fs.stat(file)
        if (info.type !== "File") {
          return yield* insecure(operation, file, "is not a file. It was not used. Remove it.")
        }
        yield* checkPrivate(operation, file, info, place)
        if (info.size <= MAX_SIZE) return yield* fs.readFileString(file)
        return yield* new TokenStorageError({
          operation,
          reason: "Damaged",
          description: `${clean(file)} is longer than any record. It was not used, and the next record replaces it.`
        })
      }).pipe(unlessMissing, Effect.mapError(explain(operation)))

    return {
      folder: (operation, name) =>
        Effect.gen(function*() {
          const place = yield* toWrite(operation)
          yield* fs.makeDirectory(path.join(place.base, name), { recursive: true, mode: 0o700 })
          return yield* checkedFolder(operation, name, place)
        }).pipe(
          // Another process may remove the folder between two steps.
          Effect.retry({ times: 3, while: isMissing }),
          Effect.mapError(explain(operation))
        ),
      existingFolder: (operation, name) =>
        Effect.flatMap(toRead(operation), (place) => checkedFolder(operation, name, place)).pipe(
          unlessMissing,
          Effect.mapError(explain(operation))
        )
    }
  })
