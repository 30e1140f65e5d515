import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Encoding, Layer, Redacted, TestClock } from "effect"
import { decodeJwt, decodeProtectedHeader, jwtVerify } from "jose"
import { type Assertion, AssertionProvider, OAuthError } from "../src/index.ts"
import { pair } from "./support/keys.ts"

const request: Assertion.AssertionRequest = {
  audience: "https://auth.example.com",
  issuer: "https://auth.example.com",
  tokenEndpoint: "https://auth.example.com/token",
  resource: "https://mcp.example.com/mcp",
  scopes: ["mcp"],
  refused: []
}

const ask = Effect.flatMap(AssertionProvider.AssertionProvider, (provider) => provider(request))

describe("AssertionProvider", () => {
  it.effect("returns the same assertion for every request with layerStatic", () =>
    Effect.gen(function*() {
      const assertion = Redacted.make("canary.assertion.x")
      const layer = AssertionProvider.layerStatic(assertion, { opaque: true })
      expect(yield* ask.pipe(Effect.provide(layer))).toBe(assertion)
    }))

  it.effect("calls the function of `layer` for every request", () =>
    Effect.gen(function*() {
      const asked: Array<Assertion.AssertionRequest> = []
      const layer = AssertionProvider.layer((request) =>
        Effect.sync(() => {
          asked.push(request)
          return Redacted.make(`canary-${asked.length}`)
        })
      )
      const [first, second] = yield* Effect.all([ask, ask]).pipe(Effect.provide(layer))
      assert.deepStrictEqual([Redacted.value(first), Redacted.value(second)], ["canary-1", "canary-2"])
      assert.deepStrictEqual(asked, [request, request])
    }))

  it.effect("fails with the function's own error", () =>
    Effect.gen(function*() {
      const failure = new OAuthError.AssertionError({ reason: "Unavailable", description: "no identity here." })
      const layer = AssertionProvider.layer(() => Effect.fail(failure))
      expect(yield* ask.pipe(Effect.provide(layer), Effect.flip)).toBe(failure)
    }))
})

const encode = (value: unknown) => Encoding.encodeBase64Url(JSON.stringify(value))
const jwt = (claims: unknown, alg = "ES256") => Redacted.make(`${encode({ alg })}.${encode(claims)}.canary-signature`)

/** The outcome for a prebuilt assertion, an hour after the epoch. */
const shown = (assertion: Redacted.Redacted<string>, options?: { readonly opaque?: boolean | undefined }) =>
  Effect.zipRight(TestClock.setTime(3_600_000), ask).pipe(
    Effect.match({ onFailure: ({ reason }) => reason, onSuccess: (given) => given === assertion }),
    Effect.provide(AssertionProvider.layerStatic(assertion, options))
  )

describe("layerStatic (RFC 7523 §3)", () => {
  it.effect.each([
    { aud: "https://auth.example.com" },
    { aud: "https://auth.example.com/" },
    { aud: ["https://elsewhere.example", "https://auth.example.com/token"], exp: 3601, nbf: 3600 }
  ])(
    "returns an assertion with aud %j",
    (claims) => Effect.map(shown(jwt(claims)), (outcome) => expect(outcome).toBe(true))
  )

  it.effect.each(
    [
      [{ aud: "https://auth.example.com", exp: 3600 }, "Expired"],
      [{ aud: "https://auth.example.com", nbf: 3661 }, "NotYetValid"],
      [{ aud: "https://elsewhere.example" }, "WrongAudience"],
      [{ aud: ["https://elsewhere.example"] }, "WrongAudience"],
      [{}, "WrongAudience"]
    ] as const
  )("rejects an assertion with claims %j: %s", ([claims, reason]) =>
    Effect.gen(function*() {
      expect(yield* shown(jwt(claims))).toBe(reason)
      expect(yield* shown(jwt(claims), { opaque: true })).toBe(reason)
    }))

  it.effect("rejects alg none, and a text that is not a JWT without `opaque`", () =>
    Effect.gen(function*() {
      const unsigned = jwt({ aud: "https://auth.example.com" }, "none")
      const opaque = Redacted.make("canary-opaque")
      expect(yield* shown(unsigned)).toBe("Malformed")
      expect(yield* shown(unsigned, { opaque: true })).toBe("Malformed")
      expect(yield* shown(opaque)).toBe("Malformed")
      expect(yield* shown(opaque, { opaque: false })).toBe("Malformed")
      expect(yield* shown(opaque, { opaque: true })).toBe(true)
    }))

  it.effect("checks the time of the request, not of the Layer", () =>
    Effect.gen(function*() {
      const provider = yield* AssertionProvider.AssertionProvider
      yield* provider(request)
      yield* TestClock.adjust("10 seconds")
      const error = yield* Effect.flip(provider(request))
      expect(error.message).toBe(
        "The assertion expired at 1970-01-01T00:00:10.000Z, and was not sent. Get a new one."
      )
    }).pipe(Effect.provide(AssertionProvider.layerStatic(jwt({ aud: "https://auth.example.com", exp: 10 })))))
})

