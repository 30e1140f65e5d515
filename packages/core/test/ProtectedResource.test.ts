import { Answer, TestNetwork } from "@effect-mcp-auth/testing"
import { assert, describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Either } from "effect"
import { Challenge, ProtectedResource, ResourceIdentifier } from "../src/index.ts"
import { defaultLimits } from "../src/authoring/HttpExchange.ts"
import { nameOf } from "../src/authoring/SecureEndpoint.ts"
import { after, connectionError, disconnected, inPieces, misses, outages, sent, serve, to } from "./support/wire.ts"
import { queries } from "./support/queries.ts"

const server = (serverUrl = "https://mcp.example.com/mcp") =>
  Either.getOrThrow(ResourceIdentifier.fromServerUrl(serverUrl))

const discover = (options?: Parameters<typeof ProtectedResource.discover>[2], serverUrl?: string) =>
  Effect.flatMap(
    TestNetwork.TestNetwork,
    ({ httpClient }) => ProtectedResource.discover(httpClient, server(serverUrl), options)
  )

const atPath = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp"
const atRoot = "https://mcp.example.com/.well-known/oauth-protected-resource"
const elsewhere = "https://mcp.example.com/about/me"

const document = (changes: object = {}) =>
  Answer.json({
    resource: "https://mcp.example.com/mcp",
    authorization_servers: ["https://auth.example.com"],
    ...changes
  })

const challengeTo = (url: string) => ({ challenge: Challenge.fromHeader(`Bearer resource_metadata="${url}"`) })

describe("the well-known addresses (RFC 9728 §3.1)", () => {
  it.each([
    ["https://mcp.example.com/mcp", [atPath, atRoot]],
    ["https://mcp.example.com", [atRoot]],
    ["https://mcp.example.com/", [atRoot]],
    ["https://mcp.example.com/a/b/", [`${atRoot}/a/b/`, `${atRoot}/a/b`, atRoot]],
    ["https://mcp.example.com/mcp?x=1", [`${atPath}?x=1`, atRoot]],
    ["https://mcp.example.com?x=1", [`${atRoot}?x=1`, atRoot]],
    ["https://mcp.example.com:8443/mcp", [
      "https://mcp.example.com:8443/.well-known/oauth-protected-resource/mcp",
      "https://mcp.example.com:8443/.well-known/oauth-protected-resource"
    ]],
    ["https://mcp.example.com//evil.example", [`${atRoot}//evil.example`, atRoot]]
  ])("the well-known addresses of %s are %j", (url, expected) => {
    assert.deepStrictEqual(ProtectedResource.wellKnownUrls(new URL(url)).map(String), expected)
  })
})

