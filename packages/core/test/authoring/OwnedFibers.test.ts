import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import * as OwnedFibers from "../../src/authoring/OwnedFibers.ts"

const makeIn = (scope: Scope.Scope, onClose?: () => void) => Scope.extend(OwnedFibers.make(onClose), scope)

describe("OwnedFibers", () => {
  it.effect("a fiber continues after the caller that started it was interrupted", () =>
    Effect.gen(function*() {
      const owned = yield* OwnedFibers.make()
      const latch = yield* Effect.makeLatch()
      const fiber = owned.fork(Effect.as(latch.await, "done"))
      const caller = yield* Effect.fork(Fiber.join(fiber))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(caller)
      yield* latch.open
      expect(yield* Fiber.join(fiber)).toBe("done")
    }).pipe(Effect.scoped))

  it.effect("the end of the scope interrupts every fiber, after `onClose` has run", () =>
    Effect.gen(function*() {
      const steps: Array<string> = []
      const scope = yield* Scope.make()
      const owned = yield* makeIn(scope, () => steps.push(`onClose, closed: ${owned.isClosed()}`))
      const fiber = owned.fork(Effect.onInterrupt(Effect.never, () => Effect.sync(() => steps.push("interrupted"))))
      yield* Effect.yieldNow()
      expect(owned.isClosed()).toBe(false)
      yield* Scope.close(scope, Exit.void)
      expect(Exit.isInterrupted(yield* Fiber.await(fiber))).toBe(true)
      expect(steps).toEqual(["onClose, closed: true", "interrupted"])
    }))

  it.effect("a fiber can be interrupted although its owner was made in an uninterruptible region", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const owned = yield* Effect.uninterruptible(makeIn(scope))
      const fiber = owned.fork(Effect.never)
      yield* Effect.yieldNow()
      yield* Scope.close(scope, Exit.void)
      expect(Exit.isInterrupted(yield* Fiber.await(fiber))).toBe(true)
    }))

  it.effect("a caller gets the outcome of `onClosed` when the owner ends, and not an interruption", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const owned = yield* makeIn(scope)
      const fiber = owned.fork(Effect.never)
      const caller = yield* Effect.fork(owned.orWhenClosed(Fiber.join(fiber), Effect.fail("closed")))
      yield* Effect.yieldNow()
      yield* Scope.close(scope, Exit.void)
      expect(yield* Fiber.await(caller)).toEqual(Exit.fail("closed"))
    }))

  it.effect("a caller sees an interruption from below as it is while the owner is open", () =>
    Effect.gen(function*() {
      const owned = yield* OwnedFibers.make()
      const exit = yield* Effect.exit(owned.orWhenClosed(Effect.interrupt, Effect.fail("closed")))
      expect(Exit.isInterrupted(exit)).toBe(true)
    }).pipe(Effect.scoped))

  it.effect("a failure passes through although the owner has ended", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const owned = yield* makeIn(scope)
      yield* Scope.close(scope, Exit.void)
      const exit = yield* Effect.exit(owned.orWhenClosed(Effect.fail("refused"), Effect.fail("closed")))
      expect(exit).toEqual(Exit.fail("refused"))
    }))
})
