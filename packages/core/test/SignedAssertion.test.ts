import { generateKeyPairSync } from "node:crypto"
import { FileSystem } from "@effect/platform"
import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, expect, it } from "@effect/vitest"
import { Clock, Duration, Effect, Either, Encoding, Exit, Fiber, Layer, Redacted, Ref, TestClock } from "effect"
import { decodeJwt, decodeProtectedHeader, jwtVerify } from "jose"
import { vi } from "vitest"
import { Assertion, AssertionProvider, OAuthError, Secret, SignedAssertion, type SigningKey } from "../src/index.ts"
import { anotherPair, externalSigner, pair, wrongKeys } from "./support/keys.ts"
import { makeWorkerClock } from "./support/workerClock.ts"
import { many, outcomes } from "./support/provider.ts"

const request: Assertion.AssertionRequest = {
  audience: "https://auth.example.com",
  issuer: "https://auth.example.com",
  tokenEndpoint: "https://auth.example.com/token",
  resource: "https://mcp.example.com/mcp",
  scopes: ["mcp"],
  refused: []
}

/** A signer that returns zeros, because the tests need no valid signature. */
const fake: SigningKey.ExternalSigner = () => Effect.succeed(new Uint8Array(64))

const base: SignedAssertion.Options = { issuer: "machine", signingKey: fake, signingAlgorithm: "ES256" }

/** A thumbprint of so many equal bytes. */
const thumb = (length: number, byte: number): string => Encoding.encodeBase64Url(new Uint8Array(length).fill(byte))
const SHA1 = thumb(20, 7)
const SHA256 = thumb(32, 7)

const made = (changes: Partial<SignedAssertion.Options> = {}, asked = request) =>
  Effect.gen(function*() {
    const provider = yield* SignedAssertion.make({ ...base, ...changes })
    const jwt = Redacted.value(yield* provider(asked))
    return { jwt, header: decodeProtectedHeader(jwt), claims: decodeJwt(jwt) }
  })

const standard = ["iss", "sub", "aud", "iat", "exp", "jti"]

describe("the header of a signed assertion (RFC 7523 §3, RFC 7515 §4.1)", () => {
  it.effect.each<[Partial<SignedAssertion.Options>, Readonly<Record<string, string>>]>([
    [{}, { alg: "ES256", typ: "JWT" }],
    [{ type: "JWT" }, { alg: "ES256", typ: "JWT" }],
    [{ type: "client-authentication+jwt" }, { alg: "ES256", typ: "client-authentication+jwt" }],
    [{ keyId: "2025-01" }, { alg: "ES256", typ: "JWT", kid: "2025-01" }],
    [{ x5t: SHA1 }, { alg: "ES256", typ: "JWT", x5t: SHA1 }],
    [{ x5tS256: SHA256 }, { alg: "ES256", typ: "JWT", "x5t#S256": SHA256 }],
    [
      {
        keyId: "k",
        x5t: SHA1,
        x5tS256: SHA256,
        signingAlgorithm: "PS256",
        signingKey: () => Effect.succeed(new Uint8Array(256))
      },
      { alg: "PS256", typ: "JWT", kid: "k", x5t: SHA1, "x5t#S256": SHA256 }
    ]
  ])("with options %j is %j", ([options, expected]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual<unknown>((yield* made(options)).header, expected)
    }))
})

