import { AssertionProvider, OAuthHttpClient, OAuthProvider, type SigningKey } from "@effect-mcp-auth/core"
import { PrivateKeyJwt } from "@effect-mcp-auth/private-key-jwt"
import { Answer, TestServers } from "@effect-mcp-auth/testing"
import { HttpClient } from "@effect/platform"
import { assert, describe, expect, it } from "@effect/vitest"
import {
  Config,
  ConfigProvider,
  Duration,
  Effect,
  Either,
  Exit,
  Fiber,
  Layer,
  Redacted,
  Ref,
  Scope,
  TestClock
} from "effect"
import { exportJWK, exportPKCS8 } from "jose"
import { forms, keyPair, signed, strict, unsigned } from "./support.ts"

const options: PrivateKeyJwt.Options = { serverUrl: "https://mcp.example.com/mcp", clientId: "machine" }

/** With these options, callers without a token fail with the first failure. */
const impatient: PrivateKeyJwt.Options = {
  ...options,
  refreshPolicy: { patience: { withToken: Duration.seconds(1), withoutToken: Duration.zero } }
}

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

/** A strict server, and the key of a provider that the server knows. */
const setup = (server: Omit<Parameters<typeof strict>[0], "publicKey"> = {}) =>
  Effect.map(keyPair("ES256"), ({ privateKey, publicKey }) => ({
    ...strict({ ...server, publicKey }),
    assertions: signed(privateKey)
  }))

