import { FileSystem } from "@effect/platform"
import { describe, expect } from "@effect/vitest"
import { Clock, type Duration, Effect, Exit, Fiber, Scope, TestClock } from "effect"
import { key, live, open, stored, timed } from "../support/storage.ts"

/** One turn of the event loop, in which results of the disk arrive. */
const turn = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))

const until = (is: () => boolean) => Effect.repeat(turn, { until: is })

/** How many fibers sleep on the clock of a test. */
interface Sleepers {
  count: number
}

/** A test on `TestClock` that sees how many fibers sleep. */
const watched = (name: string, body: (sleepers: Sleepers) => Parameters<typeof timed<void, unknown>>[1]) =>
  timed(
    name,
    Effect.flatMap(Effect.clock, (clock) => {
      const sleepers = { count: 0 }
      const sleep = (duration: Duration.Duration) =>
        Effect.suspend(() => {
          sleepers.count++
          return Effect.ensuring(clock.sleep(duration), Effect.sync(() => sleepers.count--))
        })
      return Effect.withClock(body(sleepers), Object.create(clock, { sleep: { value: sleep } }))
    })
  )

/** Waits for the disk until so many fibers sleep: they have finished their work at this time of the clock. */
const untilSleepers = (sleepers: Sleepers, count: number) => until(() => sleepers.count === count)

/** Advances the clock in small steps until the fiber has its result. */
const timePasses = <A, E>(fiber: Fiber.RuntimeFiber<A, E>) =>
  TestClock.adjust("50 millis").pipe(
    Effect.zipRight(turn),
    Effect.repeat({ until: () => fiber.unsafePoll() !== null }),
    Effect.zipRight(Fiber.join(fiber))
  )

const isWaiting = <A, E>(fiber: Fiber.RuntimeFiber<A, E>) => Effect.sync(() => fiber.unsafePoll() === null)

/** The file system, and how often it has read a directory: once for each look at a lease. */
const counting = Effect.map(FileSystem.FileSystem, (fs) => {
  const counts = { looks: 0 }
  const counted: FileSystem.FileSystem = {
    ...fs,
    readDirectory: (...args) => Effect.tap(fs.readDirectory(...args), () => Effect.sync(() => counts.looks++))
  }
  return { counts, fs: counted }
})

describe("the lease of a file storage", () => {
  /** The file system of a process that was stopped: this process extends no lease. */
  const stopped = FileSystem.FileSystem.pipe(Effect.map((fs): FileSystem.FileSystem => ({
    ...fs,
    utimes: (path, ...times) => path.includes("lease.") ? Effect.void : fs.utimes(path, ...times)
  })))

  watched(
    "goes from a stopped holder to the next waiter, and is not released by the first holder when it continues",
    (sleepers) =>
      Effect.gen(function*() {
        const { directory } = yield* stored
        const options = { directory, leaseDuration: "10 seconds" } as const
        const holder = yield* open(options).pipe(Effect.provideServiceEffect(FileSystem.FileSystem, stopped))
        const first = yield* Scope.make()
        yield* Scope.extend(holder.lease(key), first)
        const second = yield* Scope.make()
        const taking = yield* Effect.fork(Scope.extend((yield* open(options)).lease(key), second))
        yield* timePasses(taking)
        expect(yield* Clock.currentTimeMillis).toBeGreaterThan(10_000)
        // The first holder continues, and has nothing to release.
        yield* Scope.close(first, Exit.void)
        const { counts, fs } = yield* counting
        // A waiting process with a longer `leaseDuration` waits as well.
        const third = yield* open({ directory, leaseDuration: "1 day" }).pipe(
          Effect.provideService(FileSystem.FileSystem, fs)
        )
        const others = sleepers.count
        const waiting = yield* Effect.fork(Effect.scoped(third.lease(key)))
        yield* untilSleepers(sleepers, others + 1)
        expect(counts.looks).toBe(1)
        expect(yield* isWaiting(waiting)).toBe(true)
        yield* Scope.close(second, Exit.void)
        yield* timePasses(waiting)
      })
  )

  live(
    "is taken in the new directory by a waiting process after an operator has deleted the directory",
    Effect.gen(function*() {
      const { directory, fs } = yield* stored
      const first = yield* Scope.make()
      const options = { directory, leaseDuration: "1 day" } as const
      yield* Scope.extend((yield* open(options)).lease(key), first)
      const { counts, fs: counted } = yield* counting
      const second = yield* open(options).pipe(Effect.provideService(FileSystem.FileSystem, counted))
      const waiting = yield* Effect.fork(Effect.scoped(second.lease(key)))
      yield* until(() => counts.looks > 1)
      yield* fs.remove(directory, { recursive: true })
      yield* Fiber.join(waiting)
      yield* Scope.close(first, Exit.void)
    })
  )

  watched(
    "does not expire while its holder lives, and goes to the waiting process when it is released",
    (sleepers) =>
      Effect.gen(function*() {
        const { directory } = yield* stored
        let extensions = 0
        const extending = FileSystem.FileSystem.pipe(Effect.map((fs): FileSystem.FileSystem => ({
          ...fs,
          utimes: (path, ...times) =>
            Effect.tap(fs.utimes(path, ...times), () =>
              Effect.sync(() => {
                if (path.includes("lease.")) extensions++
              }))
        })))
        const options = { directory, leaseDuration: "3 seconds" } as const
        const holder = yield* open(options).pipe(Effect.provideServiceEffect(FileSystem.FileSystem, extending))
        const first = yield* Scope.make()
        yield* Scope.extend(holder.lease(key), first)
        const { counts, fs } = yield* counting
        const other = yield* open(options).pipe(Effect.provideService(FileSystem.FileSystem, fs))
        const waiting = yield* Effect.fork(Effect.scoped(other.lease(key)))
        yield* untilSleepers(sleepers, 2)
        // Six times a quarter of the lease: longer than the lease as a whole. The waiting process looks each time.
        for (let quarter = 1; quarter <= 6; quarter++) {
          const { looks } = counts
          yield* TestClock.adjust("750 millis")
          yield* untilSleepers(sleepers, 2)
          expect(extensions).toBe(quarter)
          expect(counts.looks).toBeGreaterThan(looks)
        }
        expect(yield* isWaiting(waiting)).toBe(true)
        yield* Scope.close(first, Exit.void)
        yield* timePasses(waiting)
      })
  )
})