describe("the claims of a signed assertion (RFC 7523 §3)", () => {
  it.effect("are iss and sub of the client, the requested aud, exp in 300 s and a new jti", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_700_000_000_999)
      const { claims } = yield* made()
      const { jti, ...rest } = claims
      assert.deepStrictEqual(rest, {
        iss: "machine",
        sub: "machine",
        aud: "https://auth.example.com",
        iat: 1_700_000_000,
        exp: 1_700_000_300
      })
      expect(jti).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    }))

  it.effect("are made anew from each request and the clock", () =>
    Effect.gen(function*() {
      const provider = yield* SignedAssertion.make(base)
      const first = decodeJwt(Redacted.value(yield* provider(request)))
      yield* TestClock.adjust("10 seconds")
      const second = decodeJwt(Redacted.value(yield* provider({ ...request, audience: "https://other.example/" })))
      expect([first.aud, second.aud]).toEqual(["https://auth.example.com", "https://other.example/"])
      expect(second.iat).toBe(10)
      expect(second.exp).toBe(310)
      expect(first.jti).not.toBe(second.jti)
    }))

  it.effect("contain the option `subject`", () =>
    Effect.gen(function*() {
      const { claims } = yield* made({ subject: "user@example.com" })
      expect([claims.iss, claims.sub]).toEqual(["machine", "user@example.com"])
    }))

  it.effect.each([["1 second", 1], ["1900 millis", 1], ["1 minute", 60], ["1 hour", 3600]] as const)(
    "with a lifetime of %s expire in %d s",
    ([lifetime, seconds]) =>
      Effect.gen(function*() {
        const { claims } = yield* made({ lifetime })
        expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(seconds)
      })
  )

  it.effect.each(["0 seconds", "999 millis", -1000, Number.NaN, Infinity] as const)(
    "cannot have a lifetime of %s",
    (lifetime) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(SignedAssertion.make({ ...base, lifetime }))
        expect(error.message).toBe("`lifetime`: it must be finite and at least 1 second.")
      })
  )

  it.effect.each(
    [["0 seconds", 0], [Duration.seconds(1), 1], [0n, 0], [1_000_000_000n, 1], ["30 seconds", 30], ["1500 millis", 2], [
      "4 minutes",
      240
    ]] as const
  )(
    "with an issuedAtOffset of %s have an iat that is %d s earlier, and the same lifetime",
    ([issuedAtOffset, seconds]) =>
      Effect.gen(function*() {
        yield* TestClock.setTime(1_700_000_000_999)
        const { claims } = yield* made({ issuedAtOffset })
        expect(claims.iat).toBe(1_700_000_000 - seconds)
        expect(claims.exp).toBe(1_700_000_300 - seconds)
      })
  )

  it.effect.each(
    [
      ["5 minutes", "300 seconds"],
      ["301 seconds", "300 seconds"],
      [-1, "300 seconds"],
      ["-5 seconds", "300 seconds"],
      [
        "1 second",
        "1 second"
      ],
      [Number.NaN, "300 seconds"],
      [-5n, "300 seconds"],
      ["11 minutes", "1 hour"],
      [Infinity, "1 hour"]
    ] as const
  )(
    "cannot have an issuedAtOffset of %s with a lifetime of %s",
    ([issuedAtOffset, lifetime]) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(SignedAssertion.make({ ...base, issuedAtOffset, lifetime }))
        assert(error._tag === "InvalidOptions")
        expect(error.option).toBe("issuedAtOffset")
      })
  )

  it.effect("with an issuedAtOffset may be sent by the check of assertions", () =>
    Effect.gen(function*() {
      const { jwt } = yield* made({ issuedAtOffset: "2 minutes", additionalClaims: { nbf: 0 } })
      expect(Either.isRight(Assertion.check(Redacted.make(jwt), request, { now: 0 }))).toBe(true)
    }))

  const mistakes: ReadonlyArray<readonly [option: string, value: unknown, says: string]> = [
    ["issuer", undefined, "it is undefined. Give a value"],
    ["issuer", null, "it is null"],
    ["issuer", "", "it is empty. Give the client id."],
    ["issuer", "machine\n", "it ends with a line break"],
    ["issuer", Redacted.make("canary"), "it is a `Redacted`"],
    ["subject", null, "it is null"],
    ["subject", "\ufeffmachine", "it holds a byte order mark"],
    ["keyId", 7, "it is a number"],
    ["keyId", "key-1\n", "it ends with a line break"],
    ["signingAlgorithm", undefined, "undefined is not one of the allowed values. Write \"RS256\", "],
    ["signingAlgorithm", "HS256", "\"HS256\" is not one of the allowed values"],
    ["signingAlgorithm", "rs256", "\"rs256\" is not one of the allowed values"],
    ["signingAlgorithm", "toString", "\"toString\" is not one of the allowed values"],
    ["type", "jwt", "\"jwt\" is not one of the allowed values. Write \"JWT\" or \"client-authentication+jwt\"."],
    ["lifetime", "soon", "it must be finite and at least 1 second."],
    ["lifetime", null, "it must be finite and at least 1 second."],
    ["issuedAtOffset", "soon", "this is not a duration between 0 seconds and 10 minutes"],
    ["additionalClaims", "a", "Give an object of claims, or leave it out."],
    ["claimOverrides", ["a"], "Give an object of claims, or leave it out."],
    ["x5t", "abc", "it has 2 bytes"],
    ["x5tS256", "00:11", "it has 2 bytes"]
  ]
  it.effect.each(mistakes)(
    "of a wrong option `%s` (%s) are not made",
    ([option, value, says]) =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(SignedAssertion.make(Object.assign({}, base, { [option]: value })))
        const error = yield* Effect.flip(exit)
        assert(error._tag === "InvalidOptions")
        expect(error.option).toBe(option)
        expect(error.message).toContain(says)
      })
  )

  it.effect("contain additionalClaims, which replace nothing", () =>
    Effect.gen(function*() {
      const { claims } = yield* made({
        additionalClaims: {
          tenant: "acme",
          nested: { list: [1, "ü"] },
          ...Object.fromEntries(standard.map((name) => [name, "replaced"]))
        }
      })
      expect(claims["tenant"]).toBe("acme")
      assert.deepStrictEqual(claims["nested"], { list: [1, "ü"] })
      expect(standard.filter((name) => claims[name] === "replaced" || claims[name] === undefined)).toEqual([])
    }))

  it.effect("are replaced by claimOverrides, and removed by undefined", () =>
    Effect.gen(function*() {
      const { claims } = yield* made({
        additionalClaims: { tenant: "acme" },
        claimOverrides: { aud: ["a", "b"], sub: "other", exp: 7, iat: undefined, tenant: "umbrella" }
      })
      const { jti: _, ...rest } = claims
      assert.deepStrictEqual<unknown>(rest, {
        iss: "machine",
        sub: "other",
        aud: ["a", "b"],
        exp: 7,
        tenant: "umbrella"
      })
    }))

  it.effect("are the same if jose signs them", () =>
    Effect.gen(function*() {
      const { privateKey, publicKey } = yield* pair("EdDSA")
      const { jwt } = yield* made({
        signingKey: privateKey,
        signingAlgorithm: "EdDSA",
        keyId: "k",
        additionalClaims: { iss: "replaced", tenant: "acme" },
        claimOverrides: { sub: "other" }
      })
      const now = new Date(yield* Clock.currentTimeMillis)
      const { payload, protectedHeader } = yield* Effect.promise(() =>
        jwtVerify(jwt, publicKey, { currentDate: now, issuer: "machine", subject: "other", audience: request.audience })
      )
      expect(payload["tenant"]).toBe("acme")
      assert.deepStrictEqual<unknown>(protectedHeader, { alg: "EdDSA", typ: "JWT", kid: "k" })
    }))

  it.effect("fail if they cannot be JSON", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(made({ additionalClaims: { canary: 1n } }))
      assert(error._tag === "AssertionError")
      expect(error.message).toBe(
        "Signing the assertion failed. Check that the key is usable and that every claim can be JSON."
      )
    }))
})

