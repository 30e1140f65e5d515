import type { TokenStorageError } from "@effect-mcp-auth/core/OAuthError"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { explain, isMissing } from "./explain.ts"
import type { Generations } from "./generations.ts"
import type { PrivateFiles } from "./privateFiles.ts"

/** How often a waiting process looks whether the lease is free. */
const POLL_INTERVAL = Duration.millis(50)

/**
 * Waits for the lease of a name, and holds it for the scope. A lease is a file whose modification time is ahead: its
 * holder moves the time ahead for as long as it lives. An empty file means that the lease was released.
 *
 * @internal
 */
export const make = (options: {
  readonly files: PrivateFiles
  readonly generations: Generations
  /** How long a lease lasts after its holder has died. */
  readonly leaseDuration: Duration.Duration
}): Effect.Effect<
  (name: string) => Effect.Effect<void, TokenStorageError, Scope.Scope>,
  never,
  FileSystem.FileSystem
> =>
  Effect.map(FileSystem.FileSystem, (fs) => {
    const { fileOf, highest, publish } = options.generations
    const leaseDuration = Duration.toMillis(options.leaseDuration)

    /** Whether the holder has released the lease, or has not extended it in time. */
    const isFree = (file: string) =>
      Effect.gen(function*() {
        const { mtime, size } = yield* fs.stat(file)
        const now = yield* Clock.currentTimeMillis
        const left = Option.match(mtime, { onNone: () => 0, onSome: (until) => until.getTime() - now })
        // A lease that ends later than any lease can end: the clock was set back, so the lease counts as free.
        return Number(size) === 0 || left < 0 || left > 2 * leaseDuration
      })

    const until = Effect.map(Clock.currentTimeMillis, (now) => now + leaseDuration)

    /** Tries to take the lease. Returns its number, or none if another process holds the lease. */
    const takeNext = (folder: string) =>
      Effect.gen(function*() {
        const generation = yield* highest(folder, "lease")
        if (generation > 0 && !(yield* isFree(fileOf(folder, "lease", generation)))) return Option.none()
        const taken = yield* publish(folder, "lease", generation + 1, crypto.randomUUID(), yield* until)
        return taken ? Option.some(generation + 1) : Option.none()
      }).pipe(
        // The lease was released, or the folder removed, at this moment.
        Effect.catchIf(isMissing, () => Effect.succeedNone),
        Effect.mapError(explain("lease"))
      )

    /**
     * Publishes an empty file. If the lease was lost, another process has taken the next number, and nothing is
     * published.
     */
    const release = (folder: string, generation: number) =>
      Effect.ignore(
        Effect.flatMap(Clock.currentTimeMillis, (now) => publish(folder, "lease", generation + 1, "", now))
      )

    const extend = (file: string) => Effect.flatMap(until, (time) => fs.utimes(file, new Date(time), new Date(time)))

    const tryTake = (folder: string) =>
      Effect.gen(function*() {
        const taken = yield* takeNext(folder)
        if (Option.isNone(taken)) return false
        yield* Effect.addFinalizer(() => release(folder, taken.value))
        // A failed extension does not stop the next one. If the lease is lost, the storage still refuses older tokens.
        yield* Effect.ignore(extend(fileOf(folder, "lease", taken.value))).pipe(
          Effect.schedule(Schedule.spaced(Duration.millis(leaseDuration / 4))),
          Effect.interruptible,
          Effect.forkScoped
        )
        return true
      }).pipe(Effect.uninterruptible)

    return (name) =>
      Effect.gen(function*() {
        while (true) {
          // The folder is made each time, because an operator may delete the directory.
          const { path } = yield* options.files.folder("lease", name)
          if (yield* tryTake(path)) return
          yield* Effect.sleep(POLL_INTERVAL)
        }
      })
  })