describe("layerStatic of a value that is no assertion", () => {
  it.effect.each<readonly [what: string, value: unknown, says: string]>([
    [
      "undefined",
      undefined,
      "it is undefined. Give a value; if it comes from a variable, check that the variable is set."
    ],
    ["a plain string", "canary-assertion", "it is a plain string. Wrap it in `Redacted.make`."],
    ["a wrapped undefined", Redacted.make(undefined), "its `Redacted` holds undefined"],
    ["empty", Redacted.make(""), "it is empty. Give the assertion."],
    ["with a line break at the end", Redacted.make("canary-assertion\n"), "it ends with a line break"]
  ])("fails when the Layer is built, and does not throw: %s", ([_, value, says]) =>
    Effect.gen(function*() {
      const untyped = Object.assign({ value: Redacted.make("") }, { value }).value
      const error = yield* Effect.flip(Effect.scoped(Layer.build(AssertionProvider.layerStatic(untyped))))
      expect(error.option).toBe("assertion")
      expect(error.message).toContain(says)
      expect(error.message).not.toContain("canary")
    }))
})

describe("layerStatic, after a refusal (RFC 7523 §3)", () => {
  const asked = (assertion: Redacted.Redacted<string>) =>
    Effect.flatMap(
      AssertionProvider.AssertionProvider,
      (provider) => provider({ ...request, refused: [Redacted.make(Redacted.value(assertion))] })
    ).pipe(
      Effect.provide(AssertionProvider.layerStatic(assertion))
    )

  it.effect("does not return a refused assertion with a jti again", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(asked(jwt({ aud: request.audience, jti: "canary-1" })))
      assert(error._tag === "AssertionError")
      expect(error.reason).toBe("Refused")
      expect(error.message).toContain("Build the Layer with a new one.")
      expect(error.message).not.toContain("canary")
    }))

  it.effect("returns a refused assertion without a jti again", () => asked(jwt({ aud: request.audience })))
})

describe("layerSigned", () => {
  it.effect("returns a new assertion for every request", () =>
    Effect.gen(function*() {
      const { pem, publicKey } = yield* pair("PS256")
      const layer = AssertionProvider.layerSigned({
        issuer: "machine",
        signingKey: Redacted.make(pem),
        signingAlgorithm: "PS256",
        keyId: "key-1",
        type: "client-authentication+jwt"
      })
      const [first, second] = yield* Effect.all([ask, ask]).pipe(
        Effect.map((all) => all.map(Redacted.value)),
        Effect.provide(layer)
      )
      assert(first !== undefined && second !== undefined)
      expect(decodeJwt(first).jti).not.toBe(decodeJwt(second).jti)
      assert.deepStrictEqual<unknown>(decodeProtectedHeader(first), {
        alg: "PS256",
        typ: "client-authentication+jwt",
        kid: "key-1"
      })
      yield* Effect.promise(() =>
        jwtVerify(first, publicKey, {
          audience: request.audience,
          issuer: "machine",
          subject: "machine",
          typ: "client-authentication+jwt",
          currentDate: new Date(0)
        })
      )
    }))
})