describe("the signing key", () => {
  it.effect("is imported once, however many assertions it signs", () =>
    Effect.gen(function*() {
      const { jwk, pem } = yield* pair("ES256")
      const importing = vi.spyOn(crypto.subtle, "importKey")
      for (const key of [Redacted.make(pem), Redacted.make(jwk), Effect.succeed(Redacted.make(jwk))]) {
        importing.mockClear()
        const provider = yield* SignedAssertion.make({ ...base, signingKey: key })
        expect(importing).toHaveBeenCalledTimes(1)
        yield* Effect.replicateEffect(provider(request), 10)
        expect(importing).toHaveBeenCalledTimes(1)
      }
    }).pipe(Effect.ensuring(Effect.sync(() => vi.restoreAllMocks()))))

  it.effect("is loaded when the Layer is built, and not for an assertion", () =>
    Effect.gen(function*() {
      let runs = 0
      const signingKey = Effect.sync(() => {
        runs++
        return fake
      })
      const provider = yield* SignedAssertion.make({ ...base, signingKey })
      expect(runs).toBe(1)
      yield* Effect.replicateEffect(provider(request), 100)
      expect(runs).toBe(1)
    }))

  const noKeys: ReadonlyArray<readonly [name: string, key: unknown, says: string]> = [
    ["undefined", undefined, "it is not a key"],
    ["null", null, "it is not a key"],
    ["a number", 7, "it is not a key"],
    ["a text", "canary", "Wrap it in `Redacted.make`"],
    ["a KeyObject", generateKeyPairSync("ed25519").privateKey, "A `KeyObject` of Node.js is exported first"],
    ["a wrapped undefined", Redacted.make(undefined), "it is not a key"],
    ["a wrapped KeyObject", Redacted.make(generateKeyPairSync("ed25519").privateKey), "A `KeyObject`"],
    ["a named undefined", { key: undefined }, "it is not a key"],
    ["an Effect of undefined", Effect.succeed(undefined), "it is not a key"]
  ]
  it.effect.each(noKeys)("is InvalidOptions if it is not a key: %s", ([_, key, says]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(SignedAssertion.make(Object.assign({}, base, { signingKey: key })))
      assert(error._tag === "InvalidOptions")
      expect(error.option).toBe("signingKey")
      expect(error.message).toContain(says)
      expect(error.message).not.toContain("canary")
    }))

  it.effect("that cannot be loaded fails the Layer with its own error", () =>
    Effect.gen(function*() {
      const failure = new OAuthError.AssertionError({ reason: "Unavailable", description: "The vault is sealed." })
      const layer = AssertionProvider.layerSigned({ ...base, signingKey: Effect.fail(failure) })
      expect(yield* Effect.flip(Effect.scoped(Layer.build(layer)))).toBe(failure)
    }))

  it.effect("is read from a file, and read again after a refusal", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const path = `${yield* files.makeTempDirectoryScoped()}/key.pem`
      const [old, fresh] = [yield* pair("ES256"), yield* anotherPair("ES256")]
      yield* files.writeFileString(path, old.pem)
      const signingKey = Effect.provide(Secret.file(path), NodeFileSystem.layer)
      const provider = yield* SignedAssertion.make({ ...base, signingKey })
      yield* files.writeFileString(path, fresh.pem)
      for (const [refused, { publicKey }] of [[[], old], [[Redacted.make("canary-refused")], fresh]] as const) {
        const jwt = Redacted.value(yield* provider({ ...request, refused }))
        yield* Effect.promise(() => jwtVerify(jwt, publicKey, { currentDate: new Date(0) }))
      }
    }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer)))

  it.effect("from a file that does not exist fails the Layer, and names the file", () =>
    Effect.gen(function*() {
      const signingKey = Effect.provide(Secret.file("/nowhere/key.pem"), NodeFileSystem.layer)
      const error = yield* Effect.flip(SignedAssertion.make({ ...base, signingKey }))
      assert(error._tag === "AssertionError")
      expect(error.reason).toBe("Unavailable")
      expect(error.message).toBe(
        "The signing key could not be read. The file /nowhere/key.pem does not exist. Check the path, and that the " +
          "secret is mounted."
      )
    }))

  it.effect.each(wrongKeys)(
    "$name, for $alg, fails when the Layer is built",
    ({ alg, key, says }) =>
      Effect.gen(function*() {
        const signingKey = yield* key
        for (const given of [signingKey, Effect.succeed(signingKey)]) {
          const layer = AssertionProvider.layerSigned({ issuer: "machine", signingKey: given, signingAlgorithm: alg })
          const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
          expect(error._tag).toBe("InvalidOptions")
          expect(error.message).toBe(`\`signingKey\`: ${says}`)
        }
      })
  )
})