describe("a document about this server (RFC 9728 §3.3)", () => {
  const at = "https://mcp.example.com/a/mcp"
  it.each([
    [at, at, true],
    ["https://MCP.example.com:443/a/mcp", at, true],
    ["https://mcp.example.com/a", at, true],
    ["https://mcp.example.com/a/", at, true],
    ["https://mcp.example.com/", at, true],
    ["https://mcp.example.com", at, true],
    ["https://mcp.example.com/a/mcp/", `${at}/x`, true],
    [at, `${at}?x=1`, true],
    [`${at}?x=1`, `${at}?x=1`, true],
    ["https://mcp.example.com", "https://mcp.example.com/", true],
    ["https://mcp.example.com/a/mc", at, false],
    ["https://mcp.example.com/a/mcp/", at, true],
    [at, `${at}/`, true],
    [`${at}/`, `${at}/`, true],
    ["https://mcp.example.com/a/mcp//", at, false],
    ["https://mcp.example.com/a/mcp/tools", at, false],
    ["https://mcp.example.com/A/mcp", at, false],
    ["https://mcp.example.com/b", at, false],
    [`${at}?x=2`, `${at}?x=1`, false],
    ["https://mcp.example.com/a?x=1", `${at}?x=1`, false],
    [`${at}#x`, at, false],
    ["http://mcp.example.com/a/mcp", at, false],
    ["https://mcp.example.com:8443/a/mcp", at, false],
    ["https://example.com/a/mcp", at, false],
    ["https://mcp.example.com.evil.example/a/mcp", at, false],
    ["https://mcp.example.com@evil.example/a/mcp", at, false],
    ["/a/mcp", at, false],
    ["mcp", at, false],
    ["", at, false],
    // Text that is not a URL, although the platform's parser makes one of it.
    ["https://user@mcp.example.com/a/mcp", at, false],
    ["https://:@mcp.example.com/a/mcp", at, false],
    ["https://mcp.example.com/a/mcp#", at, false],
    [` ${at}`, at, false],
    [`${at}\n`, at, false],
    [`${at}\u0000`, at, false],
    ["https://mcp.example.com/a/m\tcp", at, false],
    ["https://mcp.example.com\\a\\mcp", at, false],
    ["https:mcp.example.com/a/mcp", at, false],
    ["https://mcp.example.com/x/../a/mcp", at, false],
    ["https://mcp.example.com/./a/mcp", at, false],
    ["https://mcp.example.com/x/%2e%2e/a/mcp", at, false],
    [`https://mcp.example.com/${"x/".repeat(9000)}../a/mcp`, at, false],
    [`${at}?`, at, true],
    ["https://mcp.example.com/a/mcp/\u00e9", `${at}/%C3%A9`, false]
  ])("%j covers %s: %s", (resource, serverUrl, expected) => {
    expect(ProtectedResource.covers(resource, new URL(serverUrl))).toBe(expected)
  })

  it.each([
    [at, at, true],
    [`${at}/`, at, true],
    [at, `${at}/`, true],
    ["https://MCP.example.com:443/a/mcp", at, true],
    ["https://mcp.example.com", "https://mcp.example.com/", true],
    [`${at}?x=1`, `${at}?x=1`, true],
    [at, `${at}?x=1`, false],
    ["https://mcp.example.com/a", at, false],
    ["https://mcp.example.com", at, false]
  ])("%s is identical with %s: %s", (resource, serverUrl, expected) => {
    expect(ProtectedResource.covers(resource, new URL(serverUrl), "identical")).toBe(expected)
  })
})

