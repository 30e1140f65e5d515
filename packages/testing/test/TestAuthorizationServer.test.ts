import { TestAuthorizationServer, TestNetwork, TokenRequest } from "@effect-mcp-auth/testing"
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Redacted, Schema, TestClock } from "effect"
import { basic, postForm } from "./support.ts"

const issuer = "https://auth.example.com"
const secret = "s3cret"

const options: TestAuthorizationServer.Options = {
  issuer,
  clients: [
    { clientId: "nightly", clientSecret: Redacted.make(secret), scopes: ["read", "write"], defaultScopes: ["read"] },
    { clientId: "plain", clientSecret: Redacted.make(secret) },
    { clientId: "public" }
  ],
  scopesSupported: ["read", "write", "admin"]
}

const Answered = Schema.Struct({
  access_token: Schema.optional(Schema.String),
  token_type: Schema.optional(Schema.String),
  expires_in: Schema.optional(Schema.Number),
  scope: Schema.optional(Schema.String),
  error: Schema.optional(Schema.String),
  error_description: Schema.optional(Schema.String)
})

/** A token request, and its status, headers and decoded body. */
const request = (
  form: string | Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = { authorization: basic("nightly", secret) }
) =>
  Effect.gen(function*() {
    const response = yield* postForm(`${issuer}/token`, form, headers)
    const body = yield* Schema.decodeUnknown(Answered)(yield* response.json)
    return { status: response.status, headers: response.headers, ...body }
  })

const refusal = (
  form: string | Readonly<Record<string, string>>,
  headers?: Readonly<Record<string, string>>
) => Effect.map(request(form, headers), ({ error, status }) => [status, error])

const grant = { grant_type: "client_credentials" }

const withServer = <A, E>(
  test: (server: TestAuthorizationServer.TestAuthorizationServer) => Effect.Effect<A, E, HttpClient.HttpClient>,
  more: Partial<TestAuthorizationServer.Options> = {}
) => Effect.flatMap(TestAuthorizationServer.make({ ...options, ...more }), test).pipe(Effect.provide(TestNetwork.layer))

describe("TestAuthorizationServer tokens", () => {
  it.effect("the answer to a token request has the members and headers of RFC 6749 §5.1", () =>
    withServer((server) =>
      Effect.gen(function*() {
        yield* TestClock.adjust("1 second")
        const answer = yield* request({ ...grant, scope: "write read write", resource: "https://mcp.example.com/mcp" })
        assert.strictEqual(answer.status, 200)
        assert.strictEqual(answer.headers["cache-control"], "no-store")
        assert.strictEqual(answer.headers["pragma"], "no-cache")
        assert.strictEqual(answer.token_type, "Bearer")
        assert.strictEqual(answer.expires_in, 3600)
        assert.strictEqual(answer.scope, "write read")
        assert.match(answer.access_token ?? "", /^[\w-]{40}$/)
        assert.deepStrictEqual(yield* server.issued, [{
          value: answer.access_token ?? "",
          clientId: "nightly",
          subject: "nightly",
          scopes: ["write", "read"],
          resource: "https://mcp.example.com/mcp",
          issuedAt: 1000,
          expiresAt: 3_601_000,
          revoked: false
        }])
      })
    ))

  it.effect("each token request gets another token", () =>
    withServer((server) =>
      Effect.gen(function*() {
        const [one, two] = yield* Effect.all([request(grant), request(grant)])
        assert.notStrictEqual(one.access_token, two.access_token)
        assert.strictEqual((yield* server.issued).length, 2)
      })
    ))

  it.effect("the lifetime is in whole seconds and can change", () =>
    withServer((server) =>
      Effect.gen(function*() {
        assert.strictEqual((yield* request(grant)).expires_in, 90)
        yield* server.setTokenLifetime("10 seconds")
        assert.strictEqual((yield* request(grant)).expires_in, 10)
        assert.deepStrictEqual((yield* server.issued).map((token) => token.expiresAt), [90_000, 10_000])
      }), { tokenLifetime: "90500 millis" }))

  it.effect("tokens can be found and revoked, one or all", () =>
    withServer((server) =>
      Effect.gen(function*() {
        const one = (yield* request(grant)).access_token ?? ""
        yield* request(grant)
        yield* server.revoke(Redacted.make(one))
        yield* server.revoke("never issued")
        assert.deepStrictEqual((yield* server.issued).map((token) => token.revoked), [true, false])
        assert.isTrue((yield* server.find(one))?.revoked)
        assert.isUndefined(yield* server.find("never issued"))
        yield* server.revokeAll
        assert.deepStrictEqual((yield* server.issued).map((token) => token.revoked), [true, true])
      })
    ))
})

