import { Answer, TestNetwork } from "@effect-mcp-auth/testing"
import { assert, describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Either } from "effect"
import { AuthorizationServer } from "../src/index.ts"
import { after, connectionError, disconnected, misses, outages, sent, serve, to } from "./support/wire.ts"

const issuer = "https://auth.example.com"
const tenant = "https://auth.example.com/tenant"
const oauth = "https://auth.example.com/.well-known/oauth-authorization-server"
const oidc = "https://auth.example.com/.well-known/openid-configuration"
const tenantOauth = `${oauth}/tenant`
const tenantOidc = `${oidc}/tenant`
const tenantOidcAppended = `${tenant}/.well-known/openid-configuration`

const document = (changes: object = {}) => Answer.json({ issuer, token_endpoint: `${issuer}/token`, ...changes })

const discover = (of = issuer, options?: Parameters<typeof AuthorizationServer.discover>[2]) =>
  Effect.flatMap(TestNetwork.TestNetwork, ({ httpClient }) => AuthorizationServer.discover(httpClient, of, options))

describe("the well-known addresses (RFC 8414 §3.1, OpenID Connect Discovery 1.0 §4.1)", () => {
  it.each([
    [issuer, [oauth, oidc]],
    [`${issuer}/`, [oauth, oidc]],
    [tenant, [tenantOauth, tenantOidc, tenantOidcAppended]],
    [`${tenant}/`, [tenantOauth, tenantOidc, tenantOidcAppended]],
    [`${tenant}/v2.0`, [
      `${tenantOauth}/v2.0`,
      `${tenantOidc}/v2.0`,
      `${tenant}/v2.0/.well-known/openid-configuration`
    ]],
    ["https://auth.example.com:8443/a", [
      "https://auth.example.com:8443/.well-known/oauth-authorization-server/a",
      "https://auth.example.com:8443/.well-known/openid-configuration/a",
      "https://auth.example.com:8443/a/.well-known/openid-configuration"
    ]]
  ])("the well-known addresses of %s are %j", (of, expected) => {
    assert.deepStrictEqual(AuthorizationServer.wellKnownUrls(new URL(of)).map(String), expected)
  })

  it.each(["//evil.example", "//169.254.169.254/latest", "//localhost", "/\\evil.example", "///evil.example/x"])(
    "the well-known addresses are on the issuer's host if its path is %s",
    (path) => {
      const urls = AuthorizationServer.wellKnownUrls(new URL(`${issuer}${path}`))
      assert.deepStrictEqual([...new Set(urls.map(({ origin }) => origin))], [issuer])
    }
  )
})

describe("an issuer identifier (RFC 8414 §2)", () => {
  it.each([
    "https://auth.example.com",
    "https://auth.example.com/",
    "https://auth.example.com/a/b",
    "http://localhost:1"
  ])(
    "%s is an issuer identifier",
    (text) => {
      expect(AuthorizationServer.parseIssuer(text)?.href).toBe(new URL(text).href)
    }
  )
  it.each([
    "",
    "auth.example.com",
    "discover",
    "https://auth.example.com?x=1",
    "https://auth.example.com/a?",
    "https://auth.example.com#x",
    "https://auth.example.com/#",
    "https://user@auth.example.com",
    "https://:password@auth.example.com",
    "https://auth.example.com/tenant\u202e",
    "https://auth.example.com/\nlevel=error",
    "https://auth.example.com/\u001b[2J",
    "https://auth.example.com/a b",
    "https://auth.exämple.com",
    " https://auth.example.com"
  ])("%j is not an issuer identifier", (text) => {
    expect(AuthorizationServer.parseIssuer(text)).toBeUndefined()
  })

  it.each([
    [issuer, issuer, true],
    [issuer, `${issuer}/`, true],
    [`${issuer}/`, issuer, true],
    [tenant, `${tenant}/`, true],
    [`${issuer}/`, `${issuer}//`, true],
    [issuer, `${issuer}//`, false],
    [issuer, "https://AUTH.example.com", false],
    [issuer, "HTTPS://auth.example.com", false],
    [issuer, "https://auth.example.com:443", false],
    [issuer, "http://auth.example.com", false],
    [issuer, tenant, false],
    [issuer, ` ${issuer}`, false],
    [tenant, "https://auth.example.com/Tenant", false],
    [tenant, "https://auth.example.com/ten%61nt", false],
    [tenant, "https://auth.example.com/x/../tenant", false]
  ])("%j and %j are the same issuer, one trailing slash aside: %s", (a, b, expected) => {
    expect(AuthorizationServer.isSameIssuer(a, b)).toBe(expected)
  })
})

