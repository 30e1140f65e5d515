import { describe, expect } from "@effect/vitest"
import { Duration } from "effect"
import * as FastCheck from "effect/FastCheck"
import { AccessToken, OAuthError, RefreshPolicy } from "../src/index.ts"
import { jitter, lifetime, millis, moment, token } from "./support/arbitraries/token.ts"
import { property } from "./support/property.ts"

/** A token that lives for `life` milliseconds from `issuedAt` on, without a hint of its server. */
const withLife = (token: AccessToken.AccessToken, life: number, issuedAt = token.issuedAt) =>
  AccessToken.copy(token, { issuedAt, expiresAt: issuedAt + life, refreshAt: undefined })

/** The standard policy, or one whose windows are any durations, longer ones than the life included. */
const policy: FastCheck.Arbitrary<RefreshPolicy.RefreshPolicy> = FastCheck.oneof(
  FastCheck.constant(RefreshPolicy.standard),
  FastCheck.tuple(lifetime, lifetime).map(([advisory, mandatory]) =>
    RefreshPolicy.make({ advisoryWindow: () => advisory, mandatoryWindow: () => mandatory })
  ),
  FastCheck.tuple(jitter, jitter).map(([advisory, mandatory]) =>
    RefreshPolicy.make({
      advisoryWindow: Duration.times(advisory),
      mandatoryWindow: Duration.times(mandatory)
    })
  )
)

/** Two values in ascending order. */
const ordered = (of: FastCheck.Arbitrary<number>) =>
  FastCheck.tuple(of, of).map(([a, b]) => a < b ? [a, b] as const : [b, a] as const)

const latency = FastCheck.oneof(FastCheck.constant(0), millis(1, 60_000), millis(1, 10 ** 12))

