import {
  type Assertion,
  AssertionProvider,
  ClientAuthentication,
  OAuthHttpClient,
  OAuthProvider,
  type SigningKey,
  TokenStorage
} from "@effect-mcp-auth/core"
import type { SignedAssertion } from "@effect-mcp-auth/core"
import { JwtBearer } from "@effect-mcp-auth/jwt-bearer"
import { Answer, AssertionVerifier, TestServers } from "@effect-mcp-auth/testing"
import type { TestAuthorizationServer } from "@effect-mcp-auth/testing"
import { HttpClient } from "@effect/platform"
import { assert, describe, expect, it } from "@effect/vitest"
import { Config, ConfigProvider, Duration, Effect, Exit, Fiber, Layer, Redacted, Ref, Scope, TestClock } from "effect"
import { exportJWK, generateKeyPair } from "jose"
import type { JWTPayload } from "jose"

const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

const options: JwtBearer.Options = { serverUrl: "https://mcp.example.com/mcp" }

const clientSecret = Redacted.make("canary+s:e%c/r ü")

const pairs = new Map<string, Promise<CryptoKeyPair>>()
const keyPair = (name: string): Effect.Effect<CryptoKeyPair> =>
  Effect.promise(() => {
    const known = pairs.get(name) ?? generateKeyPair("ES256", { extractable: true })
    pairs.set(name, known)
    return known
  })

/**
 * An authorization server that verifies the grants that `platform` signs for `workload` and the client assertions that
 * `machine` signs, and accepts each `jti` once (RFC 7523 §3).
 */
const setup = (changes: { readonly audience?: string; readonly servers?: TestServers.TestServers.Options } = {}) =>
  Effect.gen(function*() {
    const [platform, rotated, machine] = [
      yield* keyPair("platform"),
      yield* keyPair("rotated"),
      yield* keyPair("machine")
    ]
    const issuer = changes.servers?.issuer ?? "https://auth.example.com"
    const grants = AssertionVerifier.make({
      issuer: "platform",
      subject: "workload",
      keys: [{ publicKey: platform.publicKey }],
      audiences: [changes.audience ?? issuer],
      error: "invalid_grant"
    })
    const clients = AssertionVerifier.make({
      issuer: "machine",
      keys: [{ publicKey: machine.publicKey }],
      audiences: [issuer]
    })
    const grant: TestAuthorizationServer.Grant = ({ parameters }) =>
      Effect.as(grants.verify(parameters.get("assertion") ?? ""), { subject: "workload", scopes: ["mcp", "admin"] })
    return {
      platform,
      rotated,
      trust: (publicKey: CryptoKey) => grants.rotate([{ publicKey }]),
      /** The assertions so far: those of clients before those of grants. */
      seen: Effect.zipWith(clients.seen, grants.seen, (proofs, assertions) => [...proofs, ...assertions]),
      assertions: signed(platform.privateKey),
      machineAssertions: yield* Effect.flatMap(
        AssertionProvider.AssertionProvider,
        (provider) => Effect.succeed(provider)
      ).pipe(Effect.provide(signed(machine.privateKey, { issuer: "machine", subject: "machine" }))),
      environment: Layer.merge(
        TestServers.layer({
          clientSecret,
          ...changes.servers,
          authorizationServer: {
            authMethods: ["private_key_jwt", "client_secret_basic", "client_secret_post"],
            clients: [{ clientId: "machine" }, { clientId: "public" }],
            grants: { [JWT_BEARER]: grant },
            verifyClientAssertion: (assertion) => Effect.as(clients.verify(assertion), "machine"),
            ...changes.servers?.authorizationServer
          }
        }),
        TokenStorage.layerMemory
      )
    }
  })

const signed = (
  signingKey: SignedAssertion.Options["signingKey"],
  changes: Partial<SignedAssertion.Options> = {}
) =>
  AssertionProvider.layerSigned({
    issuer: "platform",
    subject: "workload",
    signingKey,
    signingAlgorithm: "ES256",
    ...changes
  })

const requests = Effect.flatMap(TestServers.TestServers, ({ network }) => network.requestsTo("token"))

const forms = Effect.map(requests, (all) => all.map(({ body }) => Object.fromEntries(new URLSearchParams(body))))

