import { FileSystem } from "@effect/platform"
import { describe, expect } from "@effect/vitest"
import { Effect, Exit, Fiber, Option, Scope } from "effect"
import { key, live, open, stored } from "../support/storage.ts"

describe("the lease", () => {
  /** A process that was stopped: its clock beats no more. */
  const stopped = FileSystem.FileSystem.pipe(Effect.map((fs): FileSystem.FileSystem => ({
    ...fs,
    utimes: (path, ...times) => path.includes("lease.") ? Effect.void : fs.utimes(path, ...times)
  })))

  live(
    "of a holder that was stopped goes to the next, and does not come back with it",
    Effect.gen(function*() {
      const { directory } = yield* stored
      const options = { directory, leaseDuration: "100 millis" } as const
      const holder = yield* open(options).pipe(Effect.provideServiceEffect(FileSystem.FileSystem, stopped))
      const first = yield* Scope.make()
      yield* Scope.extend(holder.lease(key), first)
      const second = yield* Scope.make()
      yield* Scope.extend((yield* open(options)).lease(key), second)
      // It wakes up, and has nothing to release.
      yield* Scope.close(first, Exit.void)
      // By its own measure nobody is dead within a day.
      const third = yield* open({ directory, leaseDuration: "1 day" })
      const waiting = yield* Effect.fork(Effect.scoped(third.lease(key)))
      yield* Effect.repeatN(third.get(key), 20)
      expect(Option.isNone(yield* Fiber.poll(waiting))).toBe(true)
      yield* Scope.close(second, Exit.void)
      yield* Fiber.join(waiting)
    })
  )

  live(
    "goes on when somebody clears the directory away: who waits has it in the new one",
    Effect.gen(function*() {
      const { directory, fs } = yield* stored
      const first = yield* Scope.make()
      const options = { directory, leaseDuration: "1 day" } as const
      yield* Scope.extend((yield* open(options)).lease(key), first)
      let looks = 0
      const counting: FileSystem.FileSystem = {
        ...fs,
        readDirectory: (...args) => Effect.zipRight(Effect.sync(() => looks++), fs.readDirectory(...args))
      }
      const second = yield* open(options).pipe(Effect.provideService(FileSystem.FileSystem, counting))
      const waiting = yield* Effect.fork(Effect.scoped(second.lease(key)))
      yield* Effect.repeat(Effect.yieldNow(), { until: () => looks > 1 })
      yield* fs.remove(directory, { recursive: true })
      yield* Fiber.join(waiting)
      yield* Scope.close(first, Exit.void)
    })
  )

  live(
    "of a holder that is alive does not end",
    Effect.gen(function*() {
      const { directory } = yield* stored
      const beats: Array<string> = []
      const counting = FileSystem.FileSystem.pipe(Effect.map((fs): FileSystem.FileSystem => ({
        ...fs,
        utimes: (path, ...times) => {
          if (path.includes("lease.")) beats.push(path)
          return fs.utimes(path, ...times)
        }
      })))
      const options = { directory, leaseDuration: "3 seconds" } as const
      const holder = yield* open(options).pipe(Effect.provideServiceEffect(FileSystem.FileSystem, counting))
      const first = yield* Scope.make()
      yield* Scope.extend(holder.lease(key), first)
      const waiting = yield* open(options).pipe(Effect.flatMap(({ lease }) => Effect.fork(Effect.scoped(lease(key)))))
      // Each a quarter of the lease: longer than the lease as a whole.
      yield* Effect.yieldNow().pipe(
        Effect.zipRight(Effect.sleep("20 millis")),
        Effect.repeat({ until: () => beats.length >= 6 })
      )
      expect(Option.isNone(yield* Fiber.poll(waiting))).toBe(true)
      yield* Scope.close(first, Exit.void)
      yield* Fiber.join(waiting)
    })
  )
})