describe("the moments of a token's life", () => {
  property(
    "lie in its second half, the renewal before the mandatory part and that before the expiry, for lives of 1 s to 10 years",
    [policy, token, lifetime, jitter, latency],
    ([policy, token, life, jitter, latency]) => {
      const lived = withLife(token, life)
      const { mandatoryAt, renewAt } = RefreshPolicy.moments(policy, lived, jitter, latency)
      expect(renewAt).toBeGreaterThanOrEqual(Math.floor(lived.issuedAt + life / 2))
      expect(renewAt).toBeLessThanOrEqual(mandatoryAt)
      expect(mandatoryAt).toBeGreaterThanOrEqual(lived.issuedAt + life / 2)
      expect(mandatoryAt).toBeLessThanOrEqual(lived.expiresAt)
    }
  )

  property(
    "with a longer latency: the renewal is never later, and the mandatory part stays where it is",
    [policy, token, jitter, ordered(latency)],
    ([policy, token, jitter, [shorter, longer]]) => {
      const before = RefreshPolicy.moments(policy, token, jitter, shorter)
      const after = RefreshPolicy.moments(policy, token, jitter, longer)
      expect(after.renewAt).toBeLessThanOrEqual(before.renewAt)
      expect(after.mandatoryAt).toBe(before.mandatoryAt)
    }
  )

  property(
    "leave twice the latency between the renewal and the mandatory part, unless half the life has not passed",
    [policy, token, jitter, latency],
    ([policy, token, jitter, latency]) => {
      const { mandatoryAt, renewAt } = RefreshPolicy.moments(policy, token, jitter, latency)
      const half = (token.issuedAt + token.expiresAt) / 2
      expect(mandatoryAt - Math.max(renewAt, half)).toBeGreaterThanOrEqual(Math.min(2 * latency, mandatoryAt - half))
    }
  )

  property(
    "without latency: the jitter moves the renewal from the start of the advisory part to half of it, in proportion",
    [policy, token, lifetime, jitter],
    ([policy, token, life, jitter]) => {
      const lived = withLife(token, life)
      const at = (jitter: number) => RefreshPolicy.moments(policy, lived, jitter).renewAt
      const { mandatoryAt } = RefreshPolicy.moments(policy, lived, 0)
      const window = Math.min(life / 2, Duration.toMillis(policy.advisoryWindow(Duration.millis(life))))
      expect(at(0)).toBe(Math.floor(Math.min(mandatoryAt, lived.expiresAt - window)))
      expect(Math.abs(at(jitter) - at(0) - jitter * (mandatoryAt - at(0)) / 2)).toBeLessThanOrEqual(2)
    }
  )

  property(
    "without latency and with a hint of the server: a larger jitter never moves the renewal earlier",
    [policy, token, ordered(jitter)],
    ([policy, token, [smaller, larger]]) => {
      const at = (jitter: number) => RefreshPolicy.moments(policy, token, jitter).renewAt
      expect(at(smaller)).toBeLessThanOrEqual(at(larger))
    }
  )

  property(
    "move with the time of issue",
    [policy, token, lifetime, moment, jitter, latency],
    ([policy, token, life, shift, jitter, latency]) => {
      const now = RefreshPolicy.moments(policy, withLife(token, life, 0), jitter, latency)
      const later = RefreshPolicy.moments(policy, withLife(token, life, shift), jitter, latency)
      expect(Math.abs(later.renewAt - now.renewAt - shift)).toBeLessThanOrEqual(1)
      expect(Math.abs(later.mandatoryAt - now.mandatoryAt - shift)).toBeLessThanOrEqual(1)
    }
  )

  property(
    "by default, a longer life has windows that are longer or equal, and at most a quarter and a twentieth of the life",
    [ordered(lifetime)],
    ([[shorter, longer]]) => {
      for (
        const [window, share, longest] of [
          [RefreshPolicy.standard.advisoryWindow, 1 / 4, Duration.hours(1)],
          [RefreshPolicy.standard.mandatoryWindow, 1 / 20, Duration.minutes(1)]
        ] as const
      ) {
        const [less, more] = [shorter, longer].map((life) => Duration.toMillis(window(Duration.millis(life))))
        expect(less).toBeLessThanOrEqual(more ?? Number.NaN)
        expect(more).toBeLessThanOrEqual(Math.min(longer * share, Duration.toMillis(longest)))
        expect(more).toBeGreaterThan(0)
      }
    }
  )

  property(
    "by default, a life of up to 20 minutes has the moments of a shorter one in proportion",
    [token, millis(1000, 60_000), FastCheck.integer({ min: 1, max: 20 }), jitter],
    ([token, life, factor, jitter]) => {
      const short = RefreshPolicy.moments(RefreshPolicy.standard, withLife(token, life, 0), jitter)
      const long = RefreshPolicy.moments(RefreshPolicy.standard, withLife(token, factor * life, 0), jitter)
      expect(Math.abs(long.renewAt - factor * short.renewAt)).toBeLessThanOrEqual(factor + 1)
      expect(Math.abs(long.mandatoryAt - factor * short.mandatoryAt)).toBeLessThanOrEqual(factor + 1)
    }
  )

  property(
    "with a hint of the server (`refresh_in`): the renewal is not before the hint, and soon after it",
    [policy, token, lifetime, jitter, jitter],
    ([policy, token, life, share, jitter]) => {
      const refreshAt = token.issuedAt + Math.floor(life * share)
      const hinted = AccessToken.copy(withLife(token, life), { refreshAt })
      const { mandatoryAt, renewAt } = RefreshPolicy.moments(policy, hinted, jitter)
      const advisory = Math.min(life / 2, Duration.toMillis(policy.advisoryWindow(Duration.millis(life))))
      const half = hinted.issuedAt + life / 2
      const earliest = Math.min(refreshAt, mandatoryAt)
      if (mandatoryAt > half) expect(renewAt).toBeGreaterThanOrEqual(Math.floor(earliest))
      expect(renewAt).toBeLessThanOrEqual(Math.min(mandatoryAt, earliest + advisory / 2))
    }
  )
})

