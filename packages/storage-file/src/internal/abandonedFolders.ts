import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { type Generations, isOurs } from "./generations.ts"
import { isTemporary, temporaryName } from "./temporaryFiles.ts"

/** How many folders one write looks at: few enough for a fast write, and over time each folder has its turn. */
const LOOKS = 8

/**
 * Keeps a directory from growing: each write looks at a few folders of other tokens, and removes those in which every
 * file expired some time ago.
 *
 * @internal
 */
export const make = (
  generations: Generations
): Effect.Effect<(base: string) => Effect.Effect<void>, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path

    const isAbandoned = (folder: string) =>
      Effect.gen(function*() {
        if (!(yield* generations.isAbandoned(folder))) return false
        const files = yield* fs.readDirectory(folder)
        if (!files.every(isOurs)) return false
        for (const file of files) {
          if (!(yield* generations.isAbandoned(path.join(folder, file)))) return false
        }
        return true
      })

    const removeFolder = (base: string, folder: string) =>
      Effect.gen(function*() {
        if (!(yield* isAbandoned(folder))) return
        // Another process may write into the folder at this moment. Once the folder has another name, no process can.
        const aside = path.join(base, temporaryName())
        yield* fs.rename(folder, aside)
        yield* (yield* isAbandoned(aside)) ? fs.remove(aside, { recursive: true }) : fs.rename(aside, folder)
      }).pipe(Effect.uninterruptible)

    const look = (base: string) => (name: string) => {
      const file = path.join(base, name)
      if (/^[\w-]{43}$/.test(name)) return removeFolder(base, file)
      return isTemporary(name) ? generations.removeAbandoned(file) : Effect.void
    }

    return (base) =>
      Effect.gen(function*() {
        const names = yield* fs.readDirectory(base)
        const start = yield* Random.nextIntBetween(0, Math.max(1, names.length))
        const looked = [...names.slice(start), ...names.slice(0, start)].slice(0, LOOKS)
        yield* Effect.forEach(looked, (name) => Effect.ignore(look(base)(name)), { discard: true })
      }).pipe(Effect.ignore)
  })