describe("a rotation of the signing key", () => {
  /** A request after the refusal of an assertion that the source did not make. */
  const refused = { ...request, refused: [Redacted.make("canary-refused")] }

  it.effect("loads the key again after a refusal, and uses it from then on", () =>
    Effect.gen(function*() {
      const [old, fresh] = [yield* pair("ES256"), yield* anotherPair("ES256")]
      const current = yield* Ref.make(old)
      let runs = 0
      const provider = yield* SignedAssertion.make({
        ...base,
        signingKey: Effect.map(Ref.get(current), ({ jwk }) => {
          runs++
          return Redacted.make(jwk)
        })
      })
      const verifiedBy = (jwt: Redacted.Redacted<string>) =>
        Effect.forEach([old, fresh], ({ publicKey }) =>
          Effect.promise(() =>
            jwtVerify(Redacted.value(jwt), publicKey, { currentDate: new Date(0) }).then(() =>
              true, () => false)
          ))
      yield* Ref.set(current, fresh)
      expect(yield* verifiedBy(yield* provider(request))).toEqual([true, false])
      expect(runs).toBe(1)
      expect(yield* verifiedBy(yield* provider(refused))).toEqual([false, true])
      expect(yield* verifiedBy(yield* provider(request))).toEqual([false, true])
      expect(runs).toBe(2)
    }))

  it.effect("does not import a key that is given as a value a second time", () =>
    Effect.gen(function*() {
      const { jwk } = yield* pair("ES256")
      const importing = vi.spyOn(crypto.subtle, "importKey")
      const provider = yield* SignedAssertion.make({ ...base, signingKey: Redacted.make(jwk) })
      yield* provider(refused)
      expect(importing).toHaveBeenCalledTimes(1)
    }).pipe(Effect.ensuring(Effect.sync(() => vi.restoreAllMocks()))))

  it.effect("changes to another form of key", () =>
    Effect.gen(function*() {
      const keys = yield* pair("ES384")
      const current = yield* Ref.make<SigningKey.SigningKey>(Redacted.make(keys.pem))
      const provider = yield* SignedAssertion.make({
        ...base,
        signingAlgorithm: "ES384",
        signingKey: Ref.get(current)
      })
      yield* Ref.set(current, externalSigner(keys))
      const jwt = Redacted.value(yield* provider(refused))
      yield* Effect.promise(() => jwtVerify(jwt, keys.publicKey, { currentDate: new Date(0) }))
    }))

  it.effect.each(wrongKeys)(
    "to $name, for $alg, is an AssertionError, and the old key stays",
    ({ alg, key, says }) =>
      Effect.gen(function*() {
        const bad = yield* key
        const { privateKey } = yield* pair(alg)
        const current = yield* Ref.make<SigningKey.SigningKey>(privateKey)
        const provider = yield* SignedAssertion.make({ ...base, signingAlgorithm: alg, signingKey: Ref.get(current) })
        yield* Ref.set(current, bad)
        const error = yield* Effect.flip(provider(refused))
        expect(error._tag).toBe("AssertionError")
        expect(error.reason).toBe("Unavailable")
        expect(error.message).toBe(`The signing key was rotated, but \`signingKey\`: ${says}`)
        yield* provider(request)
      })
  )

  it.effect("that fails is an error of that assertion alone", () =>
    Effect.gen(function*() {
      const failure = new OAuthError.AssertionError({ reason: "Unavailable", description: "The vault is sealed." })
      const sealed = yield* Ref.make(false)
      const provider = yield* SignedAssertion.make({
        ...base,
        signingKey: Effect.flatMap(Ref.get(sealed), (is) => is ? Effect.fail(failure) : Effect.succeed(fake))
      })
      yield* Ref.set(sealed, true)
      expect(yield* Effect.flip(provider(refused))).toBe(failure)
      yield* provider(request)
    }))
})