/** An error of any kind, with or without `Retry-After` in milliseconds. */
const error: FastCheck.Arbitrary<OAuthError.TokenEndpointError> = FastCheck.record({
  reason: FastCheck.constantFrom("Unavailable" as const, "Refused" as const),
  retryAfter: FastCheck.option(millis(1, 10 ** 9), { nil: undefined })
}).map(({ reason, retryAfter }) =>
  new OAuthError.TokenEndpointError({
    reason,
    url: "https://auth.example.com/token",
    description: "made up",
    ...(retryAfter === undefined ? {} : { retryAfter })
  })
)

const backoff = ordered(millis(1, 600_000)).map(([base, max]) => ({ base, max }))

/** A policy whose waits are any durations. */
const waits = FastCheck.record({ backoff, urgentBackoff: backoff, refusalMemory: millis(1, 60_000) }).map((options) =>
  RefreshPolicy.make(options)
)

const times = FastCheck.oneof(FastCheck.nat({ max: 12 }), FastCheck.nat())

describe("the wait between attempts", () => {
  property(
    "is never shorter after more failures, with more jitter, or than an answered `Retry-After` and `refusalMemory`",
    [waits, ordered(times), error, ordered(jitter), FastCheck.boolean()],
    ([policy, [fewer, more], error, [smaller, larger], urgent]) => {
      const wait = (times: number, jitter: number) => RefreshPolicy.delay(policy, times, error, jitter, urgent)
      expect(wait(fewer, smaller)).toBeLessThanOrEqual(wait(more, smaller))
      expect(wait(fewer, smaller)).toBeLessThanOrEqual(wait(fewer, larger))
      expect(wait(fewer, smaller)).toBeGreaterThanOrEqual(RefreshPolicy.memory(policy, error))
      expect(wait(fewer, smaller)).toBeGreaterThanOrEqual(Math.min(error.retryAfter ?? 0, 3_600_000))
      if (error.retryAfter === undefined) expect(wait(fewer, smaller)).toBeGreaterThanOrEqual(100)
    }
  )

  property(
    "without Retry-After is at least the doubled `base` and at most half as much again, up to `max`",
    [waits, times, jitter, FastCheck.boolean()],
    ([policy, times, jitter, urgent]) => {
      const error = new OAuthError.TokenEndpointError({ reason: "Unavailable", url: "", description: "" })
      const { base, max } = urgent ? policy.urgentBackoff : policy.backoff
      const wait = RefreshPolicy.delay(policy, times, error, jitter, urgent)
      const doubled = Math.min(Duration.toMillis(base) * 2 ** times, Duration.toMillis(max))
      expect(wait).toBeGreaterThanOrEqual(doubled)
      expect(wait).toBeLessThanOrEqual(Math.max(100, Math.ceil(doubled * 1.5)))
    }
  )

  property(
    "after a Retry-After is at most a tenth more than it, an hour and `base` and `refusalMemory` considered",
    [waits, times, error, jitter, FastCheck.boolean()],
    ([policy, times, error, jitter, urgent]) => {
      FastCheck.pre(error.retryAfter !== undefined)
      const asked = Math.min(error.retryAfter ?? 0, 3_600_000)
      const { base } = urgent ? policy.urgentBackoff : policy.backoff
      const least = [base, policy.refusalMemory].map(Duration.toMillis)
      expect(RefreshPolicy.delay(policy, times, error, jitter, urgent))
        .toBeLessThanOrEqual(Math.max(Math.ceil(asked * 1.1), ...least))
    }
  )
})

describe("the memory of rejections", () => {
  property(
    "grows with each rejection, begins at `rejectionMemory`, and never exceeds `backoff.max`",
    [backoff, millis(1, 60_000), ordered(FastCheck.integer({ min: 1, max: 100 }))],
    ([backoff, rejectionMemory, [fewer, more]]) => {
      const policy = RefreshPolicy.make({ backoff, rejectionMemory })
      const memory = (rejections: number) => RefreshPolicy.rejectionMemory(policy, rejections)
      expect(memory(1)).toBe(Math.min(rejectionMemory, backoff.max))
      expect(memory(fewer)).toBeLessThanOrEqual(memory(more))
      expect(memory(more)).toBeLessThanOrEqual(backoff.max)
    }
  )
})
