import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { Answer, TestNetwork, TestServers } from "@effect-mcp-auth/testing"
import { FetchHttpClient, HttpClient } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, expect, it } from "@effect/vitest"
import { createServer } from "node:http"
import { Duration, Effect, Either, Layer, Redacted } from "effect"
import {
  ClientAuthentication,
  OAuthError,
  TokenEndpoint,
  type TokenRequestContext,
  TokenStorage
} from "../src/index.ts"
import { defaultLimits } from "../src/authoring/HttpExchange.ts"
import {
  arrived,
  authorizationServer,
  credentials,
  fails,
  request,
  token,
  tokenRequest,
  url
} from "./support/tokenEndpoint.ts"
import { environment } from "./support/provider.ts"
import { queries } from "./support/queries.ts"
import { after, inPieces, sent, to } from "./support/wire.ts"

describe("the token request (RFC 6749 §3.2)", () => {
  it.effect("has exactly the expected bytes with Basic", () =>
    Effect.gen(function*() {
      yield* request(token())
      const { body, headers, method } = yield* arrived
      expect(method).toBe("POST")
      expect(body).toBe(
        "grant_type=client_credentials&scope=reports%3Aread+reports%3Awrite" +
          "&resource=https%3A%2F%2Fmcp.example.com%2Fmcp"
      )
      expect(headers["content-type"]).toBe("application/x-www-form-urlencoded")
      expect(headers["accept"]).toBe("application/json")
      // nightly+report : canary%2Bp%25c%3Ad%2Fs+x%C3%BC
      expect(headers["authorization"]).toBe(
        "Basic bmlnaHRseStyZXBvcnQ6Y2FuYXJ5JTJCcCUyNWMlM0FkJTJGcyt4JUMzJUJD"
      )
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("has exactly the expected bytes with the secret in the body", () =>
    Effect.gen(function*() {
      yield* request(token(), {
        clientAuthentication: ClientAuthentication.clientSecretPost(credentials),
        scopes: [],
        resourceParameter: undefined
      })
      const { body, headers } = yield* arrived
      expect(body).toBe(
        "grant_type=client_credentials&client_id=nightly+report&client_secret=canary%2Bp%25c%3Ad%2Fs+x%C3%BC"
      )
      expect(headers["authorization"]).toBeUndefined()
      expect(headers["content-type"]).toBe("application/x-www-form-urlencoded")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("has no `scope` parameter, instead of an empty one, without scopes (§3.3)", () =>
    Effect.gen(function*() {
      yield* request(token(), { scopes: [] })
      expect([...new URLSearchParams((yield* arrived).body).keys()]).toEqual(["grant_type", "resource"])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each(
    [
      [undefined, null],
      ["https://mcp.example.com/mcp", "https://mcp.example.com/mcp"],
      ["https://mcp.example.com", "https://mcp.example.com"],
      ["api://ü?a=b&c", "api://ü?a=b&c"]
    ] as const
  )(
    "has the `resource` parameter as given: %s (RFC 8707 §2)",
    ([resourceParameter, expected]) =>
      Effect.gen(function*() {
        yield* request(token(), { resourceParameter: resourceParameter ?? undefined })
        expect(new URLSearchParams((yield* arrived).body).get("resource")).toBe(expected)
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect("contains additional parameters, also secret ones, which replace none of the protocol's", () =>
    Effect.gen(function*() {
      const canary = Redacted.make("canary-parameter")
      yield* request(token(), {
        additionalParameters: {
          audience: "https://api.example.com/ü",
          api_key: canary,
          grant_type: "password",
          scope: "everything",
          resource: "https://evil.example",
          ["__proto__"]: "x"
        }
      })
      const form = [...new URLSearchParams((yield* arrived).body)]
      assert.deepStrictEqual(new Map(form).size, form.length)
      assert.deepStrictEqual(
        new Map(form),
        new Map([
          ["audience", "https://api.example.com/ü"],
          ["api_key", "canary-parameter"],
          ["grant_type", "client_credentials"],
          ["scope", "reports:read reports:write"],
          ["resource", "https://mcp.example.com/mcp"],
          ["__proto__", "x"]
        ])
      )
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("reserves the parameters that a grant or a proof sets", () =>
    Effect.sync(() => {
      assert.deepStrictEqual([...TokenEndpoint.reservedParameters].toSorted(), [
        "assertion",
        "client_assertion",
        "client_assertion_type",
        "client_id",
        "client_secret",
        "grant_type",
        "refresh_token",
        "resource",
        "scope"
      ])
    }))

  it.effect("calls the grant and the proof anew, with its server, resource and scopes", () =>
    Effect.gen(function*() {
      const contexts: Array<TokenRequestContext.TokenRequestContext> = []
      const changes: Partial<TokenEndpoint.TokenRequest> = {
        grant: {
          type: "urn:example:grant",
          parameters: (context) => {
            contexts.push(context)
            return Effect.succeed({ assertion: Redacted.make("canary-assertion"), scope: "narrower" })
          }
        },
        clientAuthentication: {
          clientId: "client",
          method: "example",
          prove: (context) => {
            contexts.push(context)
            return Effect.succeed({ parameters: { client_id: "client" }, authorization: Redacted.make("Canary x") })
          }
        }
      }
      yield* request(token(), changes)
      const { body, headers } = yield* arrived
      expect(body).toBe(
        "grant_type=urn%3Aexample%3Agrant&scope=narrower&resource=https%3A%2F%2Fmcp.example.com%2Fmcp" +
          "&assertion=canary-assertion&client_id=client"
      )
      expect(headers["authorization"]).toBe("Canary x")
      for (const context of contexts) {
        expect(context.authorizationServer).toBe(authorizationServer)
        expect(context.resource).toBe("https://mcp.example.com/mcp")
        assert.deepStrictEqual(context.scopes, ["reports:read", "reports:write"])
      }
      expect(contexts).toHaveLength(2)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("is not sent if the grant or the proof fails", () =>
    Effect.gen(function*() {
      const failure = new OAuthError.AssertionError({ reason: "Expired", description: "expired" })
      const failing: ReadonlyArray<Partial<TokenEndpoint.TokenRequest>> = [
        { grant: { type: "g", parameters: () => Effect.fail(failure) } },
        { clientAuthentication: { clientId: "c", method: "m", prove: () => Effect.fail(failure) } }
      ]
      for (const changes of failing) {
        expect(yield* Effect.flip(request(token(), changes))).toBe(failure)
      }
      assert.deepStrictEqual(yield* sent, [])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped.each([...queries, "?"])(
    "goes to the endpoint of the caller and of the metadata as written (§3.2): %s",
    (query) =>
      Effect.gen(function*() {
        const { clientId, clientSecret, issuer, network, serverUrl } = yield* TestServers.TestServers
        const tokenEndpoint = `${issuer}/token${query}`
        const authorizationServerMetadata = { issuer, token_endpoint: tokenEndpoint }
        const options = { serverUrl, issuer, clientId, clientSecret }
        for (const source of [{ tokenEndpoint }, { authorizationServerMetadata }]) {
          const provider = yield* ClientSecret.make({ ...options, ...source }).pipe(
            // Each provider has a storage of its own, and so asks for a token of its own.
            Effect.provide(Layer.fresh(TokenStorage.layerMemory))
          )
          yield* provider.accessToken
        }
        const requests = yield* network.requestsTo("token")
        assert.deepStrictEqual(requests.map(({ url }) => url), [tokenEndpoint, tokenEndpoint])
      }).pipe(Effect.provide(environment()))
  )

  it.scopedLive.each(queries)(
    "reaches a socket with the query of the endpoint as written (§3.2): %s",
    (query) =>
      Effect.gen(function*() {
        const lines: Array<string> = []
        const server = createServer((incoming, response) => {
          lines.push(incoming.url ?? "")
          response.end("{\"access_token\":\"t\",\"token_type\":\"Bearer\"}")
        })
        const { address } = yield* NodeHttpServer.make(() => server, { port: 0, host: "127.0.0.1" })
        assert("port" in address)
        const tokenEndpoint = new URL(`http://127.0.0.1:${address.port}/token${query}`)
        yield* TokenEndpoint.request(
          yield* HttpClient.HttpClient,
          tokenRequest({ authorizationServer: { ...authorizationServer, tokenEndpoint } })
        )
        assert.deepStrictEqual(lines, [`/token${query}`])
      }).pipe(Effect.provide(FetchHttpClient.layer))
  )

  it.effect("keeps a query that the endpoint has (§3.2), and does not show it in errors", () =>
    Effect.gen(function*() {
      const tokenEndpoint = new URL(`${url}?p=policy-of-its-own`)
      const network = yield* TestNetwork.TestNetwork
      yield* network.always(to(tokenEndpoint.href), Answer.status(400))
      const error = yield* Effect.flip(
        TokenEndpoint.request(
          network.httpClient,
          tokenRequest({ authorizationServer: { ...authorizationServer, tokenEndpoint } })
        )
      )
      assert.deepStrictEqual(yield* sent, [tokenEndpoint.href])
      expect(JSON.stringify(error) + error.message).not.toContain("policy-of-its-own")
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("a form that a grant sends to the token endpoint", () => {
  const refused = Answer.json({ error: "invalid_client" }, { status: 401 })
  const answer = Answer.json({ access_token: "canary-token", issued_token_type: "urn:example:token" })

  /** The outcome of one form, whose client authentication numbers its proofs, and the bodies that were sent. */
  const sendForm = (answers: ReadonlyArray<Answer.Answer>, isReplaced?: (proofs: number) => boolean) =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.serve(url, () => Effect.sync(() => new Response(null, { status: 404 })), "token")
      yield* network.script("token", ...answers)
      let proofs = 0
      const outcome = yield* Effect.either(TokenEndpoint.send(network.httpClient, {
        ...tokenRequest(),
        form: { grant_type: "urn:example:exchange" },
        clientAuthentication: {
          clientId: "client",
          method: "example",
          prove: () => Effect.sync(() => ({ parameters: { proof: Redacted.make(`canary-${++proofs}`) } })),
          ...(isReplaced === undefined ? {} : { refused: () => Effect.sync(() => isReplaced(proofs)) })
        }
      }))
      return { outcome, bodies: (yield* network.requestsTo("token")).map(({ body }) => body) }
    })
  const bodiesOf = (count: number) =>
    Array.from({ length: count }, (_, index) => `grant_type=urn%3Aexample%3Aexchange&proof=canary-${index + 1}`)

  it.effect("carries the client's proof, and its answer is returned without being decoded", () =>
    Effect.gen(function*() {
      const { bodies, outcome } = yield* sendForm([answer], () => true)
      expect(Either.getOrThrow(outcome)).toMatchObject({
        status: 200,
        json: { access_token: "canary-token", issued_token_type: "urn:example:token" }
      })
      assert.deepStrictEqual(bodies, bodiesOf(1))
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("is sent once more with another proof if the first proof was refused and replaced", () =>
    Effect.gen(function*() {
      const { bodies, outcome } = yield* sendForm([refused, answer], () => true)
      expect(Either.getOrThrow(outcome)).toMatchObject({ status: 200 })
      assert.deepStrictEqual(bodies, bodiesOf(2))
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each<readonly [name: string, answers: ReadonlyArray<Answer.Answer>, requests: number, is?: () => boolean]>([
    ["the second proof is refused too", [refused, refused], 2, () => true],
    ["the refused proof is still the current one", [refused], 1, () => false],
    ["its client authentication has one proof only", [refused], 1],
    ["the refusal is about something else", [Answer.json({ error: "invalid_grant" }, { status: 400 })], 1, () => true],
    ["the server is unavailable", [Answer.json({ error: "invalid_client" }, { status: 503 })], 1, () => true]
  ])("fails without a further request if %s", ([, answers, requests, isReplaced]) =>
    Effect.gen(function*() {
      const { bodies, outcome } = yield* sendForm(answers, isReplaced)
      expect(Either.isLeft(outcome) && outcome.left._tag).toBe("TokenEndpointError")
      assert.deepStrictEqual(bodies, bodiesOf(requests))
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("a token request without a complete answer", () => {
  it.effect("is a transient error after a broken connection, with the transport's own cause", () =>
    Effect.gen(function*() {
      const error = yield* fails(Answer.dropped)
      expect(error.reason).toBe("Unavailable")
      expect(error.transient).toBe(true)
      expect(error.status).toBeUndefined()
      expect(error.message).toBe(`Token endpoint ${url}: the connection failed.`)
      expect(error.cause).toBeInstanceOf(Answer.ConnectionDropped)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("is a transient error after a body that breaks off, and half a token is not used", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.serve(
        url,
        () =>
          Effect.sync(() =>
            inPieces("{\"access_token\":\"canary-token\",\"token_type\":\"Bearer\"}", new Error("terminated"))
          )
      )
      const error = yield* Effect.flip(TokenEndpoint.request(network.httpClient, tokenRequest()))
      assert(error instanceof OAuthError.TokenEndpointError)
      expect(error.transient).toBe(true)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("is a transient error after a time-out of 10 seconds or of `requestTimeout`", () =>
    Effect.gen(function*() {
      const standard = yield* after(10_000, fails(Answer.never))
      expect(standard.reason).toBe("Unavailable")
      expect(standard.transient).toBe(true)
      expect(standard.message).toBe(
        `Token endpoint ${url}: no complete answer within 10s. Try again later, or raise \`requestTimeout\` if the ` +
          "server needs longer."
      )
      const limits = { ...defaultLimits, timeout: Duration.millis(1500) }
      expect((yield* after(1500, fails(Answer.never, { limits }))).message).toContain(
        "no complete answer within 1s 500ms"
      )
    }).pipe(Effect.provide(TestNetwork.layer)))
})