describe("the names of a key that is rotated", () => {
  const headers = (provider: AssertionProvider.AssertionProvider.Service) =>
    Effect.gen(function*() {
      const first = yield* provider(request)
      const second = yield* provider({ ...request, refused: [first] })
      return [first, second].map((jwt) => decodeProtectedHeader(Redacted.value(jwt)))
    })

  it.effect("change with the key", () =>
    Effect.gen(function*() {
      let generation = 0
      const provider = yield* SignedAssertion.make({
        ...base,
        signingKey: Effect.sync((): SigningKey.IdentifiedKey => {
          generation++
          return { key: fake, keyId: `key-${generation}`, x5t: thumb(20, generation), x5tS256: thumb(32, generation) }
        })
      })
      assert.deepStrictEqual<unknown>(yield* headers(provider), [
        { alg: "ES256", typ: "JWT", kid: "key-1", x5t: thumb(20, 1), "x5t#S256": thumb(32, 1) },
        { alg: "ES256", typ: "JWT", kid: "key-2", x5t: thumb(20, 2), "x5t#S256": thumb(32, 2) }
      ])
    }))

  it.effect("are those of the options if the new key leaves them out", () =>
    Effect.gen(function*() {
      const provider = yield* SignedAssertion.make({
        ...base,
        keyId: "key",
        x5t: SHA1,
        x5tS256: SHA256,
        signingKey: Effect.succeed({ key: fake, x5tS256: thumb(32, 9) })
      })
      assert.deepStrictEqual<unknown>((yield* headers(provider))[0], {
        alg: "ES256",
        typ: "JWT",
        kid: "key",
        x5t: SHA1,
        "x5t#S256": thumb(32, 9)
      })
    }))

  it.effect("come from a JWK, and belong to the key that signs", () =>
    Effect.gen(function*() {
      const keys = [yield* pair("ES256"), yield* anotherPair("ES256")]
      let runs = 0
      const provider = yield* SignedAssertion.make({
        ...base,
        signingKey: Effect.sync(() => Redacted.make({ ...keys[runs]?.jwk, kid: `key-${++runs}` }))
      })
      assert.deepStrictEqual((yield* headers(provider)).map(({ kid }) => kid), ["key-1", "key-2"])
      const jwt = Redacted.value(yield* provider(request))
      yield* Effect.promise(() => jwtVerify(jwt, keys[1]?.publicKey ?? new Uint8Array(), { currentDate: new Date(0) }))
    }))

  it.effect.each<[string, Partial<SignedAssertion.Options>, SigningKey.IdentifiedKey["keyId"], string]>([
    ["those of the JWK", {}, undefined, "own"],
    ["those of the options", { keyId: "option" }, undefined, "option"],
    ["those that came with the key", { keyId: "option" }, "named", "named"]
  ])("in the header are %s", ([, changes, keyId, expected]) =>
    Effect.gen(function*() {
      const { jwk } = yield* pair("ES256")
      const key = Redacted.make({ ...jwk, kid: "own" })
      const { header } = yield* made({ ...changes, signingKey: Effect.succeed({ key, keyId }) })
      expect(header.kid).toBe(expected)
      if (keyId === undefined) expect((yield* made({ ...changes, signingKey: key })).header.kid).toBe(expected)
    }))
})

