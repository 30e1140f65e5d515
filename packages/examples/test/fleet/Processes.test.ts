import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import * as Processes from "../../src/fleet/Processes.ts"

describe("Processes", () => {
  it.scopedLive("a killed process is replaced while the scope is open, and not after it has closed", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const processes = yield* Scope.extend(
        Processes.make(1, {
          fibers: 0,
          pause: 0,
          leaseDuration: 1000,
          serverUrl: "http://127.0.0.1:1",
          issuer: "http://127.0.0.1:1",
          clientId: "fleet",
          clientSecret: "",
          encryptionKey: "",
          storage: { _tag: "memory" }
        }),
        scope
      )
      yield* Effect.promise(() => processes.kill("worker-1"))
      expect(processes.counts().length).toBe(2)
      yield* Scope.close(scope, Exit.void)
      yield* Effect.promise(() => processes.kill("worker-2"))
      expect(processes.counts().length).toBe(2)
      expect(processes.crashed()).toBe(0)
    }))
})
