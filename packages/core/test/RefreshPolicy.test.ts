import { describe, expect, it } from "@effect/vitest"
import { Duration, Redacted } from "effect"
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

describe("the windows of a policy", () => {
  const cases: ReadonlyArray<readonly [name: string, life: number, renewAt: number, mandatoryAt: number]> = [
    ["2 seconds", 2000, 1500, 1900],
    ["60 seconds", 60_000, 45_000, 57_000],
    ["20 minutes", minutes(20), minutes(15), minutes(19)],
    ["1 hour", hours(1), minutes(45), minutes(59)],
    ["90 minutes", minutes(90), minutes(75), minutes(89)],
    ["24 hours", hours(24), hours(23), hours(24) - 60_000]
  ]
  for (const [name, life, renewAt, mandatoryAt] of cases) {
    it(`of a token that lives for ${name} begin at a quarter and a twentieth of the life, or at their limits`, () => {
      expect(RefreshPolicy.moments(RefreshPolicy.standard, tokenOf(life), 0)).toEqual({ renewAt, mandatoryAt })
    })
  }

  it("longer than the life are cut to half of it, so that a new token is not due at once", () => {
    const policy = RefreshPolicy.make({
      advisoryWindow: () => Duration.minutes(5),
      mandatoryWindow: () => Duration.minutes(5)
    })
    expect(RefreshPolicy.moments(policy, tokenOf(60_000), 0)).toEqual({ renewAt: 30_000, mandatoryAt: 30_000 })
  })
})

describe("the wait between attempts", () => {
  const unavailable = (retryAfter?: number) =>
    new OAuthError.TokenEndpointError({
      reason: "Unavailable",
      url: "",
      description: "",
      ...(retryAfter === undefined ? {} : { retryAfter })
    })
  const sources: ReadonlyArray<readonly [source: string, error: (retryAfter: number) => OAuthError.OAuthError]> = [
    ["token endpoint", unavailable],
    [
      "metadata answer",
      (retryAfter) => new OAuthError.DiscoveryError({ reason: "Unavailable", url: "", description: "", retryAfter })
    ],
    [
      "source of assertions",
      (retryAfter) => new OAuthError.AssertionError({ reason: "Unavailable", description: "", retryAfter })
    ]
  ]

  it.each(sources)("after a Retry-After of a %s is what it sent, and answers later callers as long", (_, error) => {
    expect(RefreshPolicy.delay(RefreshPolicy.standard, 0, error(7000), 0, true)).toBe(7000)
    expect(RefreshPolicy.memory(RefreshPolicy.standard, error(7000))).toBe(7000)
    expect(RefreshPolicy.memory(RefreshPolicy.standard, error(1e12))).toBe(3_600_000)
  })

  it("doubles with each failure up to `max`, both before the mandatory part and when callers depend on it", () => {
    const waits = (urgent: boolean) =>
      [0, 1, 2, 3, 5, 9].map((times) => RefreshPolicy.delay(RefreshPolicy.standard, times, unavailable(), 0, urgent))
    expect(waits(false)).toEqual([1000, 2000, 4000, 8000, 32_000, 300_000])
    expect(waits(true)).toEqual([1000, 2000, 4000, 8000, 30_000, 30_000])
  })

  it("after a Retry-After is what the server sent and up to a tenth more, between `base` and an hour", () => {
    const wait = (jitter: number) => (retryAfter: number) =>
      RefreshPolicy.delay(RefreshPolicy.standard, 9, unavailable(retryAfter), jitter, false)
    expect([10, 1000, 7000, 3_600_000, 1e12].map(wait(0))).toEqual([1000, 1000, 7000, 3_600_000, 3_600_000])
    expect([10, 1000, 7000].map(wait(0.5))).toEqual([1000, 1050, 7350])
  })

  it("after a final refusal is at least `refusalMemory`", () => {
    const refused = new OAuthError.TokenEndpointError({ reason: "Refused", url: "", description: "" })
    expect([0, 2, 3, 9].map((times) => RefreshPolicy.delay(RefreshPolicy.standard, times, refused, 0, true))).toEqual([
      5000,
      5000,
      8000,
      30_000
    ])
  })

  it("a final error answers later callers for `refusalMemory`, a transient one as long as its Retry-After says", () => {
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

describe("RefreshPolicy.make", () => {
  it("returns the standard policy without options", () => {
    expect(RefreshPolicy.make()).toBe(RefreshPolicy.standard)
  })

  it("decodes each duration, however it is written, and keeps the standard for all other options", () => {
    const lifetime = Duration.minutes(10)
    const { advisoryWindow, mandatoryWindow, ...policy } = RefreshPolicy.make({
      advisoryWindow: () => "4 minutes",
      mandatoryWindow: () => 1500,
      defaultLifetime: "2 minutes",
      backoff: { base: 500, max: "1 minute" },
      urgentBackoff: { base: "250 millis", max: Duration.seconds(3) },
      patience: { withToken: 0, withoutToken: "2 seconds" },
      refusalMemory: "1 second",
      rejectionMemory: 20n,
      storageTimeout: "200 millis"
    })
    expect([advisoryWindow(lifetime), mandatoryWindow(lifetime)]).toEqual([
      Duration.minutes(4),
      Duration.millis(1500)
    ])
    expect(policy).toEqual({
      defaultLifetime: Duration.minutes(2),
      renewUnused: false,
      backoff: { base: Duration.millis(500), max: Duration.minutes(1) },
      urgentBackoff: { base: Duration.millis(250), max: Duration.seconds(3) },
      patience: { withToken: Duration.zero, withoutToken: Duration.seconds(2) },
      refusalMemory: Duration.seconds(1),
      rejectionMemory: Duration.nanos(20n),
      storageTimeout: Duration.millis(200),
      leaseTimeout: RefreshPolicy.standard.leaseTimeout
    })
  })

  it("reads a negative window as zero, so that no token is used after its expiry", () => {
    const { mandatoryWindow } = RefreshPolicy.make({ mandatoryWindow: () => "-1 minutes" })
    expect(Duration.toMillis(mandatoryWindow(Duration.hours(1)))).toBe(0)
  })

  it("accepts the fields of another policy as options", () => {
    const policy = RefreshPolicy.make({ ...RefreshPolicy.make({ renewUnused: true }), leaseTimeout: "1 second" })
    expect(policy.renewUnused).toBe(true)
    expect(policy.leaseTimeout).toEqual(Duration.seconds(1))
    expect(policy.advisoryWindow(Duration.hours(1))).toEqual(Duration.minutes(15))
  })
})

describe("acquisitionLimit", () => {
  it.each([
    ["discovery", { discovery: 3000 }, 3000],
    ["the wait for the lease", { lease: 7000 }, 7000],
    ["five operations of the storage", { storage: 110 }, 550],
    ["four token requests", { request: 1300 }, 5200]
  ])("adds %s to the other waits", (_, more, expected) => {
    const limitOf = (
      waits: {
        readonly discovery?: number
        readonly lease?: number
        readonly storage?: number
        readonly request?: number
      }
    ) =>
      RefreshPolicy.acquisitionLimit(
        RefreshPolicy.make({
          leaseTimeout: 20_000 + (waits.lease ?? 0),
          storageTimeout: 4000 + (waits.storage ?? 0)
        }),
        10_000 + (waits.request ?? 0),
        30_000 + (waits.discovery ?? 0)
      )
    expect(limitOf({})).toBe(30_000 + 20_000 + 5 * 4000 + 4 * 10_000)
    expect(limitOf(more) - limitOf({})).toBe(expected)
  })
})
