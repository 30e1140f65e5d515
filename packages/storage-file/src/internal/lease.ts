import * as FileSystem from "@effect/platform/FileSystem"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { TokenStorageError } from "@effect-mcp-auth/core/OAuthError"
import type { Generations } from "./generations.ts"
import { explain, isMissing, type PrivateFiles } from "./privateFiles.ts"

/** How often one that waits looks whether the lease is free. */
const POLL_INTERVAL = Duration.millis(50)

/**
 * Waits for the lease of a name, and holds it for the scope. A lease is a file whose time its holder moves ahead while it
 * lives; an empty one says that it was released.
 *
 * - `leaseDuration`: how long after its holder has died a lease ends.
 *
 * @internal
 */
export const make = (options: {
  readonly files: PrivateFiles
  readonly generations: Generations
  readonly leaseDuration: Duration.Duration
}): Effect.Effect<
  (name: string) => Effect.Effect<void, TokenStorageError, Scope.Scope>,
  never,
  FileSystem.FileSystem
> =>
  Effect.map(FileSystem.FileSystem, (fs) => {
    const { fileOf, highest, publish } = options.generations
    const leaseDuration = Duration.toMillis(options.leaseDuration)

    /** Whether the holder has released it, or gives no sign of life. */
    const isFree = (file: string) =>
      Effect.gen(function*() {
        const { mtime, size } = yield* fs.stat(file)
        const now = yield* Clock.currentTimeMillis
        const left = Option.match(mtime, { onNone: () => 0, onSome: (until) => until.getTime() - now })
        // No lease is so long: the clock was set back.
        return size === FileSystem.Size(0) || left < 0 || left > 2 * leaseDuration
      })

    const until = Effect.map(Clock.currentTimeMillis, (now) => now + leaseDuration)

    /** The generation that is now this process's. */
    const takeNext = (folder: string) =>
      Effect.gen(function*() {
        const generation = yield* highest(folder, "lease")
        if (generation > 0 && !(yield* isFree(fileOf(folder, "lease", generation)))) return Option.none()
        const taken = yield* publish(folder, "lease", generation + 1, crypto.randomUUID(), yield* until)
        return taken ? Option.some(generation + 1) : Option.none()
      }).pipe(
        // Released, or the folder removed, in this moment.
        Effect.catchIf(isMissing, () => Effect.succeedNone),
        Effect.mapError(explain("lease"))
      )

    /** If the lease was lost, the next number is taken, and this does nothing. */
    const release = (folder: string, generation: number) =>
      Effect.ignore(
        Effect.flatMap(Clock.currentTimeMillis, (now) => publish(folder, "lease", generation + 1, "", now))
      )

    const beat = (file: string) => Effect.flatMap(until, (time) => fs.utimes(file, new Date(time), new Date(time)))

    const tryTake = (folder: string) =>
      Effect.gen(function*() {
        const taken = yield* takeNext(folder)
        if (Option.isNone(taken)) return false
        yield* Effect.addFinalizer(() => release(folder, taken.value))
        // A beat that fails says nothing about the next one, unless the lease is lost, which harms nobody.
        yield* Effect.ignore(beat(fileOf(folder, "lease", taken.value))).pipe(
          Effect.schedule(Schedule.spaced(Duration.millis(leaseDuration / 4))),
          Effect.interruptible,
          Effect.forkScoped
        )
        return true
      }).pipe(Effect.uninterruptible)

    return (name) =>
      Effect.gen(function*() {
        while (true) {
          // Each time anew: somebody may clear the directory away.
          const { path } = yield* options.files.folder("lease", name)
          if (yield* tryTake(path)) return
          yield* Effect.sleep(POLL_INTERVAL)
        }
      })
  })