describe("the answer of `rotated` to a refused assertion", () => {
  /** A source whose signing key is the value of a Ref, how often the key was loaded, and `rotated` itself. */
  const rotating = (first: SigningKey.SigningKey | SigningKey.IdentifiedKey) =>
    Effect.gen(function*() {
      const current = yield* Ref.make<SigningKey.SigningKey | SigningKey.IdentifiedKey>(first)
      let loads = 0
      const signingKey = Effect.tap(Ref.get(current), () => Effect.sync(() => loads++))
      const provider = yield* SignedAssertion.make({ ...base, signingKey })
      const { rotated } = provider
      assert(rotated !== undefined)
      return { current, provider, rotated, loads: () => loads }
    })

  const jwkOf = (keys: { readonly jwk: object }): SigningKey.SigningKey => Redacted.make({ ...keys.jwk })

  it.effect("does not exist for a key that is given as a value", () =>
    Effect.gen(function*() {
      expect(yield* SignedAssertion.make(base)).not.toHaveProperty("rotated")
    }))

  it.effect("is false if the key is the same", () =>
    Effect.gen(function*() {
      const keys = yield* pair("ES256")
      const { current, loads, provider, rotated } = yield* rotating(jwkOf(keys))
      const refused = yield* provider(request)
      yield* Ref.set(current, jwkOf(keys))
      expect(yield* rotated(refused)).toBe(false)
      expect(loads()).toBe(2)
    }))

  it.effect("is true if the key is another one, which signs the next assertion", () =>
    Effect.gen(function*() {
      const fresh = yield* anotherPair("ES256")
      const { current, loads, provider, rotated } = yield* rotating(jwkOf(yield* pair("ES256")))
      const [refused, late] = [yield* provider(request), yield* provider(request)]
      yield* Ref.set(current, jwkOf(fresh))
      expect(yield* rotated(refused)).toBe(true)
      const next = Redacted.value(yield* provider({ ...request, refused: [refused] }))
      yield* Effect.promise(() => jwtVerify(next, fresh.publicKey, { currentDate: new Date(0) }))
      // An assertion that the old key has signed needs no further load.
      expect(yield* rotated(late)).toBe(true)
      expect(loads()).toBe(2)
    }))

  it.effect("is true for an external signer only if one of its names is new", () =>
    Effect.gen(function*() {
      const { current, provider, rotated } = yield* rotating({ key: fake, keyId: "one" })
      const refused = yield* provider(request)
      yield* Ref.set(current, { key: () => fake(new Uint8Array()), keyId: "one" })
      expect(yield* rotated(refused)).toBe(false)
      yield* Ref.set(current, { key: fake, keyId: "two" })
      expect(yield* rotated(refused)).toBe(true)
    }))

  it.effect("is false if the key cannot be loaded", () =>
    Effect.gen(function*() {
      const { current, provider, rotated } = yield* rotating(fake)
      const refused = yield* provider(request)
      yield* Ref.set(current, Redacted.make("no key"))
      expect(yield* rotated(refused)).toBe(false)
    }))

  it.effect("is true if the key was rotated in the object from which the old key was read", () =>
    Effect.gen(function*() {
      const [old, fresh] = [yield* pair("ES256"), yield* anotherPair("ES256")]
      const jwk = { ...old.jwk }
      const source = yield* Effect.fork(
        SignedAssertion.make({ ...base, signingKey: Effect.sync(() => Redacted.make(jwk)) })
      )
      yield* Effect.yieldNow()
      Object.assign(jwk, fresh.jwk)
      const provider = yield* Fiber.join(source)
      const refused = yield* provider(request)
      yield* Effect.promise(() => jwtVerify(Redacted.value(refused), old.publicKey, { currentDate: new Date(0) }))
      expect(yield* provider.rotated?.(refused) ?? Effect.succeed(undefined)).toBe(true)
    }))
})