describe("discover", () => {
  it.effect.each(
    [
      [issuer, [oauth, oidc]] as const,
      [tenant, [tenantOauth, tenantOidc, tenantOidcAppended]] as const
    ] as const
  )("the addresses of %s are tried in their order, until one has a document", ([of, urls]) =>
    Effect.gen(function*() {
      for (const [i, url] of urls.entries()) {
        yield* serve({ [url]: document({ issuer: of }) }).pipe(
          Effect.zipRight(discover(of)),
          Effect.zipRight(sent),
          Effect.tap((tried) => Effect.sync(() => assert.deepStrictEqual(tried, urls.slice(0, i + 1)))),
          Effect.provide(TestNetwork.layer)
        )
      }
    }))

  it.effect("documents are requested by GET as JSON without a credential", () =>
    Effect.gen(function*() {
      const network = yield* serve({ [oauth]: document() })
      yield* discover()
      const [request] = yield* network.requests
      expect(request?.method).toBe("GET")
      expect(request?.headers["accept"]).toBe("application/json")
      expect(request?.headers["authorization"]).toBeUndefined()
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("a document needs `issuer` and `token_endpoint` only, and other fields of the standards are kept", () =>
    Effect.gen(function*() {
      yield* serve({
        [oauth]: document({
          x: { y: 1 },
          grant_types_supported: ["authorization_code", 1],
          jwks_uri: null,
          mtls_endpoint_aliases: { token_endpoint: "https://mtls.example.com/token", other: 1 },
          op_policy_uri: "x".repeat(100_000)
        })
      })
      const found = yield* discover()
      expect(found.issuer).toBe(issuer)
      expect(found.tokenEndpoint.href).toBe(`${issuer}/token`)
      assert.deepStrictEqual(found.metadata, {
        issuer,
        token_endpoint: `${issuer}/token`,
        grant_types_supported: ["authorization_code"],
        mtls_endpoint_aliases: { token_endpoint: "https://mtls.example.com/token" }
      })
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("the fields that are kept of a document have at most 64 KiB in all", () =>
    Effect.gen(function*() {
      const list = Array.from({ length: 90 }, (_, index) => `${index}`.padEnd(180, "x"))
      const names = [
        "scopes_supported",
        "response_types_supported",
        "grant_types_supported",
        "response_modes_supported"
      ]
      yield* serve({ [oauth]: document(Object.fromEntries([...names, "jwks_uri"].map((name) => [name, list]))) })
      const { metadata } = yield* discover()
      const kept = Object.keys(metadata)
      expect(kept).toEqual(expect.arrayContaining(["issuer", "token_endpoint", "scopes_supported"]))
      expect(kept).toHaveLength(5)
      expect(JSON.stringify(metadata).length).toBeLessThan(66 * 1024)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each(
    [
      ...misses,
      ["a document without a token endpoint", document({ token_endpoint: undefined })] as const,
      ["a token endpoint that is not a string", document({ token_endpoint: [`${issuer}/token`] })] as const,
      ["a document without an issuer", document({ issuer: undefined })] as const,
      ["methods that are not strings", document({ token_endpoint_auth_methods_supported: [1] })] as const
    ] as const
  )("the next address is tried after %s", ([, answer]) =>
    Effect.gen(function*() {
      yield* serve({ [oauth]: answer, [oidc]: document() })
      expect((yield* discover()).tokenEndpoint.href).toBe(`${issuer}/token`)
      assert.deepStrictEqual(yield* sent, [oauth, oidc])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each(outages)("the next address is tried after an outage (%s)", ([, answer]) =>
    Effect.gen(function*() {
      yield* serve({ [oauth]: answer, [oidc]: document() })
      expect((yield* discover()).tokenEndpoint.href).toBe(`${issuer}/token`)
      assert.deepStrictEqual(yield* sent, [oauth, oidc])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each(outages)(
    "a search that finds nothing is transient after an outage of its first or last address (%s)",
    ([, answer]) =>
      Effect.gen(function*() {
        for (const [sick, well] of [[oauth, oidc], [oidc, oauth]] as const) {
          yield* serve({ [sick]: answer, [well]: Answer.status(404) })
          const error = yield* Effect.flip(discover())
          assert(error._tag === "DiscoveryError")
          expect(error.reason).toBe("Unavailable")
          expect(error.transient).toBe(true)
          expect(error.url).toBe(sick)
          expect(error.message).toContain(`${well} answered 404`)
          expect(error.message).toContain("The server may recover: try again later.")
        }
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect("a search after an outage is transient even if another address has a document of another issuer", () =>
    Effect.gen(function*() {
      yield* serve({ [oauth]: document({ issuer: "https://evil.example" }), [oidc]: Answer.status(503) })
      const error = yield* Effect.flip(discover())
      assert(error._tag === "DiscoveryError")
      expect(error.transient).toBe(true)
      expect(error.message).toContain(`${oauth} is the metadata of issuer "https://evil.example"`)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("the longest `Retry-After` of the addresses is the wait of the error", () =>
    Effect.gen(function*() {
      yield* serve({
        [oauth]: Answer.status(429, { headers: { "retry-after": "5" } }),
        [oidc]: Answer.status(503, { headers: { "retry-after": "7" } })
      })
      expect(yield* Effect.flip(discover())).toMatchObject({ reason: "Unavailable", retryAfter: 7000 })
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("each address has the given time limit, and the error names the one that did not answer", () =>
    Effect.gen(function*() {
      yield* serve({ [oauth]: Answer.text(" ".repeat(99) + "{}"), [oidc]: Answer.never })
      const limits = { timeout: Duration.seconds(3), maxBodySize: 99 }
      const error = yield* after(3000, Effect.flip(discover(issuer, { limits })))
      assert(error._tag === "DiscoveryError")
      expect(error.transient).toBe(true)
      expect(error.url).toBe(oidc)
      expect(error.message).toContain(`${oidc}: no complete answer within 3s`)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("the address that the caller gives is the only one that is requested", () =>
    Effect.gen(function*() {
      const metadataUrl = new URL("https://auth.example.com/meta")
      const answers = { [oauth]: document(), [oidc]: document() }
      yield* serve({ ...answers, [metadataUrl.href]: document({ token_endpoint: `${issuer}/own` }) })
      expect((yield* discover(issuer, { metadataUrl })).tokenEndpoint.href).toBe(`${issuer}/own`)
      yield* serve({ ...answers, [metadataUrl.href]: document({ issuer: "https://evil.example" }) })
      expect(yield* Effect.flip(discover(issuer, { metadataUrl }))).toMatchObject({ _tag: "IssuerMismatch" })
      yield* serve({ ...answers, [metadataUrl.href]: Answer.status(404) })
      const error = yield* Effect.flip(discover(issuer, { metadataUrl }))
      expect(error.message).toContain("Check `authorizationServerMetadataUrl` and `issuer`")
      assert.deepStrictEqual(yield* sent, [metadataUrl.href, metadataUrl.href, metadataUrl.href])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("a search without a document guesses no endpoint, and the error names the addresses that were tried", () =>
    Effect.gen(function*() {
      yield* serve({
        [oauth]: Answer.html(),
        [oidc]: document({ token_endpoint: undefined }),
        [`${issuer}/token`]: document()
      })
      const error = yield* Effect.flip(discover())
      assert(error._tag === "DiscoveryError")
      expect(error.reason).toBe("NotFound")
      expect(error.transient).toBe(false)
      expect(error.message).toBe(
        `No authorization server metadata for ${issuer}: ${oauth} is an HTML page; ${oidc} is JSON, but not ` +
          "metadata of this kind. Check `issuer`, or give `authorizationServerMetadata` or `tokenEndpoint`."
      )
      assert.deepStrictEqual(yield* sent, [oauth, oidc])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each(["auth.example.com", "https://auth.example.com?x=1", "https://a@auth.example.com"])(
    "nothing is sent for %s, which is not an issuer identifier",
    (of) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(discover(of))
        assert(error._tag === "DiscoveryError")
        expect(error.reason).toBe("Invalid")
        expect(error.message).toContain("RFC 8414 §2")
        assert.deepStrictEqual(yield* sent, [])
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect("nothing is sent to an issuer that is not https", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(discover("http://auth.example.com"))
      assert(error._tag === "InsecureEndpoint")
      expect(error.reason).toBe("NotHttps")
      expect(error.endpoint).toBe("issuer")
      assert.deepStrictEqual(yield* sent, [])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each([
    "https://10.0.0.1",
    "https://167772161/",
    "https://0xa9.0xfe.0xa9.0xfe/x",
    "https://[::ffff:10.0.0.1]",
    "https://[fd00::1]/tenant",
    "https://localhost",
    "https://localhost.",
    "https://127.0.0.1:8443",
    "https://idp.internal",
    "https://idp.local.",
    "https://idp"
  ])("nothing is sent to %s if a public server named it", (of) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(discover(of, { namedBy: new URL("https://mcp.example.com/mcp") }))
      assert(error._tag === "InsecureEndpoint")
      expect(error.reason).toBe("PrivateAddress")
      expect(error.namedBy).toBe("https://mcp.example.com")
      expect(error.message).toContain("Nothing was sent.")
      assert.deepStrictEqual(yield* sent, [])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each(["https://10.0.0.1", "https://idp.internal", "http://localhost:8080"])(
    "the private issuer %s is requested if the caller named it",
    (of) =>
      Effect.gen(function*() {
        yield* serve({
          [`${of}/.well-known/oauth-authorization-server`]: document({ issuer: of, token_endpoint: `${of}/token` })
        })
        expect((yield* discover(of)).tokenEndpoint.href).toBe(`${of}/token`)
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect.each([
    "https://public.example//169.254.169.254/latest",
    "https://public.example//localhost:8443",
    "https://public.example/\\10.0.0.1"
  ])("the issuer %s of a public server causes no request to a private host", (of) =>
    Effect.gen(function*() {
      const network = yield* serve({ "https://public.example/": Answer.status(404) })
      yield* Effect.flip(discover(of, { namedBy: new URL("https://mcp.example.com/mcp") }))
      expect(yield* network.count(({ url }) => new URL(url).origin !== "https://public.example")).toBe(0)
      expect((yield* sent).length).toBeGreaterThan(0)
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("the issuer that the document names (RFC 8414 §3.3)", () => {
  it.effect.each([
    "https://evil.example",
    "https://AUTH.example.com",
    "https://auth.example.com:443",
    "https://auth.example.com//",
    "http://auth.example.com",
    "https://auth.example.com/tenant",
    "auth.example.com",
    ""
  ])(
    "a document of the issuer %j does not end the search, and nothing in it is used",
    (other) =>
      Effect.gen(function*() {
        const foreign = document({ issuer: other, token_endpoint: "https://evil.example/token" })
        yield* serve({ [oauth]: foreign, [oidc]: document() })
        expect((yield* discover()).tokenEndpoint.href).toBe(`${issuer}/token`)
        assert.deepStrictEqual(yield* sent, [oauth, oidc])
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect.each(["https://evil.example", "https://auth.example.com/tenant", ""])(
    "a document of the issuer %j fails with IssuerMismatch if no other address has one",
    (other) =>
      Effect.gen(function*() {
        yield* serve({ [oauth]: document({ issuer: other }) })
        const error = yield* Effect.flip(discover())
        assert(error._tag === "IssuerMismatch")
        expect(error).toMatchObject({
          _tag: "IssuerMismatch",
          reason: "Metadata",
          expected: issuer,
          actual: [other],
          url: oauth
        })
        expect(error.message).toContain(
          `${oauth} is the metadata of issuer "${other}", but issuer "${issuer}" was asked for`
        )
        assert.deepStrictEqual(yield* sent, [oauth, oidc])
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect("IssuerMismatch keeps 16 KiB of an issuer that is longer", () =>
    Effect.gen(function*() {
      yield* serve({ [oauth]: document({ issuer: `https://evil.example/${"x".repeat(100_000)}` }) })
      const error = yield* Effect.flip(discover())
      assert(error._tag === "IssuerMismatch")
      expect(error.actual.map(({ length }) => length)).toEqual([16 * 1024])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each([[issuer, `${issuer}/`], [`${issuer}/`, issuer], [tenant, `${tenant}/`]] as const)(
    "the issuer requested as %s and named %s is the same, and its own spelling is kept",
    ([asked, named]) =>
      Effect.gen(function*() {
        yield* serve({ [oauth]: document({ issuer: named }), [tenantOauth]: document({ issuer: named }) })
        expect((yield* discover(asked)).issuer).toBe(named)
      }).pipe(Effect.provide(TestNetwork.layer))
  )
})

describe("the token endpoint must be one that may receive a secret", () => {
  it.effect.each(
    [
      ["http://auth.example.com/token", "NotHttps"],
      ["http://10.0.0.1/token", "NotHttps"],
      ["https://10.0.0.1/token", "PrivateAddress"],
      ["https://2130706433/token", "PrivateAddress"],
      ["http://localhost/token", "PrivateAddress"],
      ["https://[::1]/token", "PrivateAddress"],
      ["https://token.internal/", "PrivateAddress"],
      ["https://token/", "PrivateAddress"]
    ] as const
  )("the token endpoint %s is refused: %s", ([tokenEndpoint, reason]) =>
    Effect.gen(function*() {
      const network = yield* serve({ [oauth]: document({ token_endpoint: tokenEndpoint }) })
      const error = yield* Effect.flip(discover())
      assert(error._tag === "InsecureEndpoint")
      expect(error.reason).toBe(reason)
      expect(error.endpoint).toBe("token endpoint")
      expect(error.namedBy).toBe(issuer)
      expect(yield* network.count(to(tokenEndpoint))).toBe(0)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("a token endpoint that is refused does not end the search for one that may receive a secret", () =>
    Effect.gen(function*() {
      yield* serve({ [oauth]: document({ token_endpoint: "http://auth.example.com/token" }), [oidc]: document() })
      expect((yield* discover()).tokenEndpoint.href).toBe(`${issuer}/token`)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each(["/token", "token", "", "https://"])(
    "the token endpoint %j, which is not an absolute URL, is refused and not completed",
    (tokenEndpoint) =>
      Effect.gen(function*() {
        yield* serve({ [oauth]: document({ token_endpoint: tokenEndpoint }) })
        const error = yield* Effect.flip(discover())
        assert(error._tag === "DiscoveryError")
        expect(error.reason).toBe("Invalid")
        expect(error.message).toBe(
          `${oauth}: \`token_endpoint\` is not an absolute URL without fragment and user name or password. Tell the authorization server's operator, or give ` +
            "`tokenEndpoint` yourself."
        )
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect("the token endpoint may be on another public host, and have a query", () =>
    Effect.gen(function*() {
      yield* serve({ [oauth]: document({ token_endpoint: "https://tokens.example.net/t?p=1" }) })
      expect((yield* discover()).tokenEndpoint.href).toBe("https://tokens.example.net/t?p=1")
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("an authorization server that the caller gives", () => {
  it("given metadata must pass the checks of discovered metadata", () => {
    const read = (metadata: typeof AuthorizationServer.Metadata.Type) =>
      Either.match(AuthorizationServer.fromMetadata(metadata, issuer), {
        onLeft: ({ _tag }) => _tag,
        onRight: ({ tokenEndpoint }) => tokenEndpoint.href
      })
    expect(read({ issuer, token_endpoint: `${issuer}/token` })).toBe(`${issuer}/token`)
    expect(read({ issuer: tenant, token_endpoint: `${issuer}/token` })).toBe("IssuerMismatch")
    expect(read({ issuer, token_endpoint: "http://auth.example.com/token" })).toBe("InsecureEndpoint")
    expect(read({ issuer, token_endpoint: "token" })).toBe("DiscoveryError")
  })

  it("a given token endpoint must be https, or http on a loopback host", () => {
    const read = (url: string) => Either.getRight(AuthorizationServer.fromTokenEndpoint(issuer, new URL(url)))
    assert.deepStrictEqual(read("https://auth.example.com/token")._tag, "Some")
    assert.deepStrictEqual(read("https://10.0.0.1/token")._tag, "Some")
    assert.deepStrictEqual(read("http://localhost/token")._tag, "Some")
    assert.deepStrictEqual(read("http://auth.example.com/token")._tag, "None")
    assert.deepStrictEqual(
      Either.getOrThrow(AuthorizationServer.fromTokenEndpoint(issuer, new URL("https://a.example/t"))),
      {
        issuer,
        tokenEndpoint: new URL("https://a.example/t"),
        metadata: { issuer, token_endpoint: "https://a.example/t" },
        isEndpointGiven: true
      }
    )
  })
})

describe("an authorization server to which no connection is possible", () => {
  it.effect.each(
    [
      ["ENOTFOUND", "Unavailable", "Check the spelling of the host name"],
      ["ECONNREFUSED", "Unavailable", "Check the port"],
      ["CERT_HAS_EXPIRED", "CannotSend", "renew the certificate"],
      ["DEPTH_ZERO_SELF_SIGNED_CERT", "CannotSend", "NODE_EXTRA_CA_CERTS"],
      ["ERR_SSL_WRONG_VERSION_NUMBER", "CannotSend", "`insecureHosts`"]
    ] as const
  )("%s is %s, and the message says what to check", ([code, reason, advice]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(AuthorizationServer.discover(disconnected(connectionError(code)), issuer))
      assert(error._tag === "DiscoveryError")
      expect(error.reason).toBe(reason)
      expect(error.transient).toBe(reason === "Unavailable")
      expect(error.message).toContain(`${oauth}: the connection failed (${code}: `)
      expect(error.message).toContain(advice)
      if (reason === "CannotSend") expect(error.message).not.toContain("later")
    }))
})
