import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { FileLease } from "./fileLease.ts"
import { type Generations, isOurs, isTemporary } from "./generations.ts"

/** So few that a write hardly takes longer, and enough that in time all are looked at. */
const LOOKS = 8

/**
 * What keeps a directory from growing: each write looks at a few folders of others, and removes those that nobody will
 * come back to, since all that is in them has been of no use for some time.
 *
 * @internal
 */
export const make = (
  { fileLease, generations }: { readonly fileLease: FileLease; readonly generations: Generations }
): Effect.Effect<(base: string) => Effect.Effect<void>, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path

    const areAbandoned = (folder: string, isRelevant: (file: string) => boolean) =>
      Effect.flatMap(fs.readDirectory(folder), (files) =>
        files.every(isOurs)
          ? Effect.every(files.filter(isRelevant), (file) => generations.isAbandoned(path.join(folder, file)))
          : Effect.succeed(false))

    const removeFolder = (folder: string) =>
      Effect.gen(function*() {
        if (!(yield* generations.isAbandoned(folder)) || !(yield* areAbandoned(folder, () => true))) return
        // Who comes back to it in this moment waits until it is gone, and makes it anew.
        if (!(yield* fileLease.tryTake(folder))) return
        if (yield* areAbandoned(folder, (file) => file.startsWith("record."))) {
          yield* fs.remove(folder, { recursive: true })
        }
      }).pipe(Effect.scoped)

    const look = (base: string) => (name: string) => {
      const file = path.join(base, name)
      if (isTemporary(name)) {
        return Effect.flatMap(generations.isAbandoned(file), (abandoned) => abandoned ? fs.remove(file) : Effect.void)
      }
      return /^[\w-]{43}$/.test(name) ? removeFolder(file) : Effect.void
    }

    return (base) =>
      Effect.gen(function*() {
        const names = yield* fs.readDirectory(base)
        const start = yield* Random.nextIntBetween(0, Math.max(1, names.length))
        const looked = [...names.slice(start), ...names.slice(0, start)].slice(0, LOOKS)
        yield* Effect.forEach(looked, (name) => Effect.ignore(look(base)(name)), { discard: true })
      }).pipe(Effect.ignore)
  })