describe("TestAuthorizationServer clients", () => {
  it.effect("client_secret_basic and client_secret_post are accepted", () =>
    withServer(() =>
      Effect.gen(function*() {
        assert.strictEqual((yield* request(grant)).status, 200)
        const inBody = { ...grant, client_id: "nightly", client_secret: secret }
        assert.strictEqual((yield* request(inBody, {})).status, 200)
        assert.strictEqual((yield* request({ ...grant, client_id: "nightly" })).status, 200)
      })
    ))

  it.effect("a wrong secret and an unknown client are invalid_client, with a challenge", () =>
    withServer(() =>
      Effect.gen(function*() {
        for (
          const authorization of [
            basic("nightly", "wrong!"),
            basic("nightly", `${secret}x`),
            basic("nightly", ""),
            basic("nobody", secret),
            basic("public", ""),
            "Bearer token",
            "Basic ???"
          ]
        ) {
          const answer = yield* request(grant, { authorization })
          assert.deepStrictEqual([answer.status, answer.error], [401, "invalid_client"], authorization)
          assert.include(answer.headers["www-authenticate"], "Basic")
          assert.strictEqual(answer.headers["cache-control"], "no-store")
        }
        const wrong = { ...grant, client_id: "nightly", client_secret: "wrong" }
        assert.deepStrictEqual(yield* refusal(wrong, {}), [401, "invalid_client"])
      })
    ))

  it.effect("no authentication is invalid_client, and a public client cannot have client_credentials", () =>
    withServer(() =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* refusal(grant, {}), [401, "invalid_client"])
        assert.deepStrictEqual(yield* refusal({ ...grant, client_id: "nightly" }, {}), [401, "invalid_client"])
        assert.deepStrictEqual(yield* refusal({ ...grant, client_id: "nobody" }, {}), [401, "invalid_client"])
        assert.deepStrictEqual(yield* refusal({ ...grant, client_id: "public" }, {}), [400, "unauthorized_client"])
      })
    ))

  it.effect("two kinds of client authentication, or one of another client, are invalid_request", () =>
    withServer(() =>
      Effect.gen(function*() {
        for (
          const more of [
            { client_id: "nightly", client_secret: secret },
            { client_secret: "other" },
            { client_assertion: "a.b.c" },
            { client_id: "plain" }
          ]
        ) {
          assert.deepStrictEqual(yield* refusal({ ...grant, ...more }), [400, "invalid_request"])
        }
        assert.deepStrictEqual(yield* refusal({ ...grant, client_secret: secret }, {}), [400, "invalid_request"])
      })
    ))

  it.effect.each(["+", "%", ":", "a b", "&=", "é€😀", "100%+ü:/?", "~!*'()"])(
    "the secret %s arrives as it is, by either method",
    (special) =>
      withServer(() =>
        Effect.gen(function*() {
          const answer = yield* request(grant, { authorization: basic(`id${special}`, special) })
          assert.strictEqual(answer.status, 200)
          const inBody = { ...grant, client_id: `id${special}`, client_secret: special }
          assert.strictEqual((yield* request(inBody, {})).status, 200)
        }), { clients: [{ clientId: `id${special}`, clientSecret: Redacted.make(special) }] })
  )

  it.effect.each(["a+b", "50%", "a b", "k:ey", "ü", "%zz", "a&b"])(
    "the secret %s without form encoding is invalid_client (RFC 6749 §2.3.1)",
    (special) =>
      withServer(() =>
        Effect.gen(function*() {
          const bytes = Array.from(new TextEncoder().encode(`nightly:${special}`), (byte) => String.fromCharCode(byte))
          const authorization = `Basic ${btoa(bytes.join(""))}`
          assert.deepStrictEqual(yield* refusal(grant, { authorization }), [401, "invalid_client"])
        }), { clients: [{ clientId: "nightly", clientSecret: Redacted.make(special) }] })
  )

  it.effect.each(["\xff:\xff", "nightly", "nightly:s3cret:x", ""])(
    "the credentials %j are invalid_client",
    (pair) =>
      withServer(() =>
        Effect.gen(function*() {
          const authorization = `Basic ${btoa(pair)}`
          assert.deepStrictEqual(yield* refusal(grant, { authorization }), [401, "invalid_client"])
        })
      )
  )

  it.effect("a method that is not accepted is invalid_client", () =>
    withServer(() =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* refusal(grant), [401, "invalid_client"])
        const inBody = { ...grant, client_id: "nightly", client_secret: secret }
        assert.strictEqual((yield* request(inBody, {})).status, 200)
      }), { authMethods: ["client_secret_post"] }))

  it.effect("after rotateSecret only the new secret is accepted", () =>
    withServer((server) =>
      Effect.gen(function*() {
        yield* server.rotateSecret("nightly", Redacted.make("new"))
        assert.deepStrictEqual(yield* refusal(grant), [401, "invalid_client"])
        assert.strictEqual((yield* request(grant, { authorization: basic("nightly", "new") })).status, 200)
        const exit = yield* Effect.exit(server.rotateSecret("nobody", Redacted.make("new")))
        assert.isTrue(Exit.isFailure(exit))
      })
    ))

  it.effect("verifyClientAssertion decides about a client assertion", () => {
    const proof = {
      ...grant,
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: "a.b.c"
    }
    return Effect.gen(function*() {
      yield* withServer((server) =>
        Effect.gen(function*() {
          assert.strictEqual((yield* request(proof, {})).status, 200)
          assert.deepStrictEqual((yield* server.issued).map((token) => token.clientId), ["nightly"])
          assert.deepStrictEqual(yield* refusal({ ...proof, client_assertion: "x" }, {}), [401, "invalid_client"])
          const untyped = { ...grant, client_assertion: "a.b.c" }
          assert.deepStrictEqual(yield* refusal(untyped, {}), [400, "invalid_request"])
          assert.deepStrictEqual(yield* refusal({ ...proof, client_id: "plain" }, {}), [400, "invalid_request"])
        }), {
        authMethods: ["private_key_jwt"],
        verifyClientAssertion: (assertion) =>
          assertion === "a.b.c" ? Effect.succeed("nightly") : TokenRequest.refuse("invalid_client", "bad signature")
      })
      yield* withServer(() =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* refusal(proof, {}), [401, "invalid_client"])
        }), { authMethods: ["private_key_jwt"] })
    })
  })
})

