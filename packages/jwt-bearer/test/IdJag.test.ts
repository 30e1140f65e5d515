import {
  type Assertion,
  AssertionProvider,
  ClientAuthentication,
  OAuthError,
  OAuthProvider,
  TokenStorage
} from "@effect-mcp-auth/core"
import { Answer, TestNetwork } from "@effect-mcp-auth/testing"
import { assert, describe, expect, it } from "@effect/vitest"
import {
  Cause,
  Config,
  ConfigProvider,
  Effect,
  Either,
  Encoding,
  Exit,
  Fiber,
  Layer,
  Redacted,
  Scope,
  TestClock
} from "effect"
import { IdJag, JwtBearer } from "../src/index.ts"

const idp = "https://idp.example.com"
const issuer = "https://auth.example.com"
const resource = "https://mcp.example.com/mcp"
const ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"

const subjectToken = Redacted.make("canary-subject+token")
const clientAuthentication = ClientAuthentication.clientSecretBasic({
  clientId: "assistant",
  clientSecret: Redacted.make("canary-secret")
})

const request: Assertion.AssertionRequest = {
  audience: issuer,
  issuer,
  tokenEndpoint: `${issuer}/token`,
  resource,
  scopes: ["read", "write"],
  refused: []
}

/**
 * An answer of the identity provider, with other claims in its ID-JAG on request. Without them the ID-JAG has no `jti`,
 * and may be presented again.
 */
let issued = 0
const exchanged = (claims: object = {}, changes: object = {}, header: object = {}) => {
  const part = (value: object) => Encoding.encodeBase64Url(JSON.stringify(value))
  const body = { aud: issuer, number: `canary-${issued++}`, ...claims }
  return {
    access_token: `${part({ alg: "ES256", typ: "oauth-id-jag+jwt", ...header })}.${part(body)}.c2lnbmF0dXJl`,
    issued_token_type: ID_JAG,
    token_type: "N_A",
    expires_in: 300,
    ...changes
  }
}

/** The identity provider. It issues every requested ID-JAG with these claims, unless a test changes its answers. */
const identityProviderWith = (claims: () => object) =>
  Effect.gen(function*() {
    const network = yield* TestNetwork.TestNetwork
    yield* network.register(idp, ({ body, url }) => {
      const { pathname } = new URL(url)
      if (pathname === "/.well-known/oauth-authorization-server") {
        return {
          endpoint: "authorization-server-metadata",
          respond: Effect.sync(() => Response.json({ issuer: idp, token_endpoint: `${idp}/token` }))
        }
      }
      const aud = new URLSearchParams(body).get("audience")
      return pathname === "/token"
        ? { endpoint: "token", respond: Effect.sync(() => Response.json(exchanged({ aud, ...claims() }))) }
        : undefined
    })
    return network
  })

const identityProvider = identityProviderWith(() => ({}))

/** The claims of most identity providers. */
const withIds = () => ({ jti: `canary-jti-${issued}` })

const make = (options: Partial<IdJag.Options> = {}) =>
  IdJag.make(Object.assign({ issuer: idp, clientAuthentication, subjectToken: Effect.succeed(subjectToken) }, options))

/** A provider of ID-JAGs and its identity provider, which returns this answer from now on. */
const answering = (answer: Answer.Answer, options?: Partial<IdJag.Options>) =>
  Effect.gen(function*() {
    const network = yield* identityProvider
    yield* network.always("token", answer)
    return { network, provider: yield* make(options) }
  })

const forms = Effect.map(
  Effect.flatMap(TestNetwork.TestNetwork, ({ requestsTo }) => requestsTo("token")),
  (requests) => requests.map(({ body }) => Object.fromEntries(new URLSearchParams(body)))
)

const asked = Effect.flatMap(TestNetwork.TestNetwork, ({ count }) => count("token"))

const same = (a: Redacted.Redacted<string>, b: Redacted.Redacted<string>) => Redacted.value(a) === Redacted.value(b)

const refusal = (error: string, status = 400, headers = {}) =>
  Answer.json({ error, error_description: "no" }, { status, headers })

