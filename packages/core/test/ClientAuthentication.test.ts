import { TestAuthorizationServer, TestNetwork } from "@effect-mcp-auth/testing"
import { assert, describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Either, Fiber, Option, Redacted } from "effect"
import * as fc from "effect/FastCheck"
import {
  type Assertion,
  type AssertionProvider,
  ClientAuthentication,
  Grant,
  OAuthError,
  TokenEndpoint,
  type TokenRequestContext
} from "../src/index.ts"
import { effectProperty } from "./support/property.ts"

const issuer = "https://auth.example.com"
const tokenEndpoint = new URL(`${issuer}/token`)

const context = (methods?: ReadonlyArray<string> | null): TokenRequestContext.TokenRequestContext => ({
  authorizationServer: {
    issuer,
    tokenEndpoint,
    metadata: {
      issuer,
      token_endpoint: tokenEndpoint.href,
      ...(methods === undefined ? {} : { token_endpoint_auth_methods_supported: methods })
    }
  },
  resource: "https://mcp.example.com/mcp",
  resourceParameter: undefined,
  scopes: []
})

const prove = (authentication: ClientAuthentication.ClientAuthentication, methods?: ReadonlyArray<string> | null) =>
  Effect.map(authentication.prove(context(methods)), ({ authorization, parameters = {} }) => ({
    authorization: Option.getOrUndefined(Option.map(Option.fromNullable(authorization), Redacted.value)),
    parameters: Object.fromEntries(
      Object.entries(parameters).map((
        [name, value]
      ) => [name, typeof value === "string" ? value : Redacted.value(value)])
    )
  }))

const basic = (clientId: string, clientSecret: string) =>
  ClientAuthentication.clientSecretBasic({ clientId, clientSecret: Redacted.make(clientSecret) })
const post = (clientId: string, clientSecret: string) =>
  ClientAuthentication.clientSecretPost({ clientId, clientSecret: Redacted.make(clientSecret) })

describe("client_secret_basic (RFC 6749 §2.3.1)", () => {
  it.effect.each(
    [
      ["client", "canary-secret", "Basic Y2xpZW50OmNhbmFyeS1zZWNyZXQ="],
      // client : canary%2Bp%25c%3Ad%2Fs+x%C3%BC
      ["client", "canary+p%c:d/s xü", "Basic Y2xpZW50OmNhbmFyeSUyQnAlMjVjJTNBZCUyRnMreCVDMyVCQw=="],
      // a%3Ab+%2B%C3%BC : canary%F0%9F%8C%8D
      ["a:b +ü", "canary🌍", "Basic YSUzQWIrJTJCJUMzJUJDOmNhbmFyeSVGMCU5RiU4QyU4RA=="],
      // *-._ stay; ! ~ ' ( ) are encoded, as a form encodes them (RFC 6749 appendix B)
      ["*-._", "canary!~'()", "Basic Ki0uXzpjYW5hcnklMjElN0UlMjclMjglMjk="],
      ["client", "canary=&?#", "Basic Y2xpZW50OmNhbmFyeSUzRCUyNiUzRiUyMw=="]
    ] as const
  )("encodes id %s and secret %s as %s", ([clientId, clientSecret, expected]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* prove(basic(clientId, clientSecret)), { authorization: expected, parameters: {} })
    }))

  it.effect("hides the secret, and lists the values that errors must not show", () =>
    Effect.gen(function*() {
      const proof = yield* basic("client", "canary/secret").prove(context())
      expect(JSON.stringify(proof)).not.toContain("canary")
      const secrets = proof.secrets?.map(Redacted.value)
      expect(secrets).toContain("canary/secret")
      // The value of the header without its scheme.
      expect(secrets).toContain("Y2xpZW50OmNhbmFyeSUyRnNlY3JldA==")
    }))
})

describe("client_secret_post (RFC 6749 §2.3.1)", () => {
  it.effect("puts the id and the secret unchanged in the body", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* prove(post("a:b", "canary+p%c:d/s xü")), {
        authorization: undefined,
        parameters: { client_id: "a:b", client_secret: "canary+p%c:d/s xü" }
      })
    }))
})