describe("TestAuthorizationServer requests", () => {
  it.effect("a token request that is not a form sent by POST is invalid_request", () =>
    withServer(() =>
      Effect.gen(function*() {
        const asJson = yield* HttpClient.execute(
          HttpClientRequest.bodyUnsafeJson(HttpClientRequest.post(`${issuer}/token`), grant)
        )
        assert.strictEqual(asJson.status, 400)
        assert.include(yield* asJson.text, "invalid_request")
        const bare = yield* HttpClient.post(`${issuer}/token`)
        assert.strictEqual(bare.status, 400)
        const get = yield* HttpClient.get(`${issuer}/token?grant_type=client_credentials`)
        assert.strictEqual(get.status, 405)
      })
    ))

  it.effect("a parameter twice is invalid_request, a resource twice invalid_target", () =>
    withServer(() =>
      Effect.gen(function*() {
        const twice = "grant_type=client_credentials&scope=read&scope=write"
        assert.deepStrictEqual(yield* refusal(twice), [400, "invalid_request"])
        const resources = "grant_type=client_credentials&resource=https://a.example&resource=https://b.example"
        assert.deepStrictEqual(yield* refusal(resources), [400, "invalid_target"])
      })
    ))

  it.effect("a grant type that is missing, unknown, inherited or not allowed for the client is refused", () =>
    withServer(() =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* refusal({ scope: "read" }), [400, "invalid_request"])
        assert.deepStrictEqual(yield* refusal({ grant_type: "" }), [400, "invalid_request"])
        assert.deepStrictEqual(yield* refusal({ grant_type: "password" }), [400, "unsupported_grant_type"])
        assert.deepStrictEqual(yield* refusal({ grant_type: "toString" }), [400, "unsupported_grant_type"])
        assert.deepStrictEqual(yield* refusal(grant), [400, "unauthorized_client"])
      }), { clients: [{ clientId: "nightly", clientSecret: Redacted.make(secret), grantTypes: ["other"] }] }))

  it.effect("scopes: a subset, the default when left out or empty, all supported ones without a list", () =>
    withServer((server) =>
      Effect.gen(function*() {
        assert.strictEqual((yield* request({ ...grant, scope: "write" })).scope, "write")
        assert.strictEqual((yield* request(grant)).scope, "read")
        assert.strictEqual((yield* request({ ...grant, scope: "" })).scope, "read")
        assert.deepStrictEqual(yield* refusal({ ...grant, scope: "read admin" }), [400, "invalid_scope"])
        assert.deepStrictEqual(yield* refusal({ ...grant, scope: "read  write" }), [400, "invalid_scope"])
        const plain = yield* request(grant, { authorization: basic("plain", secret) })
        assert.strictEqual(plain.scope, "read write admin")
        yield* server.setScopes("nightly", ["write"])
        assert.deepStrictEqual(yield* refusal({ ...grant, scope: "read" }), [400, "invalid_scope"])
        assert.isUndefined((yield* request(grant)).scope)
      })
    ))

  it.effect("a server without scopes leaves scope out of its answer", () =>
    withServer(() =>
      Effect.gen(function*() {
        const answer = yield* request(grant, { authorization: basic("plain", secret) })
        assert.strictEqual(answer.status, 200)
        assert.isUndefined(answer.scope)
      }), { scopesSupported: undefined }))

  it.effect("a resource is optional, and an absolute URI without a fragment", () =>
    withServer((server) =>
      Effect.gen(function*() {
        yield* request(grant)
        yield* request({ ...grant, resource: "https://mcp.example.com" })
        const resources = (yield* server.issued).map((token) => token.resource)
        assert.deepStrictEqual(resources, ["https://default.example", "https://mcp.example.com"])
        for (const resource of ["/mcp", "https://mcp.example.com#x"]) {
          assert.deepStrictEqual(yield* refusal({ ...grant, resource }), [400, "invalid_target"])
        }
      }), { defaultResource: "https://default.example" }))

  it.effect("resourceParameter ignored: the resource is not read", () =>
    withServer((server) =>
      Effect.gen(function*() {
        yield* request({ ...grant, resource: "no URL" })
        assert.deepStrictEqual((yield* server.issued).map((token) => token.resource), ["https://mcp.example.com/mcp"])
      }), { resourceParameter: "ignored", defaultResource: "https://mcp.example.com/mcp" }))

  it.effect("a grant can set the audience and the scopes of the token", () =>
    withServer((server) =>
      Effect.gen(function*() {
        yield* request({ ...grant, resource: "https://other.example.com", scope: "anything" })
        assert.deepStrictEqual(
          (yield* server.issued).map(({ resource, scopes }) => ({ resource, scopes })),
          [{ resource: "https://mcp.example.com/mcp", scopes: ["mcp"] }]
        )
      }), {
      grants: {
        client_credentials: () =>
          Effect.succeed({ subject: "nightly", resource: "https://mcp.example.com/mcp", tokenScopes: ["mcp"] })
      }
    }))

  it.effect("a resource can be required, limited or refused", () =>
    Effect.gen(function*() {
      const resource = "https://mcp.example.com"
      yield* withServer(() =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* refusal(grant), [400, "invalid_target"])
          assert.strictEqual((yield* request({ ...grant, resource })).status, 200)
          assert.deepStrictEqual(yield* refusal({ ...grant, resource: `${resource}/` }), [400, "invalid_target"])
        }), { resourceParameter: "required", resources: [resource] })
      yield* withServer(() =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* refusal({ ...grant, resource }), [400, "invalid_target"])
          assert.strictEqual((yield* request(grant)).status, 200)
        }), { resourceParameter: "refused" })
    }))

  it.effect("a grant of the test's own decides about subject, scopes and the answer", () =>
    withServer((server) =>
      Effect.gen(function*() {
        const own = { grant_type: "urn:test", assertion: "good", scope: "special" }
        const answer = yield* request(own, {})
        assert.strictEqual(answer.token_type, "N_A")
        assert.strictEqual(answer.scope, "special")
        assert.deepStrictEqual(
          (yield* server.issued).map(({ clientId, subject }) => ({ clientId, subject })),
          [{ clientId: undefined, subject: "alice" }]
        )
        assert.deepStrictEqual(yield* refusal({ ...own, assertion: "bad" }, {}), [403, "invalid_grant"])
        assert.strictEqual((yield* request(grant)).status, 200)
      }), {
      grants: {
        "urn:test": ({ authMethod, client, parameters }) =>
          parameters.get("assertion") === "good" && client === undefined && authMethod === "none"
            ? Effect.succeed({ subject: "alice", scopes: ["special"], answer: { token_type: "N_A" } })
            : TokenRequest.refuse("invalid_grant", "not good", 403)
      }
    }))

  it.effect("the message of a Refusal has its error and its description", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(TokenRequest.refuse("invalid_scope", "too much"))
      assert.strictEqual(error.message, "invalid_scope: too much")
    }))
})