/** The token of a provider with these options, and the server's facts about it. */
const obtained = (changes: Partial<JwtBearer.Options> = {}) =>
  Effect.gen(function*() {
    const provider = yield* JwtBearer.make({ ...options, ...changes })
    const token = yield* provider.accessToken
    const { authorizationServer } = yield* TestServers.TestServers
    return yield* authorizationServer.find(token.value)
  })

describe("the token request of JwtBearer (RFC 7523 §2.1)", () => {
  it.scoped("has the assertion, and no client id or secret", () =>
    Effect.gen(function*() {
      const { assertions, environment, seen } = yield* setup()
      yield* Effect.gen(function*() {
        const issued = yield* obtained({ scopes: ["admin", "mcp"] })
        expect(issued?.subject).toBe("workload")
        expect(issued?.clientId).toBeUndefined()
        expect(issued?.scopes).toEqual(["admin", "mcp"])
        const [request, ...others] = yield* requests
        expect(others).toEqual([])
        expect(request?.headers["authorization"]).toBeUndefined()
        const { assertion, ...rest } = (yield* forms)[0] ?? {}
        expect(assertion?.split(".")).toHaveLength(3)
        assert.deepStrictEqual(rest, {
          grant_type: JWT_BEARER,
          scope: "admin mcp",
          resource: "https://mcp.example.com/mcp"
        })
        const [{ jti, ...claims } = {}] = yield* seen
        expect(jti).toBeTypeOf("string")
        assert.deepStrictEqual(claims, {
          iss: "platform",
          sub: "workload",
          aud: "https://auth.example.com",
          iat: 0,
          exp: 300
        })
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }))

  it.scoped.each(
    [
      [{}, "https://auth.example.com", "https://auth.example.com"],
      [{ audience: "issuer" }, "https://tenant.auth0.com/", "https://tenant.auth0.com/"],
      [{ audience: "token_endpoint" }, "https://auth.example.com", "https://auth.example.com/token"],
      [{ audience: { value: "api://exchange" }, issuer: "discover" }, "https://auth.example.com", "api://exchange"]
    ] as const
  )("with audience %j, of %s, has an assertion with aud %s", ([changes, issuer, audience]) =>
    Effect.gen(function*() {
      const { assertions, environment, seen } = yield* setup({ audience, servers: { issuer } })
      yield* obtained(changes).pipe(Effect.provide(assertions), Effect.provide(environment))
      expect((yield* seen).map(({ aud }) => aud)).toEqual([audience])
    }))

  it.scoped("has an assertion with additional claims and overridden claims", () =>
    Effect.gen(function*() {
      const { environment, platform, seen } = yield* setup()
      yield* obtained().pipe(
        Effect.provide(signed(platform.privateKey, {
          additionalClaims: { tenant: "acme", sub: "replaced" },
          claimOverrides: { exp: 42 }
        })),
        Effect.provide(environment)
      )
      expect(yield* seen).toMatchObject([{ tenant: "acme", sub: "workload", exp: 42 }])
    }))

  it.scoped("has the assertion of a function that receives the request", () =>
    Effect.gen(function*() {
      const { assertions, environment } = yield* setup()
      const asked: Array<Assertion.AssertionRequest> = []
      yield* Effect.gen(function*() {
        const inner = yield* AssertionProvider.AssertionProvider
        const callback = AssertionProvider.layer((request) => {
          asked.push(request)
          return inner(request)
        })
        yield* obtained({ scopes: ["mcp"] }).pipe(Effect.provide(callback), Effect.provide(environment))
      }).pipe(Effect.provide(assertions))
      assert.deepStrictEqual(asked, [{
        audience: "https://auth.example.com",
        issuer: "https://auth.example.com",
        tokenEndpoint: "https://auth.example.com/token",
        resource: "https://mcp.example.com/mcp",
        resourceParameter: "https://mcp.example.com/mcp",
        scopes: ["mcp"],
        refused: [],
        issuerUnnamed: true,
        issuerNamedByServer: true
      }])
    }))

  it.effect("fails after the scope of the provider has ended", () =>
    Effect.gen(function*() {
      const { assertions, environment } = yield* setup()
      yield* Effect.gen(function*() {
        const scope = yield* Scope.make()
        const provider = yield* Scope.extend(JwtBearer.make(options), scope)
        yield* provider.accessToken
        yield* Scope.close(scope, Exit.void)
        expect(Exit.isFailure(yield* Effect.exit(provider.accessToken))).toBe(true)
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }))
})

describe("the client besides the grant", () => {
  const secret = { clientId: "test-client", clientSecret }
  const issuer = "https://auth.example.com"

  it.scoped("is named by its id if it is public", () =>
    Effect.gen(function*() {
      const { assertions, environment } = yield* setup()
      yield* Effect.gen(function*() {
        const issued = yield* obtained({ clientId: "public" })
        expect([issued?.clientId, issued?.subject]).toEqual(["public", "workload"])
        const [form] = yield* forms
        expect(form?.["client_id"]).toBe("public")
        expect(form).not.toHaveProperty("client_assertion")
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }))

  it.scoped("is refused once if the server knows a secret for the public client", () =>
    Effect.gen(function*() {
      const { assertions, environment } = yield* setup()
      yield* Effect.gen(function*() {
        const provider = yield* JwtBearer.make({ ...options, clientId: "test-client" })
        const error = yield* Effect.flip(provider.accessToken)
        assert(error._tag === "TokenEndpointError")
        expect(error.code).toBe("invalid_client")
        expect(yield* forms).toHaveLength(1)
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }))

  it.scoped("sends its secret in the header, and none of it in the body", () =>
    Effect.gen(function*() {
      const { assertions, environment } = yield* setup()
      yield* Effect.gen(function*() {
        const issued = yield* obtained({ issuer, clientAuthentication: ClientAuthentication.clientSecretBasic(secret) })
        expect([issued?.clientId, issued?.subject]).toEqual(["test-client", "workload"])
        const [request] = yield* requests
        expect(request?.headers["authorization"]).toMatch(/^Basic /)
        expect([...new URLSearchParams(request?.body).keys()].toSorted()).toEqual([
          "assertion",
          "grant_type",
          "resource",
          "scope"
        ])
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }))

  it.scoped("sends its secret in the body", () =>
    Effect.gen(function*() {
      const { assertions, environment } = yield* setup()
      yield* Effect.gen(function*() {
        const issued = yield* obtained({ issuer, clientAuthentication: ClientAuthentication.clientSecretPost(secret) })
        expect(issued?.clientId).toBe("test-client")
        expect((yield* forms)[0]).toMatchObject({
          client_id: "test-client",
          client_secret: Redacted.value(clientSecret)
        })
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }))

  it.scoped.each([
    ClientAuthentication.clientSecretBasic(secret),
    ClientAuthentication.clientSecretPost(secret),
    ClientAuthentication.clientSecretDiscover(secret)
  ])("with a secret by $method needs a named issuer", (clientAuthentication) =>
    Effect.gen(function*() {
      const { assertions, environment } = yield* setup()
      yield* Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const error = yield* Effect.flip(JwtBearer.make({ ...options, clientAuthentication }))
        expect(error.message).toBe(
          "`issuer`: a client secret leaves the process, so you must say who may receive it. Name the issuer, or write " +
            `"discover" to trust the server to name it.`
        )
        expect(yield* network.requests).toEqual([])
        expect((yield* obtained({ clientAuthentication, issuer: "discover" }))?.clientId).toBe("test-client")
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }))

  it.scoped("with a key of its own sends two assertions in one request, each in its own parameter", () =>
    Effect.gen(function*() {
      const { assertions, environment, machineAssertions, seen } = yield* setup({
        audience: "https://auth.example.com/token"
      })
      yield* Effect.gen(function*() {
        const issued = yield* obtained({
          audience: "token_endpoint",
          clientAuthentication: ClientAuthentication.privateKeyJwt({
            clientId: "machine",
            assertionProvider: machineAssertions
          })
        })
        expect([issued?.clientId, issued?.subject]).toEqual(["machine", "workload"])
        const { assertion, client_assertion: proof, ...rest } = (yield* forms)[0] ?? {}
        assert.deepStrictEqual(rest, {
          grant_type: JWT_BEARER,
          scope: "mcp",
          resource: "https://mcp.example.com/mcp",
          client_assertion_type: ASSERTION_TYPE
        })
        expect(assertion).not.toBe(proof)
        expect((yield* seen).map(({ aud, iss, sub }) => [iss, sub, aud])).toEqual([
          ["machine", "machine", "https://auth.example.com"],
          ["platform", "workload", "https://auth.example.com/token"]
        ])
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }))

  it.scoped("with an empty client id is InvalidOptions, and nothing is sent", () =>
    Effect.gen(function*() {
      const { assertions, environment } = yield* setup()
      yield* Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const error = yield* Effect.flip(JwtBearer.make({ ...options, clientId: "" }))
        expect(error.message).toBe("`clientId`: it is empty. Give the client id.")
        expect(yield* network.requests).toEqual([])
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }))
})

describe("a mistake of JavaScript, or a variable that is not set, fails when the Layer is built (JwtBearer)", () => {
  it.scoped.each<readonly [option: string, value: unknown, says: string]>([
    ["serverUrl", undefined, "it is undefined"],
    ["clientId", null, "it is null. Give a value; if it comes from a variable"],
    ["clientId", "machine\n", "it ends with a line break"],
    ["clientAuthentication", null, "it is null. Give one of the values of `ClientAuthentication`."],
    ["clientAuthentication", clientSecret, "it is a `Redacted`"],
    ["issuer", null, "it is null"],
    ["scopes", "mcp admin", "it is a string. Give an array"],
    ["subject", null, "it is null"],
    ["subject", "", "it is empty. Leave it out if there is none."],
    ["audience", "tokenEndpoint", "it is none of the allowed values"]
  ])("%s: %s", ([option, value, says]) =>
    Effect.gen(function*() {
      const { assertions, environment } = yield* setup()
      yield* Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const wrong = Object.assign({}, options, Object.fromEntries([[option, value]]))
        const error = yield* Effect.flip(JwtBearer.make(wrong))
        assert(error._tag === "InvalidOptions")
        expect(error.option).toBe(option)
        expect(error.message).toContain(says)
        expect(yield* network.requests).toEqual([])
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }))
})

describe("every attempt of JwtBearer", () => {
  it.scoped("has new jtis in both assertions, against a server that accepts each once", () =>
    Effect.gen(function*() {
      const { assertions, environment, machineAssertions, seen } = yield* setup()
      yield* Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        yield* network.script("token", Answer.truncated, Answer.status(503), Answer.dropped)
        const provider = yield* JwtBearer.make({
          ...options,
          // Callers without a token fail with the first failure.
          refreshPolicy: { patience: { withToken: Duration.seconds(1), withoutToken: Duration.zero } },
          clientAuthentication: ClientAuthentication.privateKeyJwt({
            clientId: "machine",
            assertionProvider: machineAssertions
          })
        })
        for (let i = 0; i < 3; i++) {
          yield* Effect.flip(provider.accessToken)
          yield* TestClock.adjust("6 seconds")
        }
        const token = yield* provider.accessToken
        yield* TestClock.adjust("6 seconds")
        yield* provider.renew(token)
        const sent = (yield* forms).flatMap((form) => [form["assertion"], form["client_assertion"]])
        expect(sent).toHaveLength(10)
        expect(new Set(sent).size).toBe(10)
        expect(new Set((yield* seen).map(({ jti }) => jti)).size).toBe(6)
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }))
})

describe("a refusal of a token request is final (RFC 6749 §5.2)", () => {
  it.scoped.each(["invalid_grant", "invalid_client", "invalid_scope", "unauthorized_client", "unsupported_grant_type"])(
    "%s: one token request for 1,000 callers, and no other grant",
    (code) =>
      Effect.gen(function*() {
        const { assertions, environment } = yield* setup()
        yield* Effect.gen(function*() {
          const { network } = yield* TestServers.TestServers
          yield* network.always("token", Answer.json({ error: code }, { status: 400 }))
          const provider = yield* JwtBearer.make({ ...options, scopes: ["mcp"] })
          const fibers = yield* Effect.replicateEffect(Effect.fork(Effect.flip(provider.accessToken)), 1000)
          const errors = new Set(yield* Effect.forEach(fibers, Fiber.join))
          expect(errors.size).toBe(1)
          for (const error of [...errors, yield* Effect.flip(provider.accessToken)]) {
            assert(error._tag === "TokenEndpointError")
            expect(error.code).toBe(code)
          }
          expect((yield* forms).map((form) => form["grant_type"])).toEqual([JWT_BEARER])
        }).pipe(Effect.provide(assertions), Effect.provide(environment))
      })
  )

  it.scoped("after invalid_grant the key is loaded again, because it may have been rotated", () =>
    Effect.gen(function*() {
      const { environment, platform, rotated, trust } = yield* setup()
      const jwk = ({ privateKey }: CryptoKeyPair) =>
        Effect.map(Effect.promise(() => exportJWK(privateKey)), (value) => Redacted.make(value))
      const current = yield* Ref.make<SigningKey.SigningKey>(yield* jwk(platform))
      let runs = 0
      const key = Effect.tap(Ref.get(current), () =>
        Effect.sync(() => {
          runs++
        }))
      yield* Effect.gen(function*() {
        const provider = yield* JwtBearer.make(options)
        const first = yield* provider.accessToken
        yield* trust(rotated.publicKey)
        yield* Ref.set(current, yield* jwk(rotated))
        const { network } = yield* TestServers.TestServers
        yield* provider.renew(first)
        expect(yield* network.count("token")).toBe(3)
        expect(runs).toBe(2)
      }).pipe(Effect.provide(signed(key)), Effect.provide(environment))
    }))
})

describe("a prebuilt assertion", () => {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")
  const unsigned = (claims: JWTPayload, alg = "ES256") =>
    Redacted.make(`${encode({ alg })}.${encode(claims)}.canary-signature`)
  const aud = "https://auth.example.com"

  it.scoped.each(
    [
      ["expired", unsigned({ aud, exp: 0 }), "Expired"],
      ["not yet valid", unsigned({ aud, nbf: 61 }), "NotYetValid"],
      ["for another audience", unsigned({ aud: "https://elsewhere.example" }), "WrongAudience"],
      ["for no audience", unsigned({}), "WrongAudience"],
      ["not signed", unsigned({ aud }, "none"), "Malformed"],
      ["no JWT", Redacted.make("canary-opaque"), "Malformed"]
    ] as const
  )("with %s is not sent, nor the client secret", ([_, assertion, reason]) =>
    Effect.gen(function*() {
      const { environment } = yield* setup()
      yield* Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const provider = yield* JwtBearer.make({
          ...options,
          issuer: aud,
          clientAuthentication: ClientAuthentication.clientSecretBasic({ clientId: "test-client", clientSecret })
        })
        const error = yield* Effect.flip(provider.accessToken)
        assert(error._tag === "AssertionError")
        expect(error.reason).toBe(reason)
        expect(yield* network.count("token")).toBe(0)
      }).pipe(Effect.provide(AssertionProvider.layerStatic(assertion)), Effect.provide(environment))
    }))

  it.scoped("that is opaque is sent with `opaque`", () =>
    Effect.gen(function*() {
      const { environment } = yield* setup()
      yield* Effect.gen(function*() {
        const provider = yield* JwtBearer.make({ ...options, issuer: "discover" })
        const error = yield* Effect.flip(provider.accessToken)
        assert(error._tag === "TokenEndpointError")
        expect(error.code).toBe("invalid_grant")
        expect((yield* forms).map((form) => form["assertion"])).toEqual(["canary-opaque"])
      }).pipe(
        Effect.provide(AssertionProvider.layerStatic(Redacted.make("canary-opaque"), { opaque: true })),
        Effect.provide(environment)
      )
    }))

  it.scoped("for the MCP server's own address is not sent to the authorization server that it names", () =>
    Effect.gen(function*() {
      const { environment } = yield* setup()
      yield* Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const provider = yield* JwtBearer.make(options)
        const error = yield* Effect.flip(provider.accessToken)
        expect(error.message).toBe(
          "The assertion is for https://mcp.example.com/mcp, and was not sent to https://auth.example.com. " +
            "Get one for the audience https://auth.example.com."
        )
        expect(yield* network.count("token")).toBe(0)
      }).pipe(
        Effect.provide(AssertionProvider.layerStatic(unsigned({ aud: "https://mcp.example.com/mcp" }))),
        Effect.provide(environment)
      )
    }))
})

describe("without a named issuer, an assertion that is not bound to one is not sent (RFC 7523 §3)", () => {
  it.scoped.each(
    [
      ["a grant for a fixed audience", { claimOverrides: { aud: "urn:fixed" } }, undefined],
      ["a client assertion for a fixed audience", {}, { value: "urn:fixed" }]
    ] as const
  )("%s", ([_, changes, audience]) =>
    Effect.gen(function*() {
      const { environment, machineAssertions, platform } = yield* setup()
      yield* Effect.gen(function*() {
        const { network } = yield* TestServers.TestServers
        const clientAuthentication = ClientAuthentication.privateKeyJwt({
          clientId: "machine",
          assertionProvider: machineAssertions,
          audience
        })
        const provider = yield* JwtBearer.make({ ...options, clientAuthentication })
        const error = yield* Effect.flip(provider.accessToken)
        assert(error._tag === "AssertionError")
        expect(error.reason).toBe("WrongAudience")
        expect(yield* network.count("token")).toBe(0)
        const trusting = yield* JwtBearer.make({ ...options, issuer: "discover", clientAuthentication })
        yield* Effect.either(trusting.accessToken)
        expect(yield* network.count("token")).toBe(1)
      }).pipe(Effect.provide(signed(platform.privateKey, changes)), Effect.provide(environment))
    }))
})

/** A call of the protected server, through the layer. */
const call = Effect.flatMap(HttpClient.HttpClient, (client) => client.get("https://mcp.example.com/mcp/reports"))

describe("JwtBearer.layer", () => {
  it.effect("provides the authenticated client", () =>
    Effect.gen(function*() {
      const { assertions, environment } = yield* setup()
      yield* Effect.gen(function*() {
        const layer = OAuthHttpClient.layer.pipe(Layer.provide(JwtBearer.layer(options)))
        expect((yield* Effect.provide(call, layer)).status).toBe(200)
        expect((yield* call).status).toBe(401)
      }).pipe(Effect.provide(assertions), Effect.provide(environment))
    }))

  it.effect("fails with InvalidOptions", () =>
    Effect.gen(function*() {
      const { assertions, environment } = yield* setup()
      const error = yield* Layer.build(JwtBearer.layer({ serverUrl: "http://mcp.example.com" })).pipe(
        Effect.scoped,
        Effect.provide(assertions),
        Effect.provide(environment),
        Effect.flip
      )
      expect(error._tag).toBe("InsecureEndpoint")
    }))
})

describe("JwtBearer.layerConfig", () => {
  const layer = JwtBearer.layerConfig({
    serverUrl: Config.string("MCP_URL"),
    clientId: Config.string("MCP_CLIENT_ID").pipe(Config.withDefault(undefined)),
    scopes: Config.array(Config.string(), "MCP_SCOPES")
  })
  const from = (variables: Readonly<Record<string, string>>) =>
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))
  const variables = { MCP_URL: "https://mcp.example.com/mcp", MCP_SCOPES: "mcp,admin" }

  it.effect.each([[{}, undefined], [{ MCP_CLIENT_ID: "public" }, "public"]] as const)(
    "reads the options from the configuration: %j",
    ([more, clientId]) =>
      Effect.gen(function*() {
        const { assertions, environment } = yield* setup()
        yield* Effect.gen(function*() {
          yield* Effect.flatMap(OAuthProvider.OAuthProvider, ({ accessToken }) => accessToken).pipe(
            Effect.provide(layer),
            from({ ...variables, ...more })
          )
          const [form] = yield* forms
          expect([form?.["client_id"], form?.["scope"]]).toEqual([clientId, "mcp admin"])
        }).pipe(Effect.provide(assertions), Effect.provide(environment))
      })
  )

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
      expect(JSON.stringify(yield* fails({ MCP_SCOPES: "mcp" }))).toContain("MCP_URL")
      const wrong = yield* fails({ ...variables, MCP_CLIENT_ID: "" })
      expect("_tag" in wrong && wrong._tag).toBe("InvalidOptions")
    }))
})

describe("an authorization server that only the MCP server has named", () => {
  const nothingIsSent = <E, A extends { readonly accessToken: Effect.Effect<unknown, E> }, E2, R>(
    make: Effect.Effect<A, E2, R>
  ) =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const error = yield* Effect.flip(Effect.flatMap(make, ({ accessToken }) => accessToken))
      expect(yield* network.count("token")).toBe(0)
      return error
    })

  it.scoped("receives no opaque assertion, and none for a fixed audience", () =>
    Effect.gen(function*() {
      const opaque = yield* nothingIsSent(JwtBearer.make(options))
      expect(opaque).toMatchObject({ _tag: "AssertionError", reason: "WrongAudience" })
      const fixed = yield* nothingIsSent(JwtBearer.make({ ...options, audience: { value: "api://exchange" } }))
      expect(fixed).toMatchObject({ _tag: "InvalidOptions", option: "issuer" })
    }).pipe(
      Effect.provide(AssertionProvider.layerStatic(Redacted.make("canary"), { opaque: true })),
      Effect.provide(Layer.merge(TestServers.layer(), TokenStorage.layerMemory))
    ))
})

describe("a client id besides a proof", () => {
  it.scoped("must be that of the proof, or is InvalidOptions", () =>
    Effect.gen(function*() {
      const proof = ClientAuthentication.clientSecretBasic({ clientId: "test-client", clientSecret })
      const both = { ...options, issuer: "discover", clientAuthentication: proof }
      yield* JwtBearer.make({ ...both, clientId: "test-client" })
      const error = yield* Effect.flip(JwtBearer.make({ ...both, clientId: "another" }))
      expect(error.message).toBe(
        "`clientId`: it is \"another\", and `clientAuthentication` is that of \"test-client\". Leave it out."
      )
    }).pipe(
      Effect.provide(AssertionProvider.layerStatic(Redacted.make("canary"), { opaque: true })),
      Effect.provide(Layer.merge(TestServers.layer(), TokenStorage.layerMemory))
    ))
})

describe("two users in one storage", () => {
  const grants = {
    "urn:ietf:params:oauth:grant-type:jwt-bearer": (
      { parameters }: { readonly parameters: ReadonlyMap<string, string> }
    ) => Effect.succeed({ subject: parameters.get("assertion") ?? "", scopes: ["mcp"] })
  }
  const servers = Layer.merge(TestServers.layer({ authorizationServer: { grants } }), TokenStorage.layerMemory)
  const tokenFor = (user: string, changes: Partial<JwtBearer.Options> = {}) =>
    Effect.flatMap(
      JwtBearer.make({ ...options, issuer: "https://auth.example.com", ...changes }),
      ({ accessToken }) => accessToken
    ).pipe(Effect.provide(AssertionProvider.layerStatic(Redacted.make(`canary ${user}`), { opaque: true })))

  it.scoped("without `subject` write nothing to it", () =>
    Effect.gen(function*() {
      const written: Array<string> = []
      const storage = TokenStorage.make({
        get: () => Effect.succeedNone,
        set: ({ subject }) => Effect.sync(() => void written.push(subject)),
        remove: () => Effect.void
      })
      yield* Effect.gen(function*() {
        yield* tokenFor("alice")
        yield* TestClock.adjust("1 second")
        expect(written).toEqual([])
        yield* tokenFor("alice", { subject: "alice" })
        yield* TestClock.adjust("1 second")
        expect(written).toEqual(["alice"])
      }).pipe(Effect.provideService(TokenStorage.TokenStorage, storage))
    }).pipe(Effect.provide(servers)))

  it.scoped("do not get each other's tokens, and providers with the same `subject` share theirs", () =>
    Effect.gen(function*() {
      const { network } = yield* TestServers.TestServers
      const alice = yield* tokenFor("alice")
      const bob = yield* tokenFor("bob")
      expect(Redacted.value(alice.value)).not.toBe(Redacted.value(bob.value))
      expect(yield* network.count("token")).toBe(2)
      const [first, second] = yield* Effect.all([
        tokenFor("carol", { subject: "carol" }),
        tokenFor("carol", { subject: "carol" })
      ])
      expect(Redacted.value(second.value)).toBe(Redacted.value(first.value))
      expect(yield* network.count("token")).toBe(3)
    }).pipe(Effect.provide(servers)))
})
