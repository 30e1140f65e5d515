import { describe, expect, it } from "@effect/vitest"
import { RefreshPolicy } from "../../../src/index.ts"
import { HeldToken } from "../../../src/internal/lifecycle/heldToken.ts"
import { makeToken } from "./fixtures.ts"

const make = (options?: Partial<RefreshPolicy.Options>) => new HeldToken(RefreshPolicy.make(options))

const minutes = (count: number) => count * 60_000

/** Holds another token at a moment, as the replacement of a rejected one. */
const holdReplacement = (held: HeldToken, at: number) =>
  held.hold(makeToken({ issuedAt: at, expiresAt: at + minutes(60) }), "Rejected", at, 0, 0)

describe("HeldToken", () => {
  it("holds nothing at first", () => {
    const held = make()
    expect(held.token).toBe(undefined)
    expect(held.valid(0)).toBe(undefined)
    expect(held.rejected).toBe(undefined)
    expect(held.moments).toEqual({ renewAt: 0, mandatoryAt: 0 })
  })

  it("a token is valid from its issue to its expiry, and is still held after that", () => {
    const held = make()
    const token = makeToken({ issuedAt: 1000, expiresAt: 5000 })
    held.hold(token, "First", 1000, 0, 0)
    expect([999, 1000, 4999, 5000].map((at) => held.valid(at))).toEqual([undefined, token, token, undefined])
    expect(held.token).toBe(token)
  })

  it("the renewal is planned by the policy, the jitter and the latency of the last request", () => {
    const held = make()
    held.hold(makeToken(), "First", 0, 0, 0)
    expect(held.moments).toEqual({ renewAt: minutes(45), mandatoryAt: minutes(59) })
    held.hold(makeToken(), "Scheduled", 0, 0.5, 0)
    expect(held.moments.renewAt).toBe(minutes(48.5))
    held.hold(makeToken(), "Scheduled", 0, 0.5, minutes(6))
    expect(held.moments.renewAt).toBe(minutes(47))
  })

  it("another token is unused until a caller has it", () => {
    const held = make()
    held.used = true
    held.hold(makeToken(), "Scheduled", 0, 0, 0)
    expect(held.used).toBe(false)
  })

  it("a rejected token is dropped and remembered", () => {
    const held = make()
    const token = makeToken()
    held.hold(token, "First", 0, 0, 0)
    expect(held.reject(1)).toBe(true)
    expect(held.token).toBe(undefined)
    expect(held.rejected).toBe(token)
  })

  it("a replacement that is rejected too stays for `rejectionMemory`, doubled each time up to `backoff.max`", () => {
    const held = make({ rejectionMemory: "1 second", backoff: { base: 1, max: "3 seconds" } })
    held.hold(makeToken(), "First", 0, 0, 0)
    let at = 0
    expect(held.reject(at)).toBe(true)
    for (const memory of [1000, 2000, 3000, 3000]) {
      holdReplacement(held, at)
      expect(held.reject(at)).toBe(false)
      expect(held.reject(at + memory - 1)).toBe(false)
      expect(held.token).toBeDefined()
      at += memory
      expect(held.reject(at)).toBe(true)
    }
  })

  it("the first rejection is answered with a replacement, also if the token was obtained for another's rejection", () => {
    const held = make()
    holdReplacement(held, 0)
    expect(held.reject(0)).toBe(true)
  })

  it("a rejection of a renewed token is not counted with those before it", () => {
    const held = make()
    held.hold(makeToken(), "First", 0, 0, 0)
    held.reject(0)
    holdReplacement(held, 0)
    held.hold(makeToken(), "Scheduled", 10, 0, 0)
    expect(held.reject(10)).toBe(true)
    holdReplacement(held, 10)
    // One rejection in a row, so that the memory is one second again.
    expect(held.reject(1009)).toBe(false)
    expect(held.reject(1010)).toBe(true)
  })

  it("a step-up between rejections does not end their count", () => {
    const held = make()
    held.hold(makeToken(), "First", 0, 0, 0)
    held.reject(0)
    holdReplacement(held, 0)
    held.hold(makeToken(), "StepUp", 10, 0, 0)
    // The token of a step-up is not the replacement of a rejected one.
    expect(held.reject(10)).toBe(true)
    holdReplacement(held, 10)
    expect(held.reject(10)).toBe(false)
    expect(held.reject(1010)).toBe(false)
    expect(held.reject(2010)).toBe(true)
  })

  it.each([
    { after: 0, outcome: "kept" },
    { after: 999, outcome: "kept" },
    { after: 1000, outcome: "replaced" },
    { after: 1999, outcome: "replaced" },
    { after: 2000, outcome: "replaced" },
    { after: minutes(59), outcome: "replaced" }
  ])("after five rejections 5 s apart, a token that is first rejected $after ms later is $outcome", (row) => {
    const held = make()
    held.hold(makeToken(), "First", 0, 0, 0)
    held.reject(0)
    let at = 0
    for (let revocations = 0; revocations < 5; revocations++) {
      holdReplacement(held, at)
      at += 5000
      expect(held.reject(at)).toBe(true)
    }
    holdReplacement(held, at)
    expect(held.reject(at + row.after)).toBe(row.outcome === "replaced")
  })

  it("a replacement that was kept although it was rejected at once does not count as good for a while", () => {
    const held = make()
    held.hold(makeToken(), "First", 0, 0, 0)
    held.reject(0)
    holdReplacement(held, 0)
    expect(held.reject(1)).toBe(false)
    expect(held.reject(5000)).toBe(true)
    holdReplacement(held, 5000)
    // Two rejections in a row: the memory is two seconds.
    expect(held.reject(5001)).toBe(false)
    expect(held.reject(6999)).toBe(false)
    expect(held.reject(7000)).toBe(true)
  })

  it.each([{ age: 1999, outcome: "kept" }, { age: 2000, outcome: "replaced" }])(
    "after three rejections at once, a replacement that is first rejected $age ms later is $outcome",
    ({ age, outcome }) => {
      const held = make()
      held.hold(makeToken(), "First", 0, 0, 0)
      held.reject(0)
      for (const at of [0, 1000]) {
        holdReplacement(held, at)
        expect(held.reject(at)).toBe(false)
        expect(held.reject(at === 0 ? 1000 : 3000)).toBe(true)
      }
      holdReplacement(held, 3000)
      expect(held.reject(3000 + age)).toBe(outcome === "replaced")
    }
  )

  it("a replacement that a slow server rejected on its first use counts as rejected at once", () => {
    const held = make()
    held.hold(makeToken(), "First", 0, 0, 0)
    held.reject(0)
    holdReplacement(held, 0)
    held.rejectedAtOnce()
    expect(held.token).toBeDefined()
    expect(held.reject(60_000)).toBe(true)
    holdReplacement(held, 60_000)
    held.rejectedAtOnce()
    expect(held.reject(61_999)).toBe(false)
    expect(held.reject(62_000)).toBe(true)
  })
})