describe("none", () => {
  it.effect("sends the client id alone", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* prove(ClientAuthentication.none("public")), {
        authorization: undefined,
        parameters: { client_id: "public" }
      })
      expect(ClientAuthentication.none("public").method).toBe("none")
    }))
})

describe("anonymous", () => {
  it.effect("sends nothing", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* prove(ClientAuthentication.anonymous), { authorization: undefined, parameters: {} })
      expect(ClientAuthentication.anonymous.method).toBe("none")
    }))
})

describe("private_key_jwt (RFC 7523 §2.2)", () => {
  const type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

  /** A provider that numbers its assertions and remembers their requests. */
  const numbered = () => {
    const asked: Array<Assertion.AssertionRequest> = []
    const assertionProvider: AssertionProvider.AssertionProvider.Service = (request) =>
      Effect.sync(() => Redacted.make(`canary-${asked.push(request)}`))
    return { asked, assertionProvider }
  }

  it.effect("puts the assertion in the body, without client_id", () =>
    Effect.gen(function*() {
      const { asked, assertionProvider } = numbered()
      const authentication = ClientAuthentication.privateKeyJwt({ clientId: "client", assertionProvider })
      expect([authentication.clientId, authentication.method]).toEqual(["client", "private_key_jwt"])
      assert.deepStrictEqual(yield* prove(authentication), {
        authorization: undefined,
        parameters: { client_assertion_type: type, client_assertion: "canary-1" }
      })
      assert.deepStrictEqual(asked, [{
        audience: issuer,
        issuer,
        tokenEndpoint: tokenEndpoint.href,
        resource: "https://mcp.example.com/mcp",
        scopes: [],
        refused: []
      }])
    }))

  it.effect.each([[undefined, undefined], ["omit", undefined], ["send", "client"]] as const)(
    "with clientIdParameter %s sends client_id %s",
    ([clientIdParameter, expected]) =>
      Effect.gen(function*() {
        const { assertionProvider } = numbered()
        const { parameters } = yield* prove(
          ClientAuthentication.privateKeyJwt({ clientId: "client", assertionProvider, clientIdParameter })
        )
        expect(parameters["client_id"]).toBe(expected)
      })
  )

  it.effect.each(
    [
      [undefined, issuer],
      ["issuer", issuer],
      ["token_endpoint", `${issuer}/token`],
      [{ value: "api://else where" }, "api://else where"]
    ] as const
  )("with audience %j requests an assertion for %s", ([audience, expected]) =>
    Effect.gen(function*() {
      const { asked, assertionProvider } = numbered()
      yield* prove(ClientAuthentication.privateKeyJwt({ clientId: "client", assertionProvider, audience }))
      expect(asked.map(({ audience }) => audience)).toEqual([expected])
    }))

  const reported = (asked: ReadonlyArray<Assertion.AssertionRequest>) =>
    asked.map(({ refused }) => refused.map(Redacted.value))

  it.effect("requests a new assertion for every attempt, and reports a refused one with the first", () =>
    Effect.gen(function*() {
      const { asked, assertionProvider } = numbered()
      const authentication = ClientAuthentication.privateKeyJwt({ clientId: "client", assertionProvider })
      assert(authentication.refused !== undefined)
      yield* prove(authentication)
      yield* authentication.refused(yield* authentication.prove(context()))
      const sent = [yield* prove(authentication), yield* prove(authentication)]
      expect(sent.map(({ parameters }) => parameters["client_assertion"])).toEqual(["canary-3", "canary-4"])
      expect(reported(asked)).toEqual([[], [], ["canary-2"], []])
    }))

  it.effect("when many callers share it, reports each refused assertion once", () =>
    Effect.gen(function*() {
      const { asked, assertionProvider } = numbered()
      const authentication = ClientAuthentication.privateKeyJwt({ clientId: "client", assertionProvider })
      assert(authentication.refused !== undefined)
      const proofs = yield* Effect.replicateEffect(authentication.prove(context()), 4)
      for (const index of [0, 2]) yield* authentication.refused(proofs[index] ?? {})
      yield* prove(authentication)
      yield* prove(authentication)
      expect(reported(asked)).toEqual([[], [], [], [], ["canary-1", "canary-3"], []])
    }))

  it.effect("reports a refusal during a request with the request after it", () =>
    Effect.gen(function*() {
      const asked: Array<Assertion.AssertionRequest> = []
      const gate = yield* Deferred.make<void>()
      const authentication = ClientAuthentication.privateKeyJwt({
        clientId: "client",
        assertionProvider: (request) => {
          const assertion = Redacted.make(`canary-${asked.push(request)}`)
          return asked.length === 3 ? Effect.as(Deferred.await(gate), assertion) : Effect.succeed(assertion)
        }
      })
      assert(authentication.refused !== undefined)
      const [first, second] = yield* Effect.all([authentication.prove(context()), authentication.prove(context())])
      yield* authentication.refused(first)
      const third = yield* Effect.fork(prove(authentication))
      yield* Effect.yieldNow()
      yield* authentication.refused(second)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(third)
      yield* prove(authentication)
      expect(reported(asked)).toEqual([[], [], ["canary-1"], ["canary-2"]])
    }))

  it.effect("reports a refusal again if the next request fails", () =>
    Effect.gen(function*() {
      const failure = new OAuthError.AssertionError({ reason: "Unavailable", description: "no key." })
      const refusals: Array<number> = []
      const authentication = ClientAuthentication.privateKeyJwt({
        clientId: "client",
        assertionProvider: ({ refused }) => {
          const attempt = refusals.push(refused.length)
          return attempt === 2 || attempt === 3
            ? Effect.fail(failure)
            : Effect.succeed(Redacted.make("canary-assertion"))
        }
      })
      assert(authentication.refused !== undefined)
      yield* authentication.refused(yield* authentication.prove(context()))
      expect(yield* Effect.flip(prove(authentication))).toBe(failure)
      yield* Effect.flip(prove(authentication))
      yield* prove(authentication)
      yield* prove(authentication)
      expect(refusals).toEqual([0, 1, 1, 1, 0])
    }))

  it.effect("hides the assertion", () =>
    Effect.gen(function*() {
      const { assertionProvider } = numbered()
      const proof = yield* ClientAuthentication.privateKeyJwt({ clientId: "client", assertionProvider }).prove(
        context()
      )
      expect(JSON.stringify(proof)).not.toContain("canary")
    }))
})