describe("a source to which many callers report a refusal", () => {
  const counting = Effect.gen(function*() {
    let runs = 0
    const provider = yield* SignedAssertion.make({
      ...base,
      signingKey: Effect.delay(
        Effect.sync(() => {
          runs++
          return fake
        }),
        "1 second"
      )
    }).pipe(Effect.fork)
    yield* TestClock.adjust("1 second")
    return { provider: yield* Fiber.join(provider), runs: () => runs }
  })

  it.effect("loads the key once", () =>
    Effect.gen(function*() {
      const { provider, runs } = yield* counting
      const assertions = yield* Effect.replicateEffect(provider(request), 10)
      const fibers = yield* Effect.forEach(assertions, (one) => Effect.fork(provider({ ...request, refused: [one] })))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.joinAll(fibers)
      expect(runs()).toBe(2)
    }))

  it.effect("does not load it again for an assertion that the old key has signed", () =>
    Effect.gen(function*() {
      const { provider, runs } = yield* counting
      const [first, late] = yield* Effect.all([provider(request), provider(request)])
      const fiber = yield* Effect.fork(provider({ ...request, refused: [first] }))
      yield* TestClock.adjust("1 second")
      const fresh = yield* Fiber.join(fiber)
      yield* provider({ ...request, refused: [late] })
      expect(runs()).toBe(2)
      const again = yield* Effect.fork(provider({ ...request, refused: [late, fresh] }))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(again)
      expect(runs()).toBe(3)
    }))

  it.effect("loads it for the next caller after the platform has ended a load without a word", () =>
    Effect.gen(function*() {
      let hangs = false
      const provider = yield* SignedAssertion.make({
        ...base,
        signingKey: Effect.suspend(() => hangs ? Effect.never : Effect.succeed(fake))
      })
      const refused = { ...request, refused: [yield* provider(request)] }
      const { clock, platform } = yield* makeWorkerClock
      hangs = true
      const dead = yield* Effect.fork(Effect.withClock(provider(refused), clock))
      yield* TestClock.adjust("1 second")
      hangs = false
      platform.isOver = true
      const callers = yield* many(2, provider(refused))
      yield* TestClock.adjust("3 seconds")
      expect(yield* outcomes(callers)).toMatchObject([Exit.succeed({}), Exit.succeed({})])
      yield* Fiber.interrupt(dead)
    }))
})