describe("TestAuthorizationServer metadata", () => {
  const Metadata = Schema.Record({ key: Schema.String, value: Schema.Unknown })

  const metadataOf = (url: string) =>
    Effect.gen(function*() {
      const response = yield* HttpClient.get(url)
      return response.status === 200 ? yield* Schema.decodeUnknown(Metadata)(yield* response.json) : undefined
    })

  it.effect("is served at every well-known address, with and without a path", () =>
    Effect.gen(function*() {
      yield* withServer(() =>
        Effect.gen(function*() {
          const metadata = yield* metadataOf(`${issuer}/.well-known/oauth-authorization-server`)
          assert.deepStrictEqual(metadata, {
            issuer,
            token_endpoint: `${issuer}/token`,
            grant_types_supported: ["client_credentials"],
            token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
            scopes_supported: ["read", "write", "admin"]
          })
          assert.isDefined(yield* metadataOf(`${issuer}/.well-known/openid-configuration`))
          assert.isUndefined(yield* metadataOf(`${issuer}/.well-known/oauth-authorization-server/x`))
          assert.strictEqual((yield* HttpClient.post(`${issuer}/.well-known/openid-configuration`)).status, 404)
        })
      )
      yield* withServer((server) =>
        Effect.gen(function*() {
          assert.strictEqual(server.tokenEndpoint, `${issuer}/tenant/token`)
          for (
            const address of [
              "/.well-known/oauth-authorization-server/tenant",
              "/.well-known/openid-configuration/tenant",
              "/tenant/.well-known/openid-configuration"
            ]
          ) {
            assert.strictEqual((yield* metadataOf(`${issuer}${address}`))?.["issuer"], `${issuer}/tenant`)
          }
        }), { issuer: `${issuer}/tenant` })
    }))

  it.effect("metadataAt limits the addresses served, and requests to the others are recorded as for metadata", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* TestAuthorizationServer.make({ ...options, metadataAt: ["openid-configuration-appended"] })
      yield* TestAuthorizationServer.make({ ...options, issuer: "https://b.example", metadataAt: [] })
      assert.isUndefined(yield* metadataOf(`${issuer}/.well-known/oauth-authorization-server`))
      assert.isDefined(yield* metadataOf(`${issuer}/.well-known/openid-configuration`))
      assert.isUndefined(yield* metadataOf("https://b.example/.well-known/oauth-authorization-server"))
      assert.strictEqual(yield* network.count("authorization-server-metadata"), 3)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("members can be added, replaced and removed, and the issuer keeps its trailing slash", () =>
    withServer(() =>
      Effect.gen(function*() {
        const metadata = yield* metadataOf(`${issuer}/.well-known/oauth-authorization-server`)
        assert.strictEqual(metadata?.["issuer"], `${issuer}/`)
        assert.strictEqual(metadata?.["token_endpoint"], "https://tokens.example.com/oauth?v=2")
        assert.strictEqual(metadata?.["jwks_uri"], `${issuer}/jwks`)
        assert.notProperty(metadata, "scopes_supported")
        const answer = yield* postForm("https://tokens.example.com/oauth?v=2", grant, {
          authorization: basic("nightly", secret)
        })
        assert.strictEqual(answer.status, 200)
        assert.strictEqual((yield* HttpClient.get("https://tokens.example.com/other")).status, 404)
      }), {
      issuer: `${issuer}/`,
      tokenEndpoint: "https://tokens.example.com/oauth?v=2",
      metadata: { jwks_uri: `${issuer}/jwks`, scopes_supported: undefined }
    }))
})
