import { describe, expect, it } from "@effect/vitest"
import { ignoreLongTimers, Limits } from "../../src/worker/limits.ts"

const ends = (test: () => unknown) => new Limits(0, 300).run(test)

describe("Limits", () => {
  it("lets a test end that returns or resolves", async () => {
    await expect(ends(() => undefined)).resolves.toBeUndefined()
    await expect(ends(() => Promise.resolve())).resolves.toBeUndefined()
  })

  it("passes on the failure of a test", async () => {
    await expect(ends(() => Promise.reject(new Error("no")))).rejects.toThrow("no")
  })

  it("ends a test that waits while the process has nothing to do, and no code of the test goes on", async () => {
    await expect(ends(() => new Promise(() => undefined))).rejects.toMatchObject({ idle: true })
  })

  it("ends a test that waits beside a timer of weeks, with which Effect keeps a process running", async () => {
    const { setInterval: original, setTimeout: originalTimeout } = globalThis
    ignoreLongTimers()
    const timers: Array<NodeJS.Timeout> = []
    const waits = () => {
      timers.push(setInterval(() => undefined, 2 ** 31 - 1))
      return new Promise(() => undefined)
    }
    await expect(ends(waits)).rejects.toMatchObject({ idle: true })
    for (const timer of timers) clearInterval(timer)
    Object.assign(globalThis, { setInterval: original, setTimeout: originalTimeout })
  })

  it("ends a test that keeps the process busy, and its code may go on", async () => {
    const loop = { goesOn: true }
    const spin = async (): Promise<void> => {
      while (loop.goesOn) await new Promise((resolve) => setImmediate(resolve))
    }
    await expect(ends(spin)).rejects.toMatchObject({ idle: false })
    loop.goesOn = false
  })

  it("does not know how long a test takes that has not run yet, and gives it 10 minutes of CPU time", () => {
    expect(new Limits(undefined, 300).milliseconds).toBe(600_000)
    expect(new Limits(10, 300).milliseconds).toBe(350)
  })
})
