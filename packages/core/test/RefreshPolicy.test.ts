import { describe, expect, it } from "@effect/vitest"
import { Duration, Redacted } from "effect"
import * as FastCheck from "effect/FastCheck"
import { AccessToken, OAuthError, RefreshPolicy } from "../src/index.ts"

const tokenOf = (lifetime: number) =>
  new AccessToken.AccessToken({
    value: Redacted.make("canary"),
    tokenType: "Bearer",
    scopes: [],
    issuer: "https://auth.example.com",
    issuedAt: 0,
    expiresAt: lifetime
  })

const minutes = (count: number) => count * 60_000
const hours = (count: number) => minutes(count * 60)

describe("windows", () => {
  const cases: ReadonlyArray<readonly [name: string, life: number, renewAt: number, mandatoryAt: number]> = [
    ["2 seconds", 2000, 1500, 1900],
    ["60 seconds", 60_000, 45_000, 57_000],
    ["20 minutes", minutes(20), minutes(15), minutes(19)],
    ["1 hour", hours(1), minutes(45), minutes(59)],
    ["90 minutes", minutes(90), minutes(75), minutes(89)],
    ["24 hours", hours(24), hours(23), hours(24) - 60_000]
  ]
  for (const [name, life, renewAt, mandatoryAt] of cases) {
    it(`of a life of ${name}`, () => {
      expect(RefreshPolicy.moments(RefreshPolicy.standard, tokenOf(life), 0)).toEqual({ renewAt, mandatoryAt })
    })
  }

  it.prop(
    "are in order within the life, whatever the life, the roll and the windows",
    [
      FastCheck.integer({ min: 0, max: 2 ** 45 }),
      FastCheck.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      FastCheck.integer({ min: 0, max: 2 ** 45 }),
      FastCheck.integer({ min: 0, max: 2 ** 45 })
    ],
    ([life, jitter, advisory, mandatory]) => {
      for (
        const policy of [
          RefreshPolicy.standard,
          RefreshPolicy.make({
            advisoryWindow: () => Duration.millis(advisory),
            mandatoryWindow: () => Duration.millis(mandatory)
          })
        ]
      ) {
        const { mandatoryAt, renewAt } = RefreshPolicy.moments(policy, tokenOf(life), jitter)
        expect(renewAt).toBeGreaterThanOrEqual(Math.floor(life / 2))
        expect(renewAt).toBeLessThanOrEqual(mandatoryAt)
        expect(mandatoryAt).toBeLessThanOrEqual(life)
      }
    }
  )

  it("a skew larger than the life does not make every request a token request", () => {
    const policy = RefreshPolicy.make({
      advisoryWindow: () => Duration.minutes(5),
      mandatoryWindow: () => Duration.minutes(5)
    })
    expect(RefreshPolicy.moments(policy, tokenOf(60_000), 0)).toEqual({ renewAt: 30_000, mandatoryAt: 30_000 })
  })
})

describe("backoff", () => {
  const unavailable = (retryAfter?: number) =>
    new OAuthError.TokenEndpointError({
      reason: "Unavailable",
      url: "",
      description: "",
      ...(retryAfter === undefined ? {} : { retryAfter })
    })

  it.prop(
    "never below the base, never half as much again above the longest",
    [
      FastCheck.nat(),
      FastCheck.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      FastCheck.boolean()
    ],
    ([times, jitter, urgent]) => {
      const wait = RefreshPolicy.delay(RefreshPolicy.standard, times, unavailable(), jitter, urgent)
      expect(wait).toBeGreaterThanOrEqual(1000)
      expect(wait).toBeLessThanOrEqual(urgent ? 45_000 : 450_000)
    }
  )

  it("doubles", () => {
    const waits = (urgent: boolean) =>
      [0, 1, 2, 3, 5, 9].map((times) => RefreshPolicy.delay(RefreshPolicy.standard, times, unavailable(), 0, urgent))
    expect(waits(false)).toEqual([1000, 2000, 4000, 8000, 32_000, 300_000])
    expect(waits(true)).toEqual([1000, 2000, 4000, 8000, 30_000, 30_000])
  })

  it("is what the server said and up to a tenth more, between a second and an hour, however often it failed", () => {
    const wait = (jitter: number) => (retryAfter: number) =>
      RefreshPolicy.delay(RefreshPolicy.standard, 9, unavailable(retryAfter), jitter, false)
    expect([10, 1000, 7000, 3_600_000, 1e12].map(wait(0))).toEqual([1000, 1000, 7000, 3_600_000, 3_600_000])
    expect([10, 1000, 7000].map(wait(0.5))).toEqual([1000, 1050, 7350])
  })

  it("is not shorter than a refusal is remembered", () => {
    const refused = new OAuthError.TokenEndpointError({ reason: "Refused", url: "", description: "" })
    expect([0, 2, 3, 9].map((times) => RefreshPolicy.delay(RefreshPolicy.standard, times, refused, 0, true))).toEqual([
      5000,
      5000,
      8000,
      30_000
    ])
  })

  it("errors are remembered: final ones for a while, others as long as the server said", () => {
    const refused = new OAuthError.TokenEndpointError({ reason: "Refused", url: "", description: "" })
    expect(RefreshPolicy.memory(RefreshPolicy.standard, refused)).toBe(5000)
    expect(RefreshPolicy.memory(RefreshPolicy.standard, unavailable())).toBe(0)
    expect(RefreshPolicy.memory(RefreshPolicy.standard, unavailable(7000))).toBe(7000)
    expect(
      RefreshPolicy.memory(
        RefreshPolicy.standard,
        new OAuthError.DiscoveryError({ reason: "Unavailable", url: "", description: "" })
      )
    ).toBe(0)
  })
})