describe("issuerOf", () => {
  const secret = ClientAuthentication.clientSecretBasic({ clientId: "client", clientSecret: Redacted.make("canary") })
  const fixed = { value: "api://exchange" }
  const key = ClientAuthentication.privateKeyJwt({ clientId: "client", assertionProvider: () => Effect.never })

  it.each([issuer, "discover"])("keeps %s, whatever is presented", (named) => {
    for (const options of [{}, { audience: fixed }, { clientAuthentication: secret }]) {
      expect(ClientAuthentication.issuerOf({ issuer: named, ...options })).toEqual(
        Either.right({ issuer: named, issuerUnnamed: false })
      )
    }
  })

  it("does not need `issuer` if the metadata is given", () => {
    const authorizationServerMetadata = { issuer, token_endpoint: `${issuer}/token` }
    for (const options of [{}, { audience: fixed }, { clientAuthentication: secret }]) {
      expect(ClientAuthentication.issuerOf({ ...options, authorizationServerMetadata })).toEqual(
        Either.right({ issuer: "discover", issuerUnnamed: false })
      )
    }
  })

  it.each(
    [
      {},
      { audience: "issuer" },
      { audience: "token_endpoint" },
      { clientAuthentication: key },
      { clientAuthentication: ClientAuthentication.anonymous },
      { clientAuthentication: ClientAuthentication.none("client") }
    ] as const
  )("does not need `issuer` for an assertion that its audience binds: %o", (options) => {
    expect(ClientAuthentication.issuerOf(options)).toEqual(Either.right({ issuer: "discover", issuerUnnamed: true }))
  })

  it.each(
    [
      [{ clientAuthentication: secret }, "a client secret leaves the process"],
      [{ audience: fixed }, "an assertion for a fixed audience can be used at that audience"],
      [{ audience: fixed, clientAuthentication: key }, "an assertion for a fixed audience"]
    ] as const
  )("needs `issuer` for everything else: %o", (options, says) => {
    const error = Either.getOrThrow(Either.flip(ClientAuthentication.issuerOf(options)))
    expect(error.option).toBe("issuer")
    expect(error.message).toContain(says)
  })
})