describe("PrivateKeyJwt.make", () => {
  it.scoped("builds a provider whose tokens the server accepts", () =>
    Effect.gen(function*() {
      const { assertions, environment, seen } = yield* setup()
      yield* Effect.gen(function*() {
        const provider = yield* PrivateKeyJwt.make({ ...options, scopes: ["mcp", "admin"] })
        const { authorizationServer } = yield* TestServers.TestServers
        const token = yield* provider.accessToken
        const issued = yield* authorizationServer.find(token.value)
        expect(issued?.clientId).toBe("machine")
        expect(issued?.scopes).toEqual(["mcp", "admin"])
        const [form, ...others] = yield* forms
        assert(form !== undefined)
        expect(others).toEqual([])
        const { client_assertion: assertion, ...rest } = form
        assert.deepStrictEqual(rest, {
          grant_type: "client_credentials",
          scope: "mcp admin",
          resource: "https://mcp.example.com/mcp",
          client_assertion_type: ASSERTION_TYPE
        })
        expect(assertion?.split(".")).toHaveLength(3)
        const [{ jti, ...claims } = {}] = yield* seen
        expect(jti).toBeTypeOf("string")
        assert.deepStrictEqual(claims, {
          iss: "machine",
          sub: "machine",
          aud: "https://auth.example.com",
          iat: 0,
          exp: 300
        })
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }))

  it.scoped.each(
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"] as const
  )("signs by %s with a PEM, a JWK and a CryptoKey", (alg) =>
    Effect.gen(function*() {
      const { privateKey, publicKey } = yield* keyPair(alg)
      const keys: ReadonlyArray<SigningKey.SigningKey> = [
        Redacted.make(yield* Effect.promise(() => exportPKCS8(privateKey))),
        Redacted.make(yield* Effect.promise(() => exportJWK(privateKey))),
        privateKey
      ]
      for (const key of keys) {
        const provider = PrivateKeyJwt.make(options).pipe(Effect.flatMap(({ accessToken }) => accessToken))
        yield* provider.pipe(
          Effect.provide(signed(key, { signingAlgorithm: alg, keyId: "key-1" })),
          Effect.provide(strict({ publicKey, keyId: "key-1" }).environment)
        )
      }
    }))

  it.effect("builds a provider that ends with its scope", () =>
    Effect.gen(function*() {
      const { assertions, environment } = yield* setup()
      yield* Effect.gen(function*() {
        const scope = yield* Scope.make()
        const provider = yield* Scope.extend(PrivateKeyJwt.make(options), scope)
        yield* provider.accessToken
        yield* Scope.close(scope, Exit.void)
        expect(Exit.isFailure(yield* Effect.exit(provider.accessToken))).toBe(true)
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }))

  it.scoped("fails with InvalidOptions, and nothing is sent", () =>
    Effect.gen(function*() {
      const { assertions, environment } = yield* setup()
      yield* Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        for (
          const [changes, tag] of [
            [{ clientId: "" }, "InvalidOptions"],
            [{ serverUrl: "http://mcp.example.com" }, "InsecureEndpoint"],
            [{ issuer: "auth" }, "InvalidOptions"]
          ] as const
        ) {
          const error = yield* Effect.flip(PrivateKeyJwt.make({ ...options, ...changes }))
          expect(error._tag).toBe(tag)
        }
        expect(yield* network.requests).toEqual([])
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }))
})

describe("a mistake of JavaScript, or a variable that is not set, fails when the Layer is built (PrivateKeyJwt)", () => {
  it.scoped.each<readonly [option: string, value: unknown, says: string]>([
    ["serverUrl", undefined, "it is undefined"],
    ["clientId", undefined, "it is undefined. Give a value; if it comes from a variable"],
    ["clientId", null, "it is null"],
    ["clientId", "machine\n", "it ends with a line break"],
    ["issuer", null, "it is null"],
    ["issuer", 7, "it is a number"],
    ["scopes", "mcp admin", "it is a string. Give an array"],
    ["scopes", [undefined], "one of its entries is undefined"],
    ["audience", "tokenEndpoint", "it is none of the allowed values. Write \"issuer\", \"token_endpoint\" or { value"],
    ["audience", { value: undefined }, "it is undefined"],
    ["clientIdParameter", true, "a boolean is not one of the allowed values. Write \"omit\" or \"send\"."]
  ])("%s: %s", ([option, value, says]) =>
    Effect.gen(function*() {
      const { assertions, environment } = yield* setup()
      yield* Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const wrong = Object.assign({}, options, Object.fromEntries([[option, value]]))
        const error = yield* Effect.flip(PrivateKeyJwt.make(wrong))
        assert(error._tag === "InvalidOptions")
        expect(error.option).toBe(option)
        expect(error.message).toContain(says)
        expect(yield* network.requests).toEqual([])
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }))
})

describe("the client assertion of PrivateKeyJwt", () => {
  const tokenWith = (changes: Partial<PrivateKeyJwt.Options>, server: Parameters<typeof setup>[0]) =>
    Effect.gen(function*() {
      const { assertions, environment, seen } = yield* setup(server)
      return yield* Effect.gen(function*() {
        const provider = yield* PrivateKeyJwt.make({ ...impatient, ...changes })
        const outcome = yield* Effect.either(provider.accessToken)
        return { outcome, forms: yield* forms, seen: yield* seen }
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    })

  it.scoped.each(
    [
      [{}, "https://auth.example.com", "https://auth.example.com"],
      [{ audience: "issuer" }, "https://auth.example.com", "https://auth.example.com"],
      [{ audience: "issuer" }, "https://tenant.auth0.com/", "https://tenant.auth0.com/"],
      [{}, "https://login.example.com/tenant/v2.0", "https://login.example.com/tenant/v2.0"],
      [{ audience: "token_endpoint" }, "https://auth.example.com", "https://auth.example.com/token"],
      [{ audience: { value: "urn:as" }, issuer: "discover" }, "https://auth.example.com", "urn:as"]
    ] as const
  )("with audience %j, of %s, has aud %s", ([changes, issuer, audience]) =>
    Effect.gen(function*() {
      const { outcome, seen } = yield* tokenWith(changes, { audience, servers: { issuer } })
      expect(Either.isRight(outcome)).toBe(true)
      expect(seen.map(({ aud }) => aud)).toEqual([audience])
    }))

  it.scoped("has the slash of Auth0's issuer in aud, even if `issuer` has none", () =>
    Effect.gen(function*() {
      const { outcome } = yield* tokenWith({ issuer: "https://tenant.auth0.com" }, {
        audience: "https://tenant.auth0.com/",
        servers: { issuer: "https://tenant.auth0.com/" }
      })
      expect(Either.isRight(outcome)).toBe(true)
    }))

  it.scoped.each(
    [[{}, undefined], [{ clientIdParameter: "omit" }, undefined], [{ clientIdParameter: "send" }, "machine"]] as const
  )(
    "with clientIdParameter %j comes with client_id %s",
    ([changes, expected]) =>
      Effect.gen(function*() {
        const { forms, outcome } = yield* tokenWith(changes, {})
        expect(Either.isRight(outcome)).toBe(true)
        expect(forms[0]?.["client_id"]).toBe(expected)
      })
  )

  it.scoped("has the named issuer as aud, or the discovered one if none is named", () =>
    Effect.gen(function*() {
      const { outcome } = yield* tokenWith({ issuer: "https://other.example.com" }, {})
      assert(Either.isLeft(outcome))
      expect(outcome.left._tag).not.toBe("TokenEndpointError")
    }))
})

describe("the assertion of every attempt", () => {
  it.scoped("has a new jti after a 503, a lost answer and a lost connection", () =>
    Effect.gen(function*() {
      const { assertions, environment, seen } = yield* setup()
      yield* Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        // The server gets the first request, and the client does not get its answer.
        yield* network.script(
          "token",
          Answer.truncated,
          Answer.status(503),
          Answer.dropped,
          Answer.delayed("1 minute", Answer.proceed)
        )
        const provider = yield* PrivateKeyJwt.make(impatient)
        for (let i = 0; i < 3; i++) {
          yield* Effect.flip(provider.accessToken)
          yield* TestClock.adjust("6 seconds")
        }
        const slow = yield* Effect.fork(Effect.flip(provider.accessToken))
        yield* network.awaitRequests("token", 4)
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(slow)
        yield* TestClock.adjust("6 seconds")
        yield* provider.accessToken
        const sent = (yield* forms).map((form) => form["client_assertion"])
        expect(sent).toHaveLength(5)
        expect(new Set(sent).size).toBe(5)
        const jtis = (yield* seen).map(({ jti }) => jti)
        expect(new Set(jtis).size).toBe(jtis.length)
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }))

  it.scoped("has a new jti in 100 renewals against a server that accepts each once", () =>
    Effect.gen(function*() {
      const { assertions, environment, seen } = yield* setup()
      yield* Effect.gen(function*() {
        const provider = yield* PrivateKeyJwt.make(options)
        let token = yield* provider.accessToken
        for (let i = 0; i < 100; i++) {
          yield* TestClock.adjust("10 minutes")
          token = yield* provider.renew(token)
        }
        const jtis = (yield* seen).map(({ jti }) => jti)
        expect(jtis.length).toBeGreaterThan(100)
        expect(new Set(jtis).size).toBe(jtis.length)
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }), 30_000)
})

describe("a refusal of a token request is final (RFC 6749 §5.2)", () => {
  it.scoped.each(
    [
      ["invalid_client", 401],
      ["invalid_scope", 400],
      ["unauthorized_client", 400],
      ["unsupported_grant_type", 400]
    ] as const
  )("%s: one token request for 1,000 callers", ([code, status]) =>
    Effect.gen(function*() {
      const { assertions, environment } = yield* setup()
      yield* Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        yield* network.always("token", Answer.json({ error: code }, { status }))
        const provider = yield* PrivateKeyJwt.make({ ...options, scopes: ["mcp"] })
        const fibers = yield* Effect.replicateEffect(Effect.fork(Effect.flip(provider.accessToken)), 1000)
        const errors = new Set(yield* Effect.forEach(fibers, Fiber.join))
        expect(errors.size).toBe(1)
        for (const error of [...errors, yield* Effect.flip(provider.accessToken)]) {
          assert(error._tag === "TokenEndpointError")
          expect(error.code).toBe(code)
        }
        expect(yield* network.count("token")).toBe(1)
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }))
})

describe("a rotation of the key", () => {
  const pem = ({ privateKey }: CryptoKeyPair) =>
    Effect.map(Effect.promise(() => exportPKCS8(privateKey)), (text) => Redacted.make(text))

  const rotating = Effect.gen(function*() {
    const [old, fresh] = [yield* keyPair("ES256"), yield* keyPair("ES256", "rotated")]
    const current = yield* Ref.make<SigningKey.SigningKey>(yield* pem(old))
    const runs = yield* Ref.make(0)
    const server = strict({ publicKey: old.publicKey })
    const assertions = signed(Effect.zipRight(Ref.update(runs, (n) => n + 1), Ref.get(current)))
    return { ...server, assertions, current, fresh, runs: Ref.get(runs) }
  })

  it.scoped("loads the key again after invalid_client, and only then", () =>
    Effect.gen(function*() {
      const { assertions, current, environment, fresh, rotate, runs } = yield* rotating
      yield* Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const provider = yield* PrivateKeyJwt.make({ ...impatient, scopes: ["mcp"] })
        const first = yield* provider.accessToken
        for (const answer of [Answer.status(503), Answer.json({ error: "invalid_scope" }, { status: 400 })]) {
          yield* network.script("token", answer)
          yield* Effect.flip(provider.renew(first))
          yield* TestClock.adjust("1 minute")
        }
        const second = yield* provider.accessToken
        expect(yield* runs).toBe(1)

        yield* Ref.set(current, yield* pem(fresh))
        yield* rotate(fresh.publicKey)
        const before = yield* network.count("token")
        const third = yield* provider.renew(second)
        expect(yield* network.count("token")).toBe(before + 2)
        expect(yield* runs).toBe(2)
        yield* TestClock.adjust("1 minute")
        yield* provider.renew(third)
        expect(yield* runs).toBe(2)
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }))

  it.scoped("leaves a refusal of the same key final, and loads the key again for the next request", () =>
    Effect.gen(function*() {
      const { assertions, environment, fresh, rotate, runs } = yield* rotating
      yield* Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const provider = yield* PrivateKeyJwt.make(options)
        yield* rotate(fresh.publicKey)
        for (const [requests, asked] of [[1, 2], [2, 4]] as const) {
          const error = yield* Effect.flip(provider.accessToken)
          assert(error._tag === "TokenEndpointError")
          expect(error.code).toBe("invalid_client")
          expect(yield* network.count("token")).toBe(requests)
          expect(yield* runs).toBe(asked)
          yield* TestClock.adjust("1 minute")
        }
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }))

  it.scoped("leaves a second refusal, of the new key, final", () =>
    Effect.gen(function*() {
      const { assertions, current, environment, fresh, rotate } = yield* rotating
      const third = yield* keyPair("ES256", "third")
      yield* Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const provider = yield* PrivateKeyJwt.make(options)
        yield* rotate(third.publicKey)
        yield* Ref.set(current, yield* pem(fresh))
        const error = yield* Effect.flip(provider.accessToken)
        assert(error._tag === "TokenEndpointError")
        expect(yield* network.count("token")).toBe(2)
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }))

  it.scoped("retries with an unreadable key of a new name, and uses one of the same name for the next request", () =>
    Effect.gen(function*() {
      const [old, fresh] = [yield* keyPair("ES256"), yield* keyPair("ES256", "rotated")]
      for (const named of [true, false]) {
        let key = old
        const { environment, rotate } = strict({ publicKey: old.publicKey })
        const signingKey = Effect.sync(() => ({
          key: key.privateKey,
          keyId: named && key === fresh ? "fresh" : undefined
        }))
        yield* Effect.gen(function*() {
          const { network } = yield* TestServers.TestServers
          const provider = yield* PrivateKeyJwt.make(options)
          key = fresh
          yield* rotate(fresh.publicKey, named ? "fresh" : undefined)
          expect(Either.isRight(yield* Effect.either(provider.accessToken))).toBe(named)
          yield* TestClock.adjust("10 seconds")
          yield* provider.accessToken
          expect(yield* network.count("token")).toBe(2)
        }).pipe(Effect.provide(signed(signingKey)), Effect.provide(environment))
      }
    }))

  it.scoped("changes the name by which the server finds the key (RFC 7515 §4.1.4)", () =>
    Effect.gen(function*() {
      const keys = yield* Effect.forEach(["one", "two"], (name) =>
        Effect.flatMap(keyPair("ES256", name), ({ privateKey, publicKey }) =>
          Effect.promise(async () => ({
            publicKey,
            kid: name,
            jwk: Redacted.make({ ...await exportJWK(privateKey), kid: name })
          }))))
      const [one, two] = keys
      assert(one !== undefined && two !== undefined)
      for (const isNamed of [false, true]) {
        const { environment, rotate, seen } = strict({ publicKey: one.publicKey, keyId: one.kid })
        const current = yield* Ref.make(one)
        const key = Effect.map(
          Ref.get(current),
          ({ jwk, kid }): SigningKey.SigningKey | SigningKey.IdentifiedKey =>
            isNamed ? { key: jwk, keyId: kid } : jwk
        )
        yield* Effect.gen(function*() {
          const provider = yield* PrivateKeyJwt.make(options)
          const first = yield* provider.accessToken
          yield* rotate(two.publicKey, two.kid)
          yield* Ref.set(current, two)
          yield* provider.renew(first)
        }).pipe(Effect.provide(signed(key)), Effect.provide(environment))
        expect(yield* seen).toHaveLength(2)
      }
    }))

  it.scoped("to an unusable key is an AssertionError, sends nothing, and loads the key again for each request", () =>
    Effect.gen(function*() {
      const { assertions, current, environment, fresh, rotate, runs } = yield* rotating
      yield* Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const provider = yield* PrivateKeyJwt.make(impatient)
        yield* rotate(fresh.publicKey)
        yield* Effect.flip(provider.accessToken)
        yield* Ref.set(current, Redacted.make("canary, and no key"))
        for (let i = 0; i < 2; i++) {
          yield* TestClock.adjust("1 minute")
          const error = yield* Effect.flip(provider.accessToken)
          assert(error._tag === "AssertionError")
          expect(error.message).toContain("The signing key was rotated, but `signingKey`: it is not a PEM.")
        }
        expect(yield* network.count("token")).toBe(1)
        yield* Ref.set(current, yield* pem(fresh))
        yield* TestClock.adjust("1 minute")
        yield* provider.accessToken
        expect(yield* network.count("token")).toBe(2)
        expect(yield* runs).toBe(5)
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }))
})

describe("a prebuilt assertion", () => {
  const aud = "https://auth.example.com"
  const opaque = Redacted.make("canary-opaque")

  it.scoped("is found when the Layer is built: empty", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Layer.build(AssertionProvider.layerStatic(Redacted.make(""))))
      expect(error.message).toBe("`assertion`: it is empty. Give the assertion.")
    }))

  it.scoped.each(
    [
      ["expired", unsigned({ aud, exp: 0 }), "Expired"],
      ["not yet valid", unsigned({ aud, nbf: 61 }), "NotYetValid"],
      ["for another audience", unsigned({ aud: "https://elsewhere.example" }), "WrongAudience"],
      ["for other audiences", unsigned({ aud: ["https://elsewhere.example", "b"] }), "WrongAudience"],
      ["for no audience", unsigned({ sub: "machine" }), "WrongAudience"],
      ["not signed", unsigned({ aud }, "none"), "Malformed"],
      ["no JWT", opaque, "Malformed"]
    ] as const
  )("is not sent: %s", ([_, assertion, reason]) =>
    Effect.gen(function*() {
      const { environment } = yield* setup()
      yield* Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const provider = yield* PrivateKeyJwt.make(options)
        const error = yield* Effect.flip(provider.accessToken)
        assert(error._tag === "AssertionError")
        expect(error.reason).toBe(reason)
        expect(yield* network.count("token")).toBe(0)
      }).pipe(Effect.provide(AssertionProvider.layerStatic(assertion)), Effect.provide(environment))
    }))

  it.scoped.each(
    [
      ["for the issuer", unsigned({ aud, exp: 10 }), undefined],
      ["for the token endpoint", unsigned({ aud: [`${aud}/token`] }), undefined],
      ["opaque", opaque, true]
    ] as const
  )("is sent unchanged: %s", ([_, assertion, allowed]) =>
    Effect.gen(function*() {
      const { environment } = yield* setup()
      yield* Effect.gen(function*() {
        const provider = yield* PrivateKeyJwt.make(allowed === true ? { ...options, issuer: "discover" } : options)
        // The assertion is not signed, so the server refuses it.
        const error = yield* Effect.flip(provider.accessToken)
        expect(error._tag).toBe("TokenEndpointError")
        expect((yield* forms).map((form) => form["client_assertion"])).toEqual([Redacted.value(assertion)])
      }).pipe(
        Effect.provide(AssertionProvider.layerStatic(assertion, { opaque: allowed })),
        Effect.provide(environment)
      )
    }))
})

describe("without a named issuer, an assertion that is not bound to one is not sent (RFC 7523 §3)", () => {
  it.scoped.each(
    [
      ["signed for a fixed audience", (key: CryptoKey) => signed(key, { claimOverrides: { aud: "urn:fixed" } })],
      [
        "a JWT from a function",
        () => AssertionProvider.layer(() => Effect.succeed(unsigned({ aud: "api://fixed" })))
      ],
      ["an opaque one from a function", () => AssertionProvider.layer(() => Effect.succeed(Redacted.make("canary")))]
    ] as const
  )("%s", ([_, layer]) =>
    Effect.gen(function*() {
      const { privateKey, publicKey } = yield* keyPair("ES256")
      yield* Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const provider = yield* PrivateKeyJwt.make(options)
        const error = yield* Effect.flip(provider.accessToken)
        assert(error._tag === "AssertionError")
        expect(error.reason).toBe("WrongAudience")
        expect(error.message).not.toContain("canary")
        expect(yield* network.count("token")).toBe(0)
        const trusting = yield* PrivateKeyJwt.make({ ...options, issuer: "discover" })
        yield* Effect.either(trusting.accessToken)
        expect(yield* network.count("token")).toBe(1)
      }).pipe(Effect.provide(layer(privateKey)), Effect.provide(strict({ publicKey }).environment))
    }))
})

/** A call of the protected server, through the layer. */
const call = Effect.flatMap(HttpClient.HttpClient, (client) => client.get("https://mcp.example.com/mcp/reports"))

describe("PrivateKeyJwt.layer", () => {
  it.effect("provides the authenticated client", () =>
    Effect.gen(function*() {
      const { assertions, environment } = yield* setup()
      yield* Effect.gen(function*() {
        const layer = OAuthHttpClient.layer.pipe(Layer.provide(PrivateKeyJwt.layer(options)))
        expect((yield* Effect.provide(call, layer)).status).toBe(200)
        expect((yield* call).status).toBe(401)
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }))

  it.effect("fails with InvalidOptions, also for an unusable key", () =>
    Effect.gen(function*() {
      const { assertions, environment } = yield* setup()
      const error = yield* Layer.build(PrivateKeyJwt.layer({ ...options, clientId: "" })).pipe(
        Effect.scoped,
        Effect.provide(assertions),
        Effect.provide(environment),
        Effect.flip
      )
      expect(error.message).toContain("`clientId`")
      const bad = yield* Layer.build(Layer.provide(PrivateKeyJwt.layer(options), signed(Redacted.make("canary")))).pipe(
        Effect.scoped,
        Effect.provide(environment),
        Effect.flip
      )
      expect(bad.message).toContain("`signingKey`")
    }))
})

describe("PrivateKeyJwt.layerConfig", () => {
  const layer = PrivateKeyJwt.layerConfig({
    serverUrl: Config.string("MCP_URL"),
    clientId: Config.string("MCP_CLIENT_ID"),
    audience: Config.literal("issuer", "token_endpoint")("MCP_AUDIENCE").pipe(Config.withDefault("issuer")),
    clientIdParameter: Config.literal("omit", "send")("MCP_CLIENT_ID_PARAMETER").pipe(Config.withDefault("omit"))
  })
  const from = (variables: Readonly<Record<string, string>>) =>
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))
  const variables = { MCP_URL: "https://mcp.example.com/mcp", MCP_CLIENT_ID: "machine" }

  it.effect("reads every option from the configuration", () =>
    Effect.gen(function*() {
      const { assertions, environment } = yield* setup({ audience: "https://auth.example.com/token" })
      yield* Effect.gen(function*() {
        yield* Effect.flatMap(OAuthProvider.OAuthProvider, ({ accessToken }) => accessToken).pipe(
          Effect.provide(layer),
          from({ ...variables, MCP_AUDIENCE: "token_endpoint", MCP_CLIENT_ID_PARAMETER: "send" })
        )
        expect((yield* forms)[0]?.["client_id"]).toBe("machine")
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }))

  it.effect("fails if an option is missing, and if one is invalid", () =>
    Effect.gen(function*() {
      const { assertions, environment } = yield* setup()
      const fails = (variables: Readonly<Record<string, string>>) =>
        Effect.scoped(Layer.build(layer)).pipe(
          from(variables),
          Effect.provide(assertions),
          Effect.provide(environment),
          Effect.flip
        )
      expect(JSON.stringify(yield* fails({ MCP_URL: "https://mcp.example.com/mcp" }))).toContain("MCP_CLIENT_ID")
      const insecure = yield* fails({ ...variables, MCP_URL: "http://mcp.example.com" })
      expect("_tag" in insecure && insecure._tag).toBe("InsecureEndpoint")
    }))
})

describe("clientAuthentication", () => {
  it.effect("is the proof alone", () =>
    Effect.gen(function*() {
      const authentication = PrivateKeyJwt.clientAuthentication({
        clientId: "machine",
        assertionProvider: ({ audience }) => Effect.succeed(Redacted.make(`canary for ${audience}`)),
        audience: "token_endpoint",
        clientIdParameter: "send"
      })
      expect([authentication.clientId, authentication.method]).toEqual(["machine", "private_key_jwt"])
      const issuer = "https://auth.example.com"
      const { parameters = {} } = yield* authentication.prove({
        authorizationServer: {
          issuer,
          tokenEndpoint: new URL(`${issuer}/token`),
          metadata: { issuer, token_endpoint: `${issuer}/token` }
        },
        resource: "https://mcp.example.com/mcp",
        resourceParameter: undefined,
        scopes: []
      })
      const assertion = parameters["client_assertion"]
      assert(Redacted.isRedacted(assertion))
      expect(Redacted.value(assertion)).toBe(`canary for ${issuer}/token`)
      expect(parameters["client_id"]).toBe("machine")
    }))
})

describe("an authorization server that only the MCP server has named", () => {
  it.scoped("receives an assertion for a fixed audience only if `issuer` is \"discover\"", () =>
    Effect.gen(function*() {
      const { environment } = yield* setup()
      const error = yield* Effect.flip(PrivateKeyJwt.make({ ...options, audience: { value: "urn:as" } })).pipe(
        Effect.provide(AssertionProvider.layerStatic(Redacted.make("canary"))),
        Effect.provide(environment)
      )
      expect(error).toMatchObject({ _tag: "InvalidOptions", option: "issuer" })
    }))
})