describe("the jti of signed assertions", () => {
  it.live("does not repeat in 100,000 assertions by 100 fibers", () =>
    Effect.gen(function*() {
      // The signer sees the claims that would be sent. It then fails, so that the leak recorder has no 100,000 secrets
      // to find.
      const failure = new OAuthError.AssertionError({ reason: "Unavailable", description: "enough seen." })
      const seen = new Set<unknown>()
      const provider = yield* SignedAssertion.make({
        ...base,
        signingKey: (data) =>
          Effect.suspend(() => {
            seen.add(decodeJwt(`${new TextDecoder().decode(data)}.x`).jti)
            return Effect.fail(failure)
          })
      })
      const fibers = yield* Effect.replicateEffect(
        Effect.fork(Effect.replicateEffect(Effect.ignore(provider(request)), 1000)),
        100
      )
      yield* Fiber.joinAll(fibers)
      expect(seen.size).toBe(100_000)
      expect(seen.has(undefined)).toBe(false)
    }), 60_000)

  it.effect("does not repeat in 1,000 signed assertions", () =>
    Effect.gen(function*() {
      const { privateKey } = yield* pair("ES256")
      const provider = yield* SignedAssertion.make({ ...base, signingKey: privateKey })
      const assertions = yield* Effect.replicateEffect(provider(request), 1000)
      expect(new Set(assertions.map((jwt) => decodeJwt(Redacted.value(jwt)).jti)).size).toBe(1000)
    }))
})