describe("discover", () => {
  it.effect("the address with the server's path is tried first, then the one at the root", () =>
    Effect.gen(function*() {
      yield* serve({ [atRoot]: document({ resource: "https://mcp.example.com" }) })
      const found = Either.getOrThrow(yield* discover())
      expect(found.url).toBe(atRoot)
      assert.deepStrictEqual(yield* sent, [atPath, atRoot])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("documents are requested by GET as JSON without a credential, and the first one ends the search", () =>
    Effect.gen(function*() {
      const network = yield* serve({ [atPath]: document(), [atRoot]: document() })
      const found = Either.getOrThrow(yield* discover())
      expect(found.url).toBe(atPath)
      const [request, ...others] = yield* network.requests
      assert.deepStrictEqual(others, [])
      expect(request?.method).toBe("GET")
      expect(request?.headers["accept"]).toBe("application/json")
      expect(request?.headers["authorization"]).toBeUndefined()
      expect(request?.body).toBe("")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("the fields of the standard are kept, and no others", () =>
    Effect.gen(function*() {
      yield* serve({
        [atPath]: document({ scopes_supported: ["a", "b"], resource_name: "Reports", jwks_uri: null, x: { y: 1 } })
      })
      const found = Either.getOrThrow(yield* discover())
      assert.deepStrictEqual(found.authorizationServers, ["https://auth.example.com"])
      assert.deepStrictEqual(found.scopesSupported, ["a", "b"])
      assert.deepStrictEqual(found.metadata, {
        resource: "https://mcp.example.com/mcp",
        authorization_servers: ["https://auth.example.com"],
        scopes_supported: ["a", "b"],
        resource_name: "Reports"
      })
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("of lists that are too long the first 1,000 entries are kept, with 16 KiB in all", () =>
    Effect.gen(function*() {
      const scopes = Array.from({ length: 100_000 }, (_, i) => `s${i}`)
      const servers = ["https://auth.example.com", ...Array.from({ length: 5 }, () => "x".repeat(5000))]
      yield* serve({ [atPath]: document({ scopes_supported: scopes, authorization_servers: servers }) })
      const found = Either.getOrThrow(yield* discover())
      assert.deepStrictEqual(found.scopesSupported, scopes.slice(0, 1000))
      assert.deepStrictEqual(found.authorizationServers, servers.slice(0, 4))
      expect(JSON.stringify(found.metadata).length).toBeLessThan(32 * 1024)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each([{}, { authorization_servers: null, scopes_supported: null }])(
    "lists that are missing or null are read as empty: %j",
    (rest) =>
      Effect.gen(function*() {
        yield* serve({ [atPath]: Answer.json({ resource: "https://mcp.example.com/mcp", ...rest }) })
        const found = Either.getOrThrow(yield* discover())
        assert.deepStrictEqual(found.authorizationServers, [])
        assert.deepStrictEqual(found.scopesSupported, [])
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect.each(
    [
      ...misses,
      ["a resource that is not a string", Answer.json({ resource: 1 })] as const,
      [
        "authorization servers that are not a list",
        document({ authorization_servers: "https://auth.example.com" })
      ] as const,
      ["scopes that are not strings", document({ scopes_supported: [1] })] as const
    ] as const
  )("the next address is tried after %s", ([, answer]) =>
    Effect.gen(function*() {
      yield* serve({ [atPath]: answer, [atRoot]: document() })
      const found = Either.getOrThrow(yield* discover())
      expect(found.url).toBe(atRoot)
      assert.deepStrictEqual(yield* sent, [atPath, atRoot])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each(outages)(
    "after an outage of the address with the path (%s) the one at the root is used if it describes exactly the server",
    ([, answer]) =>
      Effect.gen(function*() {
        for (const resource of ["https://mcp.example.com/mcp", "https://mcp.example.com/mcp/"]) {
          yield* serve({ [atPath]: answer, [atRoot]: document({ resource }) })
          expect(Either.getOrThrow(yield* discover()).url).toBe(atRoot)
        }
        assert.deepStrictEqual(yield* sent, [atPath, atRoot, atPath, atRoot])
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect.each(outages)(
    "after an outage of the address with the path (%s) a parent's document at the root is not used",
    ([, answer]) =>
      Effect.gen(function*() {
        yield* serve({ [atPath]: answer, [atRoot]: document({ resource: "https://mcp.example.com" }) })
        const error = yield* Effect.flip(discover())
        assert(error._tag === "DiscoveryError")
        expect(error.reason).toBe("Unavailable")
        expect(error.transient).toBe(true)
        expect(error.url).toBe(atPath)
        expect(error.message).toContain(
          `${atRoot} describes "https://mcp.example.com", which is not used while a more exact address is unavailable`
        )
        expect(error.message).toContain("try again later")
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect("a search that an outage of the root interrupts is transient, although the path has a foreign document", () =>
    Effect.gen(function*() {
      yield* serve({
        [atPath]: document({ resource: "https://mcp.example.com/other" }),
        [atRoot]: Answer.status(503, { headers: { "retry-after": "30" } })
      })
      const error = yield* Effect.flip(discover())
      assert(error._tag === "DiscoveryError")
      expect(error).toMatchObject({ reason: "Unavailable", retryAfter: 30_000, url: atRoot })
      expect(error.message).toContain(`${atPath} describes another resource, "https://mcp.example.com/other"`)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("the search goes on after a time-out of 10 seconds", () =>
    Effect.gen(function*() {
      yield* serve({ [atPath]: Answer.never, [atRoot]: document() })
      expect(Either.getOrThrow(yield* after(10_000, discover())).url).toBe(atRoot)
      yield* serve({ [atRoot]: Answer.status(404) })
      const error = yield* after(10_000, Effect.flip(discover()))
      expect(error.message).toBe(
        `No protected resource metadata for https://mcp.example.com/mcp: ${atPath}: no complete answer within 10s; ` +
          `${atRoot} answered 404. Try again later, or raise \`requestTimeout\` if the server needs longer.`
      )
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("a search that ends with a body that breaks off is transient", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.serve(atPath, () => Effect.sync(() => inPieces("{", new Error("terminated"))))
      const error = yield* Effect.flip(discover())
      assert(error._tag === "DiscoveryError")
      expect(error.transient).toBe(true)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("`discover` stops at its limits", () =>
    Effect.gen(function*() {
      yield* serve({ [atPath]: Answer.text(" ".repeat(50) + "{}"), [atRoot]: Answer.never })
      const limits = { timeout: Duration.millis(50), maxBodySize: 50 }
      const error = yield* after(50, Effect.flip(discover({ limits })))
      assert(error._tag === "DiscoveryError")
      expect(error.url).toBe(atRoot)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("a search without a document returns each address and its answer", () =>
    Effect.gen(function*() {
      yield* serve({ [atPath]: Answer.html(), [atRoot]: Answer.json({ resource: 1 }) })
      assert.deepStrictEqual(
        yield* discover(),
        Either.left([`${atPath} is an HTML page`, `${atRoot} is JSON, but not metadata of this kind`])
      )
    }).pipe(Effect.provide(TestNetwork.layer)))

  const foreign = ["https://mcp.example.com/other", "https://evil.example/mcp", "https://mcp.example.com/mc", "mcp"]

  it.effect.each([...foreign, "https://user@mcp.example.com/mcp", "https://mcp.example.com/mcp\u0000"])(
    "a document about %j does not end the search",
    (resource) =>
      Effect.gen(function*() {
        yield* serve({ [atPath]: document({ resource }), [atRoot]: document() })
        expect(Either.getOrThrow(yield* discover()).url).toBe(atRoot)
        assert.deepStrictEqual(yield* sent, [atPath, atRoot])
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect.each(foreign)(
    "a document about %s fails with ResourceMismatch if no other address has one",
    (resource) =>
      Effect.gen(function*() {
        yield* serve({ [atPath]: document({ resource }) })
        const error = yield* Effect.flip(discover())
        assert(error._tag === "ResourceMismatch")
        expect(error).toMatchObject({
          _tag: "ResourceMismatch",
          expected: "https://mcp.example.com/mcp",
          actual: resource,
          url: atPath
        })
        expect(error.message).toContain(`${atPath} describes the resource "${resource}"`)
        expect(error.message).toContain("No token was requested.")
        assert.deepStrictEqual(yield* sent, [atPath, atRoot])
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect("ResourceMismatch shows no password of a resource whose scheme stands twice", () =>
    Effect.gen(function*() {
      yield* serve({ [atPath]: document({ resource: "https:https://u:canary@mcp.example.com" }) })
      const error = yield* Effect.flip(discover())
      assert(error._tag === "ResourceMismatch")
      expect(error.actual).toBe("https:https://mcp.example.com")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("ResourceMismatch keeps 16 KiB of a resource that is longer", () =>
    Effect.gen(function*() {
      yield* serve({ [atPath]: document({ resource: `https://evil.example/${"x".repeat(100_000)}` }) })
      const error = yield* Effect.flip(discover())
      assert(error._tag === "ResourceMismatch")
      expect(error.actual.length).toBe(16 * 1024)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("with `identical` a parent's document fails with ResourceMismatch, and the error names the option", () =>
    Effect.gen(function*() {
      yield* serve({ [atPath]: document({ resource: "https://mcp.example.com" }) })
      Either.getOrThrow(yield* discover())
      const error = yield* Effect.flip(discover({ match: "identical" }))
      assert(error._tag === "ResourceMismatch")
      expect(error.message).toContain("which is not \"https://mcp.example.com/mcp\"")
      expect(error.message).toContain("`resourceMatch: \"parent\"`")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("an HTML page with 200 at the path lets no document of another resource in at the root", () =>
    Effect.gen(function*() {
      yield* serve({ [atPath]: Answer.html(), [atRoot]: document({ resource: "https://mcp.example.com/other" }) })
      expect((yield* Effect.flip(discover()))._tag).toBe("ResourceMismatch")
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("the address in a challenge (RFC 9728 §5.1)", () => {
  it.effect("the address in a challenge is tried first", () =>
    Effect.gen(function*() {
      yield* serve({ [elsewhere]: document(), [atPath]: document() })
      const found = Either.getOrThrow(yield* discover(challengeTo(elsewhere)))
      expect(found.url).toBe(elsewhere)
      assert.deepStrictEqual(yield* sent, [elsewhere])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("the address in a challenge may be on another public host", () =>
    Effect.gen(function*() {
      yield* serve({ "https://metadata.example.net/mcp": document() })
      const found = Either.getOrThrow(yield* discover(challengeTo("https://metadata.example.net/mcp")))
      expect(found.url).toBe("https://metadata.example.net/mcp")
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each(misses)(
    "the well-known addresses are tried after the address in a challenge answers with %s",
    ([, answer]) =>
      Effect.gen(function*() {
        yield* serve({ [elsewhere]: answer, [atRoot]: document() })
        const found = Either.getOrThrow(yield* discover(challengeTo(elsewhere)))
        expect(found.url).toBe(atRoot)
        assert.deepStrictEqual(yield* sent, [elsewhere, atPath, atRoot])
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect.each(outages)(
    "the well-known addresses are tried after an outage of the address in a challenge (%s)",
    ([, answer]) =>
      Effect.gen(function*() {
        yield* serve({ [elsewhere]: answer, [atPath]: document() })
        const found = yield* discover(challengeTo(elsewhere))
        expect(Either.map(found, ({ url }) => url)).toEqual(Either.right(atPath))
        assert.deepStrictEqual(yield* sent, [elsewhere, atPath])
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect.each(outages)(
    "an outage of the address in a challenge (%s) is transient if the well-known addresses have nothing",
    ([, answer]) =>
      Effect.gen(function*() {
        yield* serve({ [elsewhere]: answer })
        const error = yield* Effect.flip(discover(challengeTo(elsewhere)))
        assert(error._tag === "DiscoveryError")
        expect(error.transient).toBe(true)
        assert.deepStrictEqual(yield* sent, [elsewhere, atPath, atRoot])
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect("an address in a challenge that is unavailable, and is a well-known one, is requested once", () =>
    Effect.gen(function*() {
      yield* serve({ [atPath]: Answer.status(503) })
      const error = yield* Effect.flip(discover(challengeTo(atPath)))
      assert(error._tag === "DiscoveryError")
      expect(error.transient).toBe(true)
      assert.deepStrictEqual(yield* sent, [atPath, atRoot])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("an address in a challenge that is a well-known one is requested once", () =>
    Effect.gen(function*() {
      yield* serve({ [atRoot]: Answer.status(404) })
      const found = yield* discover(challengeTo(atRoot))
      assert.deepStrictEqual(found, Either.left([`${atRoot} answered 404`, `${atPath} answered 404`]))
      assert.deepStrictEqual(yield* sent, [atRoot, atPath])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each([
    "http://metadata.example.net/mcp",
    "https://10.0.0.1/mcp",
    "https://169.254.169.254/latest/meta-data",
    "https://[::ffff:a9fe:a9fe]/",
    "https://2852039166/",
    "http://localhost:8080/admin",
    "https://127.0.0.1/",
    "https://metadata.google.internal./computeMetadata",
    "https://intranet/"
  ])("the address %s in a challenge is not requested", (url) =>
    Effect.gen(function*() {
      const network = yield* serve({ [url]: document(), [atPath]: Answer.status(404) })
      const found = yield* discover(challengeTo(url))
      const tried = Either.flip(found).pipe(Either.getOrThrow)
      expect(tried[0]).toContain(`${nameOf(new URL(url))} was not asked, because it is `)
      assert.deepStrictEqual(tried.slice(1), [`${atPath} answered 404`, `${atRoot} answered 404`])
      expect(yield* network.count(to(url))).toBe(0)
      assert.deepStrictEqual(yield* sent, [atPath, atRoot])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each(["", "/relative", "https://[", "not a url"])(
    "the text %j in a challenge, which is not a URL, is ignored",
    (url) =>
      Effect.gen(function*() {
        yield* serve({ [atPath]: document() })
        const found = Either.getOrThrow(yield* discover(challengeTo(url)))
        expect(found.url).toBe(atPath)
        assert.deepStrictEqual(yield* sent, [atPath])
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect("the address in a challenge of a local server may be local", () =>
    Effect.gen(function*() {
      const url = "http://127.0.0.1:4000/about"
      yield* serve({ [url]: document({ resource: "http://localhost:3000/mcp" }) })
      const found = Either.getOrThrow(yield* discover(challengeTo(url), "http://localhost:3000/mcp"))
      expect(found.url).toBe(url)
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("redirects of metadata", () => {
  const hop = (n: number) => `https://mcp.example.com/hop/${n}`

  it.effect.each([301, 302, 303, 307, 308] as const)(
    "a redirect with status %i within the origin is followed",
    (status) =>
      Effect.gen(function*() {
        yield* serve({ [atPath]: Answer.redirect("/hop/1", status), [hop(1)]: document() })
        const found = Either.getOrThrow(yield* discover())
        expect(found.url).toBe(atPath)
        assert.deepStrictEqual(yield* sent, [atPath, hop(1)])
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect("three redirects are followed", () =>
    Effect.gen(function*() {
      yield* serve({
        [atPath]: Answer.redirect(hop(1)),
        [hop(1)]: Answer.redirect("2"),
        [hop(2)]: Answer.redirect("//mcp.example.com/hop/3"),
        [hop(3)]: document()
      })
      Either.getOrThrow(yield* discover())
      assert.deepStrictEqual(yield* sent, [atPath, hop(1), hop(2), hop(3)])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("a fourth redirect is not followed", () =>
    Effect.gen(function*() {
      yield* serve({ [atPath]: Answer.redirect(atPath), [atRoot]: Answer.redirect(hop(1)), [hop(1)]: document() })
      const found = Either.getOrThrow(yield* discover())
      expect(found.url).toBe(atRoot)
      assert.deepStrictEqual(yield* sent, [atPath, atPath, atPath, atPath, atRoot, hop(1)])
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each(
    [
      ["https://evil.example/document", "https://evil.example"],
      ["//evil.example/document", "https://evil.example"],
      ["https://mcp.example.com:8443/document", "https://mcp.example.com:8443"],
      ["http://mcp.example.com/document", "http://mcp.example.com"],
      ["http://169.254.169.254/latest", "http://169.254.169.254"]
    ] as const
  )("a redirect to %s is not followed", ([location, origin]) =>
    Effect.gen(function*() {
      yield* serve({ [atPath]: Answer.redirect(location), [`${origin}/`]: document() })
      assert.deepStrictEqual(
        yield* discover(),
        Either.left([`${atPath} redirects to another origin, ${origin}`, `${atRoot} answered 404`])
      )
      assert.deepStrictEqual(yield* sent, [atPath, atRoot])
    }).pipe(Effect.provide(TestNetwork.layer)))
})

describe("probe: the challenge to a request without a token", () => {
  const url = "https://mcp.example.com/mcp"
  const probe = (limits?: typeof defaultLimits) =>
    Effect.flatMap(TestNetwork.TestNetwork, ({ httpClient }) => ProtectedResource.probe(httpClient, server(), limits))

  const methods = Effect.flatMap(
    TestNetwork.TestNetwork,
    ({ requests }) => Effect.map(requests, (all) => all.map(({ method }) => method))
  )

  it.effect("the challenge is requested by GET", () =>
    Effect.gen(function*() {
      const network = yield* serve({
        [url]: Answer.status(401, { headers: { "www-authenticate": ["Basic realm=\"x\"", "Bearer scope=\"a\""] } })
      })
      const challenge = yield* probe()
      assert(challenge !== undefined)
      assert.deepStrictEqual(Challenge.requiredScopes(challenge), ["a"])
      const [request, ...others] = yield* network.requests
      assert.deepStrictEqual(others, [])
      expect(request?.method).toBe("GET")
      expect(request?.headers["accept"]).toBe("application/json, text/event-stream")
      expect(request?.headers["authorization"]).toBeUndefined()
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("the challenge is requested by an MCP ping if GET is not protected", () =>
    Effect.gen(function*() {
      const network = yield* serve({
        [url]: Answer.status(401, { headers: { "www-authenticate": "Bearer scope=\"a\"" } })
      })
      yield* network.script(to(url), Answer.status(405))
      expect(yield* probe()).toBeDefined()
      assert.deepStrictEqual(yield* methods, ["GET", "POST"])
      const [, ping] = yield* network.requests
      assert.deepStrictEqual(JSON.parse(ping?.body ?? ""), { jsonrpc: "2.0", id: 0, method: "ping" })
      expect(ping?.headers["content-type"]).toBe("application/json")
      expect(ping?.headers["authorization"]).toBeUndefined()
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each([200, 403, 404, 405, 302])(
    "there is no challenge if GET and ping answer %i",
    (status) =>
      Effect.gen(function*() {
        yield* serve({
          [url]: Answer.status(status, {
            headers: { "www-authenticate": "Bearer scope=\"a\"", location: "https://evil.example/" }
          })
        })
        expect(yield* probe()).toBeUndefined()
        assert.deepStrictEqual(yield* sent, [url, url])
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect("there is no challenge if the 401 asks for another scheme", () =>
    Effect.gen(function*() {
      yield* serve({ [url]: Answer.status(401, { headers: { "www-authenticate": "Basic realm=\"x\"" } }) })
      expect(yield* probe()).toBeUndefined()
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect("the probe does not wait for a stream to end", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.serve(url, ({ method }) =>
        Effect.sync(() => method === "GET" ? inPieces("{", undefined) : challenged))
      expect(yield* probe()).toBeDefined()
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each(outages)(
    "the probe fails with `Unavailable` after %s",
    ([, answer]) =>
      Effect.gen(function*() {
        yield* serve({ [url]: answer })
        const error = yield* Effect.flip(probe())
        expect(error.reason).toBe("Unavailable")
        expect(error.url).toBe(url)
        expect(error.transient).toBe(true)
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect("the probe fails with `Unavailable` after a time-out", () =>
    Effect.gen(function*() {
      yield* serve({ [url]: Answer.never })
      const error = yield* after(20_000, Effect.flip(probe()))
      expect(error.reason).toBe("Unavailable")
      expect(error.message).toBe(
        `When asked for its challenge, ${url}: no complete answer within 10s. Try again later, or raise ` +
          "`requestTimeout` if the server needs longer."
      )
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.effect.each(queries)(
    "the probe and the metadata request have the query of the server as written: %s",
    (query) =>
      Effect.gen(function*() {
        yield* serve({ [url]: Answer.status(404) })
        const { httpClient } = yield* TestNetwork.TestNetwork
        yield* ProtectedResource.probe(httpClient, server(`${url}${query}`))
        yield* discover({}, `${url}${query}`)
        assert.deepStrictEqual((yield* sent).slice(0, 3), [`${url}${query}`, `${url}${query}`, `${atPath}${query}`])
      }).pipe(Effect.provide(TestNetwork.layer))
  )

  it.effect.each([["ENOTFOUND", "Unavailable"], ["CERT_HAS_EXPIRED", "CannotSend"]] as const)(
    "the probe of a server whose connection fails with %s is %s, with the code in the message",
    ([code, reason]) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(ProtectedResource.probe(disconnected(connectionError(code)), server()))
        expect(error.reason).toBe(reason)
        expect(error.message).toContain(`When asked for its challenge, ${url}: the connection failed (${code}: `)
      })
  )

  it.effect("`probe` stops at its limits", () =>
    Effect.gen(function*() {
      yield* serve({ [url]: Answer.never })
      const error = yield* after(140, Effect.flip(probe({ ...defaultLimits, timeout: Duration.millis(70) })))
      expect(error.transient).toBe(true)
    }).pipe(Effect.provide(TestNetwork.layer)))
})

const challenged = new Response(null, { status: 401, headers: { "www-authenticate": "Bearer" } })