describe("the method that the metadata lists (RFC 8414 §2)", () => {
  const discover = ClientAuthentication.clientSecretDiscover({
    clientId: "client",
    clientSecret: Redacted.make("canary-secret")
  })

  it.effect.each(
    [
      [undefined, "basic"],
      [null, "basic"],
      [["client_secret_basic"], "basic"],
      [["client_secret_post"], "post"],
      [["client_secret_post", "client_secret_basic"], "basic"],
      [["private_key_jwt", "client_secret_post"], "post"]
    ] as const
  )("for the list %j is %s", ([methods, expected]) =>
    Effect.gen(function*() {
      const { authorization, parameters } = yield* prove(discover, methods)
      expect(authorization === undefined ? "post" : "basic").toBe(expected)
      expect("client_secret" in parameters).toBe(expected === "post")
    }))

  it.effect.each([[], ["private_key_jwt"], ["CLIENT_SECRET_BASIC", "none"]])(
    "for the list %j is an error, and nothing is sent",
    (methods) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(discover.prove(context(methods)))
        assert(error._tag === "DiscoveryError")
        expect(error.reason).toBe("UnsupportedClientAuthentication")
        expect(error.transient).toBe(false)
        expect(error.url).toBe(issuer)
        expect(error.message).toContain(
          `${issuer} lists the client authentication methods ${methods.join(", ") || "none"}, and neither`
        )
        expect(error.message).toContain("No secret was sent.")
      })
  )

  it("has the name client_secret in the key of a token, whichever method is chosen", () => {
    expect(discover.method).toBe("client_secret")
    expect(basic("a", "b").method).toBe("client_secret_basic")
    expect(post("a", "b").method).toBe("client_secret_post")
    expect(discover.clientId).toBe("client")
  })
})

/** A token request to a strict server that knows this client. */
const authenticate = (
  clientId: string,
  clientSecret: string,
  authentication: ClientAuthentication.ClientAuthentication
) =>
  Effect.gen(function*() {
    const { httpClient } = yield* TestNetwork.TestNetwork
    yield* TestAuthorizationServer.make({
      issuer,
      clients: [{ clientId, clientSecret: Redacted.make(clientSecret) }]
    })
    return yield* TokenEndpoint.request(httpClient, {
      ...context(),
      grant: Grant.clientCredentials,
      clientAuthentication: authentication,
      resourceParameter: undefined,
      defaultLifetime: 1000
    })
  }).pipe(Effect.provide(TestNetwork.layer))

describe("a strict authorization server", () => {
  const secrets = [
    "canary+plus",
    "canary%25percent",
    "canary:colon",
    "canary/slash",
    "canary space",
    "canary-ü-€-🌍",
    "canary&a=b"
  ]

  it.effect.each(secrets.flatMap((secret) => [["basic", secret], ["post", secret]] as const))(
    "accepts a secret by %s: %s",
    ([how, secret]) =>
      Effect.gen(function*() {
        const clientId = "id+%:/ ü"
        const token = yield* authenticate(clientId, secret, (how === "basic" ? basic : post)(clientId, secret))
        expect(token.issuer).toBe(issuer)
      })
  )

  it.effect("refuses a wrong secret", () =>
    Effect.gen(function*() {
      for (const how of [basic, post]) {
        const error = yield* Effect.flip(authenticate("client", "canary-right", how("client", "canary-wrong")))
        assert(error._tag === "TokenEndpointError")
        expect(error.code).toBe("invalid_client")
      }
    }))

  // Without halves of surrogate pairs, which UTF-8 does not have.
  const printable = fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 }).filter((text) => text.isWellFormed())

  effectProperty(
    "accepts any id and secret",
    [printable, printable],
    ([clientId, clientSecret]) =>
      Effect.gen(function*() {
        for (const how of [basic, post]) {
          const token = yield* authenticate(clientId, clientSecret, how(clientId, clientSecret))
          expect(token.tokenType).toBe("Bearer")
        }
      }),
    { numRuns: 50 }
  )
})