describe("the exchange request (RFC 8693 §2.1)", () => {
  it.scoped("is sent with exactly the expected bytes to the token endpoint in the identity provider's metadata", () =>
    Effect.gen(function*() {
      const network = yield* identityProvider
      yield* (yield* make())(request)
      const requests = yield* network.requests
      expect(requests.map(({ url }) => url)).toEqual([`${idp}/.well-known/oauth-authorization-server`, `${idp}/token`])
      expect(requests[1]?.headers["authorization"]).toBe("Basic YXNzaXN0YW50OmNhbmFyeS1zZWNyZXQ=")
      expect(requests[1]?.body).toBe(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange" +
          "&requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aid-jag" +
          "&audience=https%3A%2F%2Fauth.example.com&resource=https%3A%2F%2Fmcp.example.com%2Fmcp&scope=read+write" +
          "&subject_token=canary-subject%2Btoken" +
          "&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aid_token"
      )
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped.each(["id_token", "saml2", "access_token", "refresh_token"] as const)(
    "names the type of the subject token: %s",
    (type) =>
      Effect.gen(function*() {
        yield* identityProvider
        yield* (yield* make({ subjectTokenType: type }))(request)
        expect((yield* forms)[0]?.["subject_token_type"]).toBe(`urn:ietf:params:oauth:token-type:${type}`)
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.scoped("has no `scope` parameter if no scope was requested", () =>
    Effect.gen(function*() {
      yield* identityProvider
      yield* (yield* make())({ ...request, scopes: [] })
      const [form] = yield* forms
      assert(form !== undefined)
      expect(Object.keys(form)).not.toContain("scope")
      expect(form["audience"]).toBe(issuer)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("is not sent for another audience than the issuer", () =>
    Effect.gen(function*() {
      const network = yield* identityProvider
      const error = yield* Effect.flip((yield* make())({ ...request, audience: request.tokenEndpoint }))
      expect(error.reason).toBe("WrongAudience")
      expect(error.message).toBe(
        "An ID-JAG is always for the issuer https://auth.example.com (SEP-990), so none was requested for " +
          "https://auth.example.com/token. Leave out `audience`."
      )
      expect(yield* network.requests).toEqual([])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("names the server by `resourceParameter`, or else by its identifier", () =>
    Effect.gen(function*() {
      yield* identityProvider
      const provider = yield* make()
      yield* provider({ ...request, resourceParameter: "urn:api" })
      yield* provider({ ...request, resourceParameter: undefined })
      yield* provider({ ...request, resourceParameter: "urn:api" })
      expect((yield* forms).map(({ resource }) => resource)).toEqual(["urn:api", resource])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("needs no metadata if `tokenEndpoint` is given", () =>
    Effect.gen(function*() {
      const network = yield* identityProvider
      yield* (yield* IdJag.make({
        tokenEndpoint: `${idp}/token`,
        clientAuthentication,
        subjectToken: Effect.succeed(subjectToken)
      }))(request)
      expect((yield* network.requests).map(({ url }) => url)).toEqual([`${idp}/token`])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped.each(
    [
      [{ issuer: idp }, idp],
      [{ issuer: `${idp}/realm`, tokenEndpoint: `${idp}/token` }, `${idp}/realm`],
      [{ tokenEndpoint: `${idp}/token` }, `${idp}/token`]
    ] as const
  )("has a client assertion for the identity provider: %o", ([where, audience]) =>
    Effect.gen(function*() {
      yield* identityProvider
      const seen: Array<string> = []
      const provider = yield* make({
        issuer: undefined,
        ...where,
        clientAuthentication: ClientAuthentication.privateKeyJwt({
          clientId: "assistant",
          assertionProvider: ({ audience }) =>
            Effect.sync(() => {
              seen.push(audience)
              return Redacted.make("canary-proof")
            })
        })
      })
      yield* provider(request)
      expect(seen).toEqual([audience])
      expect((yield* forms)[0]?.["client_assertion"]).toBe("canary-proof")
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("the answer of the identity provider (RFC 8693 §2.2)", () => {
  it.scoped.each([
    { token_type: "n_a" },
    { token_type: "N_a" },
    { expires_in: "300" },
    { expires_in: null },
    { expires_in: undefined },
    { scope: "read", refresh_token: "canary-refresh" }
  ])("is accepted: %o", (changes) =>
    Effect.gen(function*() {
      const answer = exchanged({ exp: 300 }, changes)
      const { provider } = yield* answering(Answer.json(answer))
      expect(Redacted.value(yield* provider(request))).toBe(answer.access_token)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped.each(
    [
      [
        "another issued token type",
        exchanged({}, { issued_token_type: "urn:ietf:params:oauth:token-type:access_token" })
      ],
      ["an issued token type that is a secret", exchanged({}, { issued_token_type: "canary" })],
      ["no issued token type", exchanged({}, { issued_token_type: undefined })],
      ["the token type Bearer", exchanged({}, { token_type: "Bearer" })],
      ["no token type", exchanged({}, { token_type: undefined })],
      ["an empty token", exchanged({}, { access_token: "" })],
      ["a token that is not a string", exchanged({}, { access_token: { canary: "canary" } })],
      ["a token with a line break", exchanged({}, { access_token: "canary\r\nx: y" })],
      ["a token that is not a JWT", exchanged({}, { access_token: "canary-opaque" })],
      ["a token that is not signed", exchanged({}, {}, { alg: "none" })],
      ["a negative lifetime", exchanged({}, { expires_in: -1 })]
    ] as const
  )("is rejected if it is %s, and the error shows none of it", ([, answer]) =>
    Effect.gen(function*() {
      const { provider } = yield* answering(Answer.json(answer))
      const error = yield* Effect.flip(provider(request))
      expect(error.reason).toBe("Malformed")
      expect(error.transient).toBe(false)
      expect(error.message).not.toContain("canary")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped.each(
    [
      ["issued_token_type", "`issued_token_type` is not urn:ietf:params:oauth:token-type:id-jag"],
      ["token_type", "`token_type` is not N_A"],
      ["access_token", "`access_token` has an invalid value"],
      ["expires_in", "`expires_in` has an invalid value"]
    ] as const
  )("with an invalid %s is rejected with an error that names the field", ([name, says]) =>
    Effect.gen(function*() {
      const { provider } = yield* answering(Answer.json(exchanged({}, { [name]: [] })))
      expect((yield* Effect.flip(provider(request))).message).toContain(says)
    }).pipe(Effect.provide(TestNetwork.layer)))

  const foreign: ReadonlyArray<readonly [what: string, answer: Answer.Answer, says: string]> = [
    ["a page", Answer.html("canary"), "the answer is not JSON"],
    ["an empty body", Answer.status(200), "the answer is not JSON"],
    ["an array", Answer.json(["canary"]), "the answer is not a JSON object"],
    ["text", Answer.json("canary"), "the answer is not a JSON object"],
    ["null", Answer.json(null), "the answer is not a JSON object"],
    ["no token", Answer.json(exchanged({}, { access_token: undefined })), "`access_token` has an invalid value"],
    ["a message of a gateway", Answer.json({ message: "Try again" }), "and the answer says \"Try again\""]
  ]
  it.scoped.each(foreign)(
    "may pass the first time, and is final when repeated: %s",
    ([, answer, says]) =>
      Effect.gen(function*() {
        const { provider } = yield* answering(answer)
        const first = yield* Effect.flip(provider(request))
        const second = yield* Effect.flip(provider(request))
        expect([first.reason, first.transient]).toEqual(["Unavailable", true])
        expect([second.reason, second.transient]).toEqual(["Malformed", false])
        expect(first.message).toContain(says)
        expect(first.message + second.message).not.toContain("canary")
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.scoped("without a token does not hold up the next exchange, and its address is read again", () =>
    Effect.gen(function*() {
      const network = yield* identityProvider
      yield* network.script("token", Answer.html("canary"))
      const provider = yield* make()
      yield* Effect.flip(provider(request))
      yield* provider(request)
      const metadata = `${idp}/.well-known/oauth-authorization-server`
      expect((yield* network.requests).map(({ url }) => url)).toEqual([
        metadata,
        `${idp}/token`,
        metadata,
        `${idp}/token`
      ])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("that is not JSON is rejected with an error that says so", () =>
    Effect.gen(function*() {
      const { provider } = yield* answering(Answer.html("canary"))
      expect((yield* Effect.flip(provider(request))).message).toContain("the answer is not JSON")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped.each(
    [
      ["for another authorization server", exchanged({ aud: "https://other.example" }), "WrongAudience"],
      ["for no authorization server", exchanged({ aud: undefined }), "WrongAudience"],
      ["that has expired", exchanged({ exp: -1 }), "Expired"],
      ["that has expired when it arrives", exchanged({}, { expires_in: 0 }), "Expired"],
      ["that is not yet valid", exchanged({ nbf: 3600 }), "NotYetValid"]
    ] as const
  )("is rejected if its ID-JAG is unusable: %s", ([, answer, reason]) =>
    Effect.gen(function*() {
      const { provider } = yield* answering(Answer.json(answer))
      expect((yield* Effect.flip(provider(request))).reason).toBe(reason)
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("an ID-JAG that is encrypted to the authorization server (JWE)", () => {
  const part = (value: object) => Encoding.encodeBase64Url(JSON.stringify(value))
  const header = { typ: "oauth-id-jag+jwt", alg: "RSA-OAEP-256", enc: "A256GCM", cty: "JWT", kid: "ras-enc-2026-01" }
  const encrypted = (number: number, changes: object = {}) => ({
    ...exchanged(),
    access_token: `${part(header)}.canary-key.canary-iv.canary-text-${number}.canary-tag`,
    ...changes
  })

  it.scoped("is passed on as it is", () =>
    Effect.gen(function*() {
      const { provider } = yield* answering(Answer.json(encrypted(1)))
      expect(Redacted.value(yield* provider(request))).toBe(encrypted(1).access_token)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("is presented once, because its jti cannot be seen", () =>
    Effect.gen(function*() {
      const { provider } = yield* answering(Answer.json(encrypted(1)))
      yield* provider(request)
      yield* provider(request)
      expect(yield* asked).toBe(2)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped.each([[299, "Success"], [301, "Failure"]] as const)(
    "lives with `reuse` as long as the answer says: after %d s without an identity provider the result is a %s",
    ([seconds, outcome]) =>
      Effect.gen(function*() {
        const { network, provider } = yield* answering(Answer.json(encrypted(1)), { reuse: true })
        yield* provider(request)
        yield* network.always("token", Answer.status(503))
        yield* TestClock.adjust(`${seconds} seconds`)
        expect((yield* Effect.exit(provider(request)))._tag).toBe(outcome)
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.scoped("is not cached if the answer does not say how long it lives", () =>
    Effect.gen(function*() {
      const answer = encrypted(1, { expires_in: undefined })
      const { provider } = yield* answering(Answer.json(answer), { reuse: true })
      yield* provider(request)
      yield* provider(request)
      expect(yield* asked).toBe(2)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("has expired on arrival if the answer says so", () =>
    Effect.gen(function*() {
      const { provider } = yield* answering(Answer.json(encrypted(1, { expires_in: 0 })))
      expect((yield* Effect.flip(provider(request))).reason).toBe("Expired")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("is not passed on to an authorization server that only the MCP server has named", () =>
    Effect.gen(function*() {
      const { provider } = yield* answering(Answer.json(encrypted(1)))
      const error = yield* Effect.flip(provider({ ...request, issuerUnnamed: true }))
      expect(error.reason).toBe("WrongAudience")
      expect(error.message).toContain("Name the `issuer`")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped.each([
    ["four parts", "a.b.c.d"],
    ["six parts", `${part(header)}.a.b.c.d.e`],
    ["an empty part", `${part(header)}.a..c.d`],
    ["a header without `enc`", `${part({ alg: "RSA-OAEP-256" })}.a.b.c.d`],
    ["a header of no signature", `${part({ alg: "none" })}.a.b.c.d`],
    ["a header that is not JSON", "canary.a.b.c.d"]
  ])("is rejected if it is no JWE: %s", ([_, token]) =>
    Effect.gen(function*() {
      const { provider } = yield* answering(Answer.json(encrypted(1, { access_token: token })))
      const error = yield* Effect.flip(provider(request))
      expect(error.reason).toBe("Malformed")
      expect(error.message).not.toContain("canary")
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("a refresh token as the subject token", () => {
  it.scoped("is replaced by the one in the answer, and `onRefreshToken` is called with the new one", () =>
    Effect.gen(function*() {
      const network = yield* identityProvider
      const learned: Array<string> = []
      const provider = yield* make({
        subjectTokenType: "refresh_token",
        onRefreshToken: (token) => Effect.sync(() => learned.push(Redacted.value(token)))
      })
      yield* network.script("token", Answer.json(exchanged(withIds(), { refresh_token: "canary-refresh-2" })))
      yield* network.script("token", Answer.json(exchanged(withIds())))
      yield* network.script("token", Answer.json(exchanged(withIds(), { refresh_token: "canary-refresh-3" })))
      yield* Effect.replicateEffect(provider(request), 4)
      expect((yield* forms).map((form) => form["subject_token"])).toEqual([
        "canary-subject+token",
        "canary-refresh-2",
        "canary-refresh-2",
        "canary-refresh-3"
      ])
      expect(learned).toEqual(["canary-refresh-2", "canary-refresh-3"])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("from the caller replaces the one in the answer as soon as the caller gives another token", () =>
    Effect.gen(function*() {
      const network = yield* identityProviderWith(withIds)
      let given = "canary-given-1"
      const provider = yield* make({
        subjectTokenType: "refresh_token",
        subjectToken: Effect.sync(() => Redacted.make(given))
      })
      yield* network.script("token", Answer.json(exchanged(withIds(), { refresh_token: "canary-refresh-2" })))
      yield* provider(request)
      given = "canary-given-2"
      yield* provider(request)
      yield* provider(request)
      expect((yield* forms).map((form) => form["subject_token"])).toEqual([
        "canary-given-1",
        "canary-given-2",
        "canary-given-2"
      ])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("is presented once at a time, so that no identity provider sees it twice", () =>
    Effect.gen(function*() {
      const network = yield* identityProviderWith(withIds)
      let number = 1
      yield* network.always(
        "token",
        Answer.modified((json) => ({ ...json, refresh_token: `canary-refresh-${++number}` }))
      )
      const provider = yield* make({ subjectTokenType: "refresh_token" })
      yield* Effect.all(Array.from({ length: 20 }, () => provider(request)), { concurrency: "unbounded" })
      const presented = (yield* forms).map((form) => form["subject_token"])
      expect(presented).toHaveLength(20)
      expect(new Set(presented).size).toBe(20)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("in an answer to another subject token is not kept", () =>
    Effect.gen(function*() {
      const network = yield* identityProviderWith(withIds)
      yield* network.always("token", Answer.json(exchanged(withIds(), { refresh_token: "canary-refresh" })))
      const provider = yield* make()
      yield* Effect.replicateEffect(provider(request), 2)
      expect((yield* forms).map((form) => form["subject_token"])).toEqual([
        "canary-subject+token",
        "canary-subject+token"
      ])
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("a cached ID-JAG", () => {
  it.scoped.each(
    [
      ["expires_in", {}, { expires_in: 300 }, 240],
      ["its exp", { exp: 600 }, { expires_in: undefined }, 540],
      ["whichever is earlier", { exp: 100 }, { expires_in: 300 }, 80],
      ["expires_in, which is short", {}, { expires_in: 10 }, 8]
    ] as const
  )("is used until shortly before it expires, by %s", ([, claims, changes, seconds]) =>
    Effect.gen(function*() {
      const network = yield* identityProvider
      yield* network.script("token", Answer.json(exchanged(claims, changes)))
      const provider = yield* make()
      const first = yield* provider(request)
      yield* TestClock.adjust(seconds * 1000 - 1)
      expect(same(yield* provider(request), first)).toBe(true)
      yield* TestClock.adjust(1)
      expect(same(yield* provider(request), first)).toBe(false)
      expect(yield* asked).toBe(2)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("is used until it expires while the identity provider is unreachable", () =>
    Effect.gen(function*() {
      const network = yield* identityProvider
      const provider = yield* make()
      const first = yield* provider(request)
      yield* network.always("token", Answer.status(503))
      yield* TestClock.adjust(299_999)
      expect(same(yield* provider(request), first)).toBe(true)
      expect(yield* asked).toBe(2)
      yield* TestClock.adjust(1)
      expect((yield* Effect.flip(provider(request))).reason).toBe("Unavailable")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("is not used after the authorization server has refused it, or the identity provider the user", () =>
    Effect.gen(function*() {
      const network = yield* identityProvider
      const provider = yield* make()
      const first = yield* provider(request)
      yield* network.script("token", Answer.status(503), Answer.proceed, refusal("invalid_grant"))
      expect((yield* Effect.flip(provider({ ...request, refused: [first] }))).reason).toBe("Unavailable")
      yield* provider(request)
      yield* TestClock.adjust(299_999)
      expect((yield* Effect.flip(provider(request))).reason).toBe("Refused")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("does not exist for an ID-JAG without an expiry", () =>
    Effect.gen(function*() {
      const { provider } = yield* answering(Answer.json(exchanged({}, { expires_in: undefined })))
      yield* provider(request)
      yield* provider(request)
      expect(yield* asked).toBe(2)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("is not used after the clock was set back", () =>
    Effect.gen(function*() {
      yield* identityProvider
      yield* TestClock.setTime(100_000)
      const provider = yield* make()
      yield* provider(request)
      yield* TestClock.setTime(50_000)
      yield* provider(request)
      expect(yield* asked).toBe(2)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("is used only for its own authorization server, resource and scopes", () =>
    Effect.gen(function*() {
      yield* identityProvider
      const provider = yield* make()
      const others: ReadonlyArray<Partial<Assertion.AssertionRequest>> = [
        {},
        {
          audience: "https://other.example",
          issuer: "https://other.example",
          tokenEndpoint: "https://other.example/token"
        },
        { resource: "https://mcp.example.com/other" },
        { scopes: ["read"] },
        { scopes: [] }
      ]
      const idJags = yield* Effect.forEach(others, (other) => provider({ ...request, ...other }))
      expect(new Set(idJags.map(Redacted.value)).size).toBe(others.length)
      const again = yield* Effect.forEach(others, (other) => provider({ ...request, ...other }))
      expect(again.map(Redacted.value)).toEqual(idJags.map(Redacted.value))
      expect((yield* forms).map(({ audience }) => audience)).toEqual([
        issuer,
        "https://other.example",
        issuer,
        issuer,
        issuer
      ])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("is used whatever the order of the scopes", () =>
    Effect.gen(function*() {
      yield* identityProvider
      const provider = yield* make()
      yield* provider(request)
      yield* provider({ ...request, scopes: ["write", "read", "write"] })
      expect(yield* asked).toBe(1)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("is replaced after the authorization server has refused it", () =>
    Effect.gen(function*() {
      yield* identityProvider
      const provider = yield* make()
      const first = yield* provider(request)
      const second = yield* provider({ ...request, refused: [first] })
      expect(same(first, second)).toBe(false)
      expect(same(yield* provider(request), second)).toBe(true)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("is dropped after a refusal whatever the next request is for, and no other is dropped", () =>
    Effect.gen(function*() {
      yield* identityProvider
      const provider = yield* make()
      const other = { ...request, scopes: ["read"] }
      const [first, second] = [yield* provider(request), yield* provider(other)]
      expect(same(yield* provider({ ...other, refused: [first, Redacted.make("canary-x")] }), second)).toBe(true)
      expect(same(yield* provider(request), first)).toBe(false)
      expect(yield* asked).toBe(3)
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("an ID-JAG with a jti (RFC 7523 §3)", () => {
  it.scoped("is returned to one caller only", () =>
    Effect.gen(function*() {
      yield* identityProviderWith(withIds)
      const provider = yield* make()
      const given = yield* Effect.all([provider(request), provider(request), provider(request)])
      expect(new Set(given.map(Redacted.value)).size).toBe(3)
      expect(yield* asked).toBe(3)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("is not returned again near its end, even if fetching another fails", () =>
    Effect.gen(function*() {
      const network = yield* identityProviderWith(withIds)
      const provider = yield* make()
      yield* provider(request)
      yield* network.always("token", Answer.status(503))
      yield* TestClock.adjust("250 seconds")
      expect((yield* Effect.flip(provider(request))).reason).toBe("Unavailable")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("shares one failure among all callers whose exchange has not begun", () =>
    Effect.gen(function*() {
      const network = yield* identityProviderWith(withIds)
      yield* network.setLatency("1 second")
      const provider = yield* make({ tokenEndpoint: `${idp}/token` })
      const callers = yield* Effect.fork(
        Effect.all(Effect.replicate(Effect.either(provider(request)), 40), { concurrency: "unbounded" })
      )
      yield* network.awaitRequests("token", 1)
      yield* network.always("token", refusal("invalid_target"))
      yield* TestClock.adjust("10 seconds")
      const results = yield* Fiber.join(callers)
      expect(results.filter(Either.isRight)).toHaveLength(1)
      expect(yield* asked).toBe(1 + 16)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped.each([[0, 1], [238, 1], [239, 2], [300, 2]] as const)(
    "is cached if its caller was interrupted: %d s later there have been %d exchanges",
    ([seconds, exchanges]) =>
      Effect.gen(function*() {
        const network = yield* identityProviderWith(withIds)
        const provider = yield* make()
        yield* network.script("token", Answer.delayed("1 second", Answer.proceed))
        const caller = yield* Effect.fork(provider(request))
        yield* network.awaitRequests("token")
        yield* Fiber.interrupt(caller)
        yield* TestClock.adjust("1 second")
        yield* TestClock.adjust(`${seconds} seconds`)
        yield* provider(request)
        expect(yield* asked).toBe(exchanges)
        yield* provider(request)
        expect(yield* asked).toBe(exchanges + 1)
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.scoped("is returned again with `reuse`", () =>
    Effect.gen(function*() {
      yield* identityProviderWith(withIds)
      const provider = yield* make({ reuse: true })
      const first = yield* provider(request)
      expect(same(yield* provider(request), first)).toBe(true)
      expect(same(yield* provider({ ...request, refused: [first] }), first)).toBe(false)
      expect(yield* asked).toBe(2)
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("one exchange", () => {
  it.scoped("serves any number of callers", () =>
    Effect.gen(function*() {
      const network = yield* identityProvider
      yield* network.setLatency("1 second")
      const provider = yield* make()
      const callers = yield* Effect.fork(
        Effect.all(Effect.replicate(provider(request), 1000), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("2 seconds")
      expect(new Set((yield* Fiber.join(callers)).map(Redacted.value)).size).toBe(1)
      expect(yield* asked).toBe(1)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("continues when its first caller is interrupted", () =>
    Effect.gen(function*() {
      const network = yield* identityProvider
      yield* network.setLatency("1 second")
      const provider = yield* make()
      const first = yield* Effect.fork(provider(request))
      yield* network.awaitRequests("authorization-server-metadata")
      const second = yield* Effect.fork(provider(request))
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(second)
      expect(yield* asked).toBe(1)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("has its time limit even if the provider was made in an uninterruptible region", () =>
    Effect.gen(function*() {
      const network = yield* identityProvider
      yield* network.always("token", Answer.never)
      const provider = yield* Effect.uninterruptible(make({ requestTimeout: "3 seconds" }))
      const caller = yield* Effect.fork(Effect.flip(provider(request)))
      yield* TestClock.adjust("3 seconds")
      expect((yield* Fiber.join(caller)).message).toContain("no complete answer within 3s")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("ends with the scope of the provider, after which nothing is sent", () =>
    Effect.gen(function*() {
      const network = yield* identityProvider
      yield* network.always("token", Answer.never)
      const scope = yield* Scope.make()
      const provider = yield* Scope.extend(make(), scope)
      const caller = yield* Effect.fork(Effect.flip(provider(request)))
      yield* network.awaitRequests("token")
      yield* Scope.close(scope, Exit.void)
      for (const error of [yield* Fiber.join(caller), yield* Effect.flip(provider(request))]) {
        expect(error.message).toContain("was closed")
      }
      expect(yield* asked).toBe(1)
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("the ID-JAG (SEP-990)", () => {
  it.scoped.each(
    [
      [{ resource: "https://mcp.example.com/other" }, {}, "`resource`"],
      [{ resource: ["https://mcp.example.com/other", resource] }, {}, undefined],
      [{ resource }, {}, undefined],
      [{ resource: 7 }, {}, "`resource`"],
      [{}, { typ: "JWT" }, "`typ`"],
      [{}, { typ: 7 }, "`typ`"],
      [{}, { typ: "oauth-application/id-jag+jwt" }, "`typ`"],
      [{}, { typ: "application/OAuth-ID-JAG+jwt" }, undefined],
      [{}, { typ: undefined }, undefined]
    ] as const
  )("with the claims %j and the header %j", ([claims, header, wrong]) =>
    Effect.gen(function*() {
      const { provider } = yield* answering(Answer.json(exchanged(claims, {}, header)))
      const outcome = yield* Effect.either(provider(request))
      if (wrong === undefined) return expect(Either.isRight(outcome)).toBe(true)
      assert(Either.isLeft(outcome))
      expect(outcome.left.reason).toBe("Malformed")
      expect(outcome.left.message).toContain(`returned no ID-JAG: its ${wrong} is not`)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("with a jti is fetched for many callers, 16 at a time", () =>
    Effect.gen(function*() {
      const network = yield* identityProviderWith(withIds)
      yield* network.setLatency("100 millis")
      const provider = yield* make({ tokenEndpoint: `${idp}/token` })
      const callers = yield* Effect.replicateEffect(Effect.fork(provider(request)), 50)
      yield* TestClock.adjust("600 millis")
      const given = yield* Fiber.joinAll(callers)
      expect(new Set(given.map(Redacted.value)).size).toBe(50)
      expect(yield* asked).toBe(50)
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("a refusal of the identity provider", () => {
  it.scoped("is final, and the refused subject token is not sent again", () =>
    Effect.gen(function*() {
      let token = Redacted.make("canary-first")
      const { network, provider } = yield* answering(refusal("invalid_grant"), {
        subjectToken: Effect.sync(() => token)
      })
      const error = yield* Effect.flip(provider(request))
      expect(error.reason).toBe("Refused")
      expect(error.transient).toBe(false)
      expect(error.message).toContain("https://idp.example.com/token refused client \"assistant\": invalid_grant (no)")
      assert(error.cause instanceof OAuthError.TokenEndpointError)
      expect(error.cause.code).toBe("invalid_grant")
      yield* TestClock.adjust("30 days")
      expect((yield* Effect.flip(provider(request))).message).toBe(error.message)
      expect(yield* asked).toBe(1)
      yield* network.restore
      token = Redacted.make("canary-second")
      yield* provider(request)
      expect((yield* forms).map((form) => form["subject_token"])).toEqual(["canary-first", "canary-second"])
      token = Redacted.make("canary-first")
      // The ID-JAG without a `jti` is cached. Only the one subject token is refused.
      yield* TestClock.adjust("1 hour")
      expect((yield* Effect.flip(provider(request))).message).toBe(error.message)
      expect(yield* asked).toBe(2)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("for one resource does not apply to other resources of the user", () =>
    Effect.gen(function*() {
      const network = yield* identityProvider
      const provider = yield* make()
      const others = [
        { scopes: [] },
        { resource: "https://mcp.example.com/other" },
        { resourceParameter: "urn:x" },
        { issuer: "https://other.example.com", audience: "https://other.example.com" }
      ]
      for (const other of others) {
        yield* network.script("token", refusal("invalid_grant"))
        yield* Effect.flip(provider({ ...request, ...other }))
      }
      yield* provider(request)
      yield* TestClock.adjust("30 days")
      for (const other of others) yield* Effect.flip(provider({ ...request, ...other }))
      expect(yield* asked).toBe(5)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped.each(["invalid_client", "invalid_scope", "invalid_target", "unauthorized_client", "invalid_request"])(
    "with %s is final, and the next call does not ask again immediately",
    (code) =>
      Effect.gen(function*() {
        const { network, provider } = yield* answering(refusal(code))
        for (let i = 0; i < 10; i++) expect((yield* Effect.flip(provider(request))).reason).toBe("Refused")
        expect(yield* asked).toBe(1)
        // The operator may have repaired the identity provider.
        yield* network.restore
        yield* TestClock.adjust("5 seconds")
        yield* provider(request)
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.scoped("applies to the same request, and to no other", () =>
    Effect.gen(function*() {
      const network = yield* identityProvider
      yield* network.script("token", refusal("invalid_target"))
      const provider = yield* make()
      yield* Effect.flip(provider(request))
      yield* provider({ ...request, resource: "https://mcp.example.com/other" })
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("that repeats the secrets is shown without them", () =>
    Effect.gen(function*() {
      const { provider } = yield* answering(
        Answer.json({ error: "invalid_grant", error_description: "bad canary-subject+token of canary-secret" }, {
          status: 400
        })
      )
      expect((yield* Effect.flip(provider(request))).message).toContain("(bad <redacted> of <redacted>)")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("is reported to the client authentication", () =>
    Effect.gen(function*() {
      yield* identityProvider
      const network = yield* TestNetwork.TestNetwork
      yield* network.script("token", refusal("invalid_client", 401))
      const refused: Array<ReadonlyArray<string>> = []
      const provider = yield* make({
        clientAuthentication: ClientAuthentication.privateKeyJwt({
          clientId: "assistant",
          assertionProvider: (request) =>
            Effect.sync(() => {
              return Redacted.make(`canary-proof-${refused.push(request.refused.map(Redacted.value))}`)
            })
        })
      })
      yield* Effect.flip(provider(request))
      yield* TestClock.adjust("5 seconds")
      yield* provider(request)
      expect(refused).toEqual([[], ["canary-proof-1"]])
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("an identity provider that is out of order", () => {
  it.scoped.each(
    [
      ["a 503", Answer.status(503)],
      ["a 429", Answer.status(429)],
      ["a broken connection", Answer.dropped],
      ["server_error", refusal("server_error", 500)],
      ["a refusal of the user by a 503", refusal("invalid_grant", 503)]
    ] as const
  )("is transient after %s: the next caller asks again", ([, answer]) =>
    Effect.gen(function*() {
      const network = yield* identityProvider
      yield* network.script("token", answer)
      const provider = yield* make()
      const error = yield* Effect.flip(provider(request))
      expect(error.reason).toBe("Unavailable")
      expect(error.transient).toBe(true)
      yield* provider(request)
      expect(yield* asked).toBe(2)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped.each(
    [
      [{ issuer: "http://idp.svc.cluster.local" }, true],
      [{ tokenEndpoint: "http://idp.svc.cluster.local/token" }, true],
      [{ issuer: "http://svc.cluster.local" }, false],
      [{ tokenEndpoint: "http://a.idp.svc.cluster.local/token" }, false]
    ] as const
  )(
    "with `insecureHosts`, plain http reaches exactly the named host: %j %s",
    ([location, isReached]) =>
      Effect.gen(function*() {
        const network = yield* identityProvider
        const local = "http://idp.svc.cluster.local"
        yield* network.serve(local, ({ url }) =>
          Effect.sync(() =>
            Response.json(
              url.endsWith("/token") ? exchanged({ aud: issuer }) : { issuer: local, token_endpoint: `${local}/token` }
            )
          ))
        const options = { issuer: undefined, ...location, insecureHosts: ["idp.svc.cluster.local"] }
        const got = yield* Effect.either(Effect.flatMap(make(options), (provider) => provider(request)))
        expect(Either.isRight(got)).toBe(isReached)
        expect(yield* network.count(({ url }) => url === `${local}/token`)).toBe(isReached ? 1 : 0)
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.scoped("is not asked before Retry-After has passed (RFC 9110 §10.2.3)", () =>
    Effect.gen(function*() {
      const network = yield* identityProvider
      yield* network.script("token", Answer.status(503, { headers: { "retry-after": "20" } }))
      const provider = yield* make()
      expect(yield* Effect.flip(provider(request))).toMatchObject({ reason: "Unavailable", retryAfter: 20_000 })
      yield* TestClock.adjust(19_999)
      expect(yield* Effect.flip(provider(request))).toMatchObject({ reason: "Unavailable", retryAfter: 1 })
      expect(yield* asked).toBe(1)
      yield* TestClock.adjust(1)
      yield* provider(request)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped.each(
    [
      [
        "a redirect",
        Answer.redirect("https://evil.example/token", 307),
        "with a redirect to https://evil.example/token, which is not followed"
      ],
      ["a 404", Answer.status(404), "answered 404"],
      ["an answer that is too large", Answer.text(" ".repeat(101)), "larger than 100 bytes"]
    ] as const
  )("is final after %s", ([, answer, says]) =>
    Effect.gen(function*() {
      const network = yield* identityProvider
      yield* network.always("token", answer)
      const provider = yield* make({ maxResponseSize: 100 })
      const error = yield* Effect.flip(provider(request))
      expect(error.reason).toBe("Refused")
      expect(error.message).toContain(says)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped.each(
    [
      ["no metadata", Answer.status(404), "Refused", "No authorization server metadata"],
      [
        "metadata of another issuer",
        Answer.json({ issuer, token_endpoint: `${issuer}/token` }),
        "Refused",
        "is the metadata"
      ],
      [
        "a token endpoint on http",
        Answer.json({ issuer: idp, token_endpoint: "http://idp.example.com/token" }),
        "Refused",
        "is not https"
      ],
      ["metadata that is away", Answer.status(503), "Unavailable", "503"]
    ] as const
  )("receives nothing with %s", ([, answer, reason, says]) =>
    Effect.gen(function*() {
      const network = yield* identityProvider
      yield* network.always("authorization-server-metadata", answer)
      const provider = yield* make()
      const error = yield* Effect.flip(provider(request))
      expect(error.reason).toBe(reason)
      expect(error.message).toContain(says)
      expect(yield* asked).toBe(0)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("has its metadata read once, and again after an answer that is not OAuth", () =>
    Effect.gen(function*() {
      const network = yield* identityProvider
      const provider = yield* make()
      const reads = network.count("authorization-server-metadata")
      const first = yield* provider(request)
      yield* provider({ ...request, refused: [first] })
      expect(yield* reads).toBe(1)
      yield* network.script("token", refusal("invalid_scope"), Answer.status(404))
      yield* Effect.flip(provider({ ...request, scopes: ["a"] }))
      yield* Effect.flip(provider({ ...request, scopes: ["b"] }))
      expect(yield* reads).toBe(1)
      yield* provider({ ...request, scopes: ["c"] })
      expect(yield* reads).toBe(2)
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("a subject token that cannot be obtained", () => {
  it.scoped("fails with its own error, and nothing is sent", () =>
    Effect.gen(function*() {
      const network = yield* identityProvider
      const failure = new OAuthError.AssertionError({ reason: "Unavailable", description: "nobody is logged in" })
      const provider = yield* make({ subjectToken: Effect.fail(failure) })
      expect(yield* Effect.flip(provider(request))).toBe(failure)
      expect(yield* network.requests).toEqual([])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("that interrupts itself is an error that says so, and the next caller asks again", () =>
    Effect.gen(function*() {
      yield* identityProvider
      let broken = true
      const provider = yield* make({
        subjectToken: Effect.suspend(() => broken ? Effect.interrupt : Effect.succeed(subjectToken))
      })
      const error = yield* Effect.flip(provider(request))
      expect(error.reason).toBe("Unavailable")
      expect(error.message).toBe(
        "Asking the identity provider for an ID-JAG was interrupted from within. Check what `subjectToken` and " +
          "`clientAuthentication` run."
      )
      broken = false
      yield* provider(request)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("that dies with a defect shows it to the caller, and the next caller asks again", () =>
    Effect.gen(function*() {
      yield* identityProvider
      let broken = true
      const provider = yield* make({
        subjectToken: Effect.suspend(() => broken ? Effect.dieMessage("broken") : Effect.succeed(subjectToken))
      })
      const exit = yield* Effect.exit(provider(request))
      assert(Exit.isFailure(exit))
      expect(Cause.isDie(exit.cause)).toBe(true)
      broken = false
      yield* provider(request)
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("a wrong option fails when the Layer is built, and nothing is sent", () => {
  it.effect.each(
    [
      [{ issuer: "idp" }, "InvalidOptions", "`issuer`: it is not a URL"],
      [{ issuer: `${idp}?canary` }, "InvalidOptions", "`issuer`: it is not a URL without query"],
      [{ issuer: "https://user:canary@idp.example.com" }, "InvalidOptions", "user name or password"],
      [{ issuer: "http://idp.example.com" }, "InsecureEndpoint", "The issuer \"http://idp.example.com/\" is not https"],
      [{ tokenEndpoint: "/token" }, "InvalidOptions", "`tokenEndpoint`: it is not a URL"],
      [{ tokenEndpoint: `${idp}/token#canary` }, "InvalidOptions", "without fragment"],
      [{ tokenEndpoint: "https://user:canary@idp.example.com/token" }, "InvalidOptions", "user name or password"],
      [{ tokenEndpoint: "http://idp.example.com/token" }, "InsecureEndpoint", "The token endpoint"],
      [{ issuer: idp, requestTimeout: 0 }, "InvalidOptions", "`requestTimeout`: 0 is not a time above 0"],
      [{ issuer: idp, maxResponseSize: 0 }, "InvalidOptions", "`maxResponseSize`: 0 is not a number of bytes above 0"]
    ] as const
  )("%o", ([options, tag, says]) =>
    Effect.gen(function*() {
      const network = yield* identityProvider
      const layer = IdJag.layer({ ...options, clientAuthentication, subjectToken: Effect.succeed(subjectToken) })
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
      expect(error._tag).toBe(tag)
      expect(error.message).toContain(says)
      expect(yield* network.requests).toEqual([])
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("a mistake of JavaScript, or a variable that is not set, fails when the Layer is built", () => {
  const mistakes: ReadonlyArray<readonly [option: string, value: unknown, says: string]> = [
    ["issuer", undefined, "`issuer`: it is undefined. Give a value"],
    ["issuer", null, "`issuer`: it is null"],
    ["issuer", 7, "`issuer`: it is a number"],
    ["issuer", `${idp}\n`, "`issuer`: it ends with a line break"],
    ["tokenEndpoint", null, "`tokenEndpoint`: it is null"],
    ["clientAuthentication", undefined, "`clientAuthentication`: it is undefined. Give one of the values of"],
    ["clientAuthentication", Redacted.make("canary"), "`clientAuthentication`: it is a `Redacted`"],
    [
      "clientAuthentication",
      ClientAuthentication.clientSecretBasic({ clientId: "", clientSecret: Redacted.make("canary-secret") }),
      "`clientId`: it is empty. Give the client id."
    ],
    [
      "clientAuthentication",
      ClientAuthentication.clientSecretPost({ clientId: "c", clientSecret: Redacted.make("canary-secret\n") }),
      "`clientSecret`: it ends with a line break"
    ],
    [
      "clientAuthentication",
      ClientAuthentication.privateKeyJwt({
        clientId: "c",
        assertionProvider: () => Effect.succeed(subjectToken),
        audience: JSON.parse("\"token\"")
      }),
      "`audience`: it is none of the allowed values"
    ],
    ["subjectToken", undefined, "`subjectToken`: it is undefined, and not an Effect"],
    ["subjectToken", subjectToken, "`subjectToken`: it is a `Redacted`, and not an Effect. Write `Effect.succeed`"],
    ["subjectToken", "canary-subject", "`subjectToken`: it is a string, and not an Effect"],
    ["onRefreshToken", "canary", "`onRefreshToken`: it is a string. Give a function that returns an Effect."],
    ["subjectTokenType", "jwt", "`subjectTokenType`: \"jwt\" is not one of the allowed values"]
  ]
  it.scoped.each(mistakes)("%s: %s", ([option, value, says]) =>
    Effect.gen(function*() {
      const network = yield* identityProvider
      const options = { issuer: idp, clientAuthentication, subjectToken: Effect.succeed(subjectToken) }
      const error = yield* Effect.flip(IdJag.make(Object.assign(options, { [option]: value })))
      expect(error._tag).toBe("InvalidOptions")
      expect(error.message).toContain(says)
      expect(error.message).not.toContain("canary")
      expect(yield* network.requests).toEqual([])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped.each<readonly [what: string, value: unknown, type: IdJag.SubjectTokenType, says: string]>([
    ["undefined", undefined, "id_token", "it is undefined"],
    ["a wrapped undefined", Redacted.make(undefined), "refresh_token", "its `Redacted` holds undefined"],
    ["empty", Redacted.make(""), "saml2", "it is empty"],
    ["undefined as SAML", undefined, "saml2", "it is undefined"],
    ["a wrapped undefined as SAML", Redacted.make(undefined), "saml2", "its `Redacted` holds undefined"],
    ["a line break at the end", Redacted.make("canary-subject\n"), "access_token", "it ends with a line break"]
  ])("a subject token that is none is not sent: %s", ([_, value, subjectTokenType, says]) =>
    Effect.gen(function*() {
      const network = yield* identityProvider
      const subject = Object.assign({ value: subjectToken }, { value }).value
      const provider = yield* make({ subjectTokenType, subjectToken: Effect.succeed(subject) })
      const error = yield* Effect.flip(provider(request))
      expect(error.reason).toBe("Malformed")
      expect(error.message).toContain(`The Effect in \`subjectToken\` has a value that was not sent: ${says}`)
      expect(yield* network.requests).toEqual([])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("a SAML assertion may have line breaks, as base64 has", () =>
    Effect.gen(function*() {
      yield* identityProvider
      const saml = Effect.succeed(Redacted.make("canary+saml\ncanary==\n"))
      yield* (yield* make({ subjectTokenType: "saml2", subjectToken: saml }))(request)
      expect((yield* forms)[0]?.["subject_token"]).toBe("canary+saml\ncanary==\n")
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("layerConfig", () => {
  const layer = IdJag.layerConfig({
    issuer: Config.string("IDP_ISSUER"),
    clientAuthentication: Config.map(
      Config.all({ clientId: Config.string("IDP_CLIENT_ID"), clientSecret: Config.redacted("IDP_CLIENT_SECRET") }),
      ClientAuthentication.clientSecretBasic
    ),
    subjectToken: Config.succeed(Effect.succeed(subjectToken))
  })
  const ask = Effect.flatMap(AssertionProvider.AssertionProvider, (provider) => provider(request))
  const from = (variables: Readonly<Record<string, string>>) =>
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))
  const variables = { IDP_ISSUER: idp, IDP_CLIENT_ID: "assistant", IDP_CLIENT_SECRET: "canary-secret" }

  it.effect("reads the options from the configuration", () =>
    Effect.gen(function*() {
      const network = yield* identityProvider
      yield* ask.pipe(Effect.provide(layer), from(variables))
      const [, exchange] = yield* network.requests
      expect(exchange?.url).toBe(`${idp}/token`)
      expect(exchange?.headers["authorization"]).toBe("Basic YXNzaXN0YW50OmNhbmFyeS1zZWNyZXQ=")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("fails if an option is missing, and if one is invalid", () =>
    Effect.gen(function*() {
      const fails = (changes: Readonly<Record<string, string>>) =>
        Effect.scoped(Layer.build(layer)).pipe(from(changes), Effect.flip)
      expect(JSON.stringify(yield* fails({ ...variables, IDP_ISSUER: "idp" }))).toContain("issuer")
      expect(JSON.stringify(yield* fails({ IDP_ISSUER: idp }))).toContain("IDP_CLIENT_ID")
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("IdJag with JwtBearer", () => {
  /** An authorization server that accepts each ID-JAG once. */
  const serversWith = (claims: () => object) =>
    Effect.gen(function*() {
      const network = yield* identityProviderWith(claims)
      const seen = new Set<string | null>()
      yield* network.serve(resource, () => Effect.sync(() => new Response(null, { status: 404 })))
      yield* network.register(issuer, ({ body, url }) => ({
        endpoint: new URL(url).pathname === "/token" ? "other" : "authorization-server-metadata",
        respond: Effect.sync(() => {
          if (new URL(url).pathname !== "/token") return Response.json({ issuer, token_endpoint: `${issuer}/token` })
          const assertion = new URLSearchParams(body).get("assertion")
          if (seen.has(assertion)) return Response.json({ error: "invalid_grant" }, { status: 400 })
          seen.add(assertion)
          return Response.json({ access_token: `canary-${seen.size}`, token_type: "Bearer", expires_in: 60 })
        })
      }))
      return network
    })

  const servers = serversWith(() => ({}))

  const authWith = (options: Partial<JwtBearer.Options>) =>
    JwtBearer.layer({
      serverUrl: resource,
      issuer,
      scopes: ["read"],
      clientAuthentication: ClientAuthentication.clientSecretBasic({
        clientId: "assistant-at-the-server",
        clientSecret: Redacted.make("canary-of-the-server")
      }),
      ...options
    }).pipe(
      Layer.provide(IdJag.layer({ issuer: idp, clientAuthentication, subjectToken: Effect.succeed(subjectToken) })),
      Layer.provide(TokenStorage.layerMemory)
    )

  const Auth = authWith({})

  const toServer = ({ url }: { readonly url: string }) => url === `${issuer}/token`

  it.scoped("sends the ID-JAG to the authorization server, subject token and proof to the identity provider", () =>
    Effect.gen(function*() {
      const network = yield* servers
      const provider = yield* OAuthProvider.OAuthProvider.pipe(Effect.provide(yield* Layer.build(Auth)))
      expect(Redacted.value((yield* provider.accessToken).value)).toBe("canary-1")
      const [exchange] = yield* network.requestsTo(({ url }) => url === `${idp}/token`)
      const [grant] = yield* network.requestsTo(({ url }) => url === `${issuer}/token`)
      assert(exchange !== undefined && grant !== undefined)
      expect(grant.body).not.toContain("subject")
      expect(grant.headers["authorization"]).not.toBe(exchange.headers["authorization"])
      const form = new URLSearchParams(grant.body)
      expect(form.get("grant_type")).toBe("urn:ietf:params:oauth:grant-type:jwt-bearer")
      expect(form.get("resource")).toBe(resource)
      expect(form.get("assertion")?.split(".")).toHaveLength(3)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("presents each ID-JAG once to an authorization server that accepts each jti once", () =>
    Effect.gen(function*() {
      const network = yield* serversWith(withIds)
      const provider = yield* OAuthProvider.OAuthProvider.pipe(Effect.provide(yield* Layer.build(Auth)))
      const first = yield* provider.accessToken
      // The request reaches the server, and the answer is lost.
      yield* network.script(toServer, Answer.truncated)
      const renewing = yield* Effect.fork(provider.renew(first))
      yield* TestClock.adjust("10 seconds")
      expect(Redacted.value((yield* Fiber.join(renewing)).value)).toBe("canary-3")
      yield* TestClock.adjust("59 seconds")
      expect(Redacted.value((yield* provider.accessToken).value)).toBe("canary-4")
      const sent = (yield* network.requestsTo(toServer)).map(({ body }) => new URLSearchParams(body).get("assertion"))
      expect(sent).toHaveLength(4)
      expect(new Set(sent).size).toBe(4)
      expect(yield* network.count("token")).toBe(4)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped.each<[JwtBearer.Options["resourceParameter"], string | null, string]>([
    ["send", resource, resource],
    ["omit", null, resource],
    [{ value: "urn:api" }, "urn:api", "urn:api"]
  ])(
    "with resourceParameter %j sends the authorization server %s and the identity provider %s",
    ([choice, sent, asked]) =>
      Effect.gen(function*() {
        const network = yield* servers
        const auth = authWith({ resourceParameter: choice })
        const provider = yield* OAuthProvider.OAuthProvider.pipe(Effect.provide(yield* Layer.build(auth)))
        yield* provider.accessToken
        const resources = (yield* network.requests).flatMap(({ body, url }) =>
          url.endsWith("/token") ? [new URLSearchParams(body).get("resource")] : []
        )
        expect(resources).toEqual([asked, sent])
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.scoped("refuses an audience that an ID-JAG cannot have, and sends nothing", () =>
    Effect.gen(function*() {
      const network = yield* servers
      const auth = authWith({ audience: "token_endpoint" })
      const provider = yield* OAuthProvider.OAuthProvider.pipe(Effect.provide(yield* Layer.build(auth)))
      expect(yield* Effect.flip(provider.accessToken)).toMatchObject({
        _tag: "AssertionError",
        reason: "WrongAudience"
      })
      expect(yield* network.count(({ method }) => method === "POST")).toBe(0)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("replaces a refused ID-JAG for the next attempt", () =>
    Effect.gen(function*() {
      const network = yield* servers
      const provider = yield* OAuthProvider.OAuthProvider.pipe(Effect.provide(yield* Layer.build(Auth)))
      yield* provider.accessToken
      // The token is renewed in the background: the first attempt is refused.
      yield* TestClock.adjust("59 seconds")
      expect(Redacted.value((yield* provider.accessToken).value)).toBe("canary-2")
      expect(yield* network.count("token")).toBe(2)
      expect(yield* network.count(({ url }) => url === `${issuer}/token`)).toBe(3)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("sends one request for any number of callers if the identity provider refuses", () =>
    Effect.gen(function*() {
      const network = yield* servers
      yield* network.always("token", refusal("invalid_grant"))
      const provider = yield* OAuthProvider.OAuthProvider.pipe(Effect.provide(yield* Layer.build(Auth)))
      const errors = yield* Effect.all(Effect.replicate(Effect.flip(provider.accessToken), 100), {
        concurrency: "unbounded"
      })
      expect(new Set(errors.map(({ _tag }) => _tag))).toEqual(new Set(["AssertionError"]))
      expect(yield* network.count("token")).toBe(1)
      expect(yield* network.count(({ url }) => url === `${issuer}/token`)).toBe(0)
    }).pipe(Effect.provide(TestNetwork.layer)))
})
