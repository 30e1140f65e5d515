import { Answer, TestNetwork } from "@effect-mcp-auth/testing"
import { assert, describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Either, Fiber, TestClock } from "effect"
import { defaultLimits } from "../../src/authoring/HttpExchange.ts"
import { Challenge, Discovery, DiscoveryCache, ResourceIdentifier } from "../../src/index.ts"
import { serve } from "../support/wire.ts"

const S = "https://mcp.example.com/mcp"
const P = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp"
const R = "https://mcp.example.com/.well-known/oauth-protected-resource"
const M = "https://mcp.example.com/meta/mcp"
const N = "https://metadata.example.net/mcp"
const A = "https://auth.example.com/.well-known/oauth-authorization-server"
const O = "https://auth.example.com/.well-known/openid-configuration"
/** The metadata of the authorization server that another API of the same host uses. */
const X = "https://other.example.com/.well-known/oauth-authorization-server"

const issuer = "https://auth.example.com"
const other = "https://other.example.com"
const parent = "https://mcp.example.com"
const foreign = "https://mcp.example.com/other"

const document = (resource: string, servers: unknown = [issuer]) =>
  Answer.json({ resource, authorization_servers: servers })
const ours = document(S)
/** Metadata that would lead the secret to the authorization server of another API. */
const misleading = (resource: string) => document(resource, [other])

const missing = Answer.status(404)
const down = Answer.status(503)
const unauthorized = (...challenges: ReadonlyArray<string>) =>
  Answer.status(401, { headers: { "www-authenticate": challenges } })
const naming = (...urls: ReadonlyArray<string>) =>
  unauthorized(...urls.map((url) => `Bearer resource_metadata="${url}"`))

const metadata = (of = issuer) => Answer.json({ issuer: of, token_endpoint: `${of}/token` })

interface Options {
  readonly issuer?: string
  readonly server?: string
  readonly more?: Partial<Discovery.Options>
}

/** The result of a discovery, and the addresses that it requested, without the method GET. */
const discover = (answers: Readonly<Record<string, Answer.Answer>>, options: Options = {}) =>
  Effect.gen(function*() {
    const gets = Object.entries({ [A]: metadata(), [X]: metadata(other), ...answers })
    yield* serve(Object.fromEntries(gets.map(([url, answer]) => [url.replace("POST ", ""), answer])))
    const network = yield* TestNetwork.TestNetwork
    for (const [url, answer] of gets) {
      const isPost = url.startsWith("POST ")
      const address = url.replace("POST ", "")
      yield* network.always(
        (request) => request.url === address && (isPost ? request.method === "POST" : request.method === "GET"),
        answer
      )
      if (!isPost && address === S && answers[`POST ${S}`] === undefined) {
        yield* network.always((request) => request.url === S && request.method === "POST", answer)
      }
    }
    const discovery = Discovery.make({
      cache: yield* DiscoveryCache.make(),
      client: network.httpClient,
      server: Either.getOrThrow(ResourceIdentifier.fromServerUrl(options.server ?? S)),
      issuer: options.issuer ?? "discover",
      follow: false,
      onChange: () => Effect.void,
      limits: defaultLimits,
      timeout: Duration.seconds(30),
      ...options.more
    })
    const fiber = yield* Effect.fork(Effect.either(discovery.get))
    yield* TestClock.adjust("1 minute")
    const result = yield* Fiber.join(fiber)
    const requests = yield* network.requests
    return { result, requests: requests.map(({ method, url }) => method === "GET" ? url : `${method} ${url}`) }
  }).pipe(Effect.scoped, Effect.provide(TestNetwork.layer))

/** The address of the metadata and the authorization server, or the tag and reason of the error. */
const summary = (result: Either.Either<Discovery.Discovered, Discovery.Failure>): string =>
  Either.match(result, {
    onLeft: (error) => "reason" in error ? `${error._tag} ${error.reason}` : error._tag,
    onRight: ({ authorizationServer, protectedResource }) =>
      `${protectedResource?.url ?? "nothing"} ${authorizationServer.issuer}`
  })

type Row = readonly [
  name: string,
  answers: Readonly<Record<string, Answer.Answer>>,
  outcome: string,
  requests: ReadonlyArray<string>,
  options?: Options
]

/** The row with its outcome second, for the title of the test. */
const withOutcome = ([name, answers, outcome, requests, options]: Row) =>
  [name, outcome, answers, requests, options] as const

describe("the search for the metadata of a server that names its authorization server", () => {
  const rows: ReadonlyArray<Row> = [
    ["the path's document", { [P]: ours }, `${P} ${issuer}`, [P, A]],
    [
      "the path's document with 203",
      {
        [P]: Answer.json({ resource: S, authorization_servers: [issuer] }, { status: 203 })
      },
      `${P} ${issuer}`,
      [P, A]
    ],
    ["the path's document before a root's", { [P]: ours, [R]: misleading(parent) }, `${P} ${issuer}`, [P, A]],
    ["a path with 404, a challenge", { [P]: missing, [S]: naming(M), [M]: ours }, `${M} ${issuer}`, [P, S, M, A]],
    ["a challenge that names another host", { [S]: naming(N), [N]: ours }, `${N} ${issuer}`, [P, S, N, A]],
    ["a foreign document at the path", { [P]: document(foreign), [S]: naming(M), [M]: ours }, `${M} ${issuer}`, [
      P,
      S,
      M,
      A
    ]],
    ["HTML at the path", { [P]: Answer.html(), [S]: naming(M), [M]: ours }, `${M} ${issuer}`, [P, S, M, A]],
    ["an outage at the path", { [P]: down, [S]: naming(M), [M]: ours }, `${M} ${issuer}`, [P, S, M, A]],
    ["a reset at the path", { [P]: Answer.dropped, [S]: naming(M), [M]: ours }, `${M} ${issuer}`, [P, S, M, A]],
    ["silence at the path", { [P]: Answer.never, [S]: naming(M), [M]: ours }, `${M} ${issuer}`, [P, S, M, A]],
    [
      "a parent's document at the root before the challenge was asked for",
      {
        [R]: misleading(parent),
        [S]: naming(M),
        [M]: ours
      },
      `${M} ${issuer}`,
      [P, S, M, A]
    ],
    ["another API's document at the root", { [R]: misleading(foreign), [S]: naming(M), [M]: ours }, `${M} ${issuer}`, [
      P,
      S,
      M,
      A
    ]],
    [
      "a challenge without an address, a parent at the root",
      { [R]: document(parent), [S]: unauthorized("Bearer") },
      `${R} ${issuer}`,
      [
        P,
        S,
        R,
        A
      ]
    ],
    [
      "a named address with 404, a parent at the root",
      { [R]: document(parent), [S]: naming(M), [M]: missing },
      `${R} ${issuer}`,
      [
        P,
        S,
        M,
        R,
        A
      ]
    ],
    [
      "an outage of the named address, a parent at the root",
      { [R]: misleading(parent), [S]: naming(M), [M]: down },
      "DiscoveryError Unavailable",
      [
        P,
        S,
        M,
        R
      ]
    ],
    [
      "an outage of the named address, exactly this server at the root",
      { [R]: ours, [S]: naming(M), [M]: down },
      `${R} ${issuer}`,
      [
        P,
        S,
        M,
        R,
        A
      ]
    ],
    [
      "an outage of the path that the challenge names too, a parent at the root",
      {
        [P]: down,
        [R]: misleading(parent),
        [S]: naming(P)
      },
      "DiscoveryError Unavailable",
      [P, S, R]
    ],
    [
      "an outage of the path, exactly this server with a slash at the root",
      {
        [P]: down,
        [R]: document(`${S}/`),
        [S]: unauthorized("Bearer")
      },
      `${R} ${issuer}`,
      [P, S, R, A]
    ],
    [
      "an outage of the server itself, a parent at the root",
      { [R]: misleading(parent), [S]: down },
      "DiscoveryError Unavailable",
      [
        P,
        S,
        `POST ${S}`,
        R
      ]
    ],
    [
      "HTML at the path, another API's document at the root",
      { [P]: Answer.html(), [R]: misleading(foreign), [S]: unauthorized("Bearer") },
      "ResourceMismatch",
      [
        P,
        S,
        R
      ]
    ],
    ["two challenges, the first address with 404", { [S]: naming(N, M), [N]: missing, [M]: ours }, `${M} ${issuer}`, [
      P,
      S,
      N,
      M,
      A
    ]],
    [
      "two challenges, the first address with a foreign document",
      {
        [S]: naming(N, M),
        [N]: misleading(foreign),
        [M]: ours
      },
      `${M} ${issuer}`,
      [P, S, N, M, A]
    ],
    [
      "two challenges, the first address on a private host",
      { [S]: naming("https://10.0.0.1/mcp", M), [M]: ours },
      `${M} ${issuer}`,
      [
        P,
        S,
        M,
        A
      ]
    ],
    ["a DPoP challenge", { [S]: unauthorized(`DPoP resource_metadata="${M}"`), [M]: ours }, `${M} ${issuer}`, [
      P,
      S,
      M,
      A
    ]],
    ["an address that is not a URL", { [S]: naming("/meta"), [R]: ours }, `${R} ${issuer}`, [P, S, R, A]],
    [
      "a 403 whose challenge names the metadata",
      {
        [S]: Answer.status(403, { headers: { "www-authenticate": `Bearer resource_metadata="${M}"` } }),
        [M]: ours
      },
      `${M} ${issuer}`,
      [P, S, M, A]
    ],
    ["a GET with 405", { [S]: Answer.status(405), [`POST ${S}`]: naming(M), [M]: ours }, `${M} ${issuer}`, [
      P,
      S,
      `POST ${S}`,
      M,
      A
    ]],
    ["a GET with 503", { [S]: down, [`POST ${S}`]: naming(M), [M]: ours }, `${M} ${issuer}`, [
      P,
      S,
      `POST ${S}`,
      M,
      A
    ]],
    ["a GET that hangs", { [S]: Answer.never, [`POST ${S}`]: naming(M), [M]: ours }, `${M} ${issuer}`, [
      P,
      S,
      `POST ${S}`,
      M,
      A
    ]],
    ["a `resource` with a user name", { [P]: document("https://a@mcp.example.com/mcp"), [R]: ours }, `${R} ${issuer}`, [
      P,
      S,
      `POST ${S}`,
      R,
      A
    ]],
    ["a `resource` with a slash at its end", { [P]: document(`${S}/`) }, `${P} ${issuer}`, [P, A]],
    [
      "a server with a slash at its end, no document for it",
      {
        [P]: document(`${S}/`)
      },
      `${P} ${issuer}`,
      [`${P}/`, P, A],
      { server: `${S}/` }
    ],
    ["a server without a path", { [R]: document(parent) }, `${R} ${issuer}`, [R, A], { server: parent }],
    [
      "a parent's document at the path with `identical`",
      {
        [P]: misleading(parent),
        [S]: unauthorized("Bearer")
      },
      "ResourceMismatch",
      [P, S, R],
      { more: { resourceMatch: "identical" } }
    ],
    [
      "no list of authorization servers",
      { [P]: document(S, null), [S]: unauthorized("Bearer"), [R]: misleading(parent) },
      "DiscoveryError NoAuthorizationServer",
      [P, S]
    ],
    [
      "no list of authorization servers at the path, and a challenge that names a document with one",
      { [P]: document(S, null), [S]: naming(M), [M]: ours },
      `${M} ${issuer}`,
      [P, S, M, A]
    ],
    [
      "a named address with a user name and a password",
      { [S]: naming("https://user:password@mcp.example.com/meta/mcp"), [M]: misleading(S) },
      "DiscoveryError NotFound",
      [P, S, R]
    ],
    [
      "a redirect to an address with a user name and a password",
      { [P]: Answer.redirect("https://user:password@mcp.example.com/meta/mcp"), [M]: misleading(S) },
      "DiscoveryError NotFound",
      [P, S, `POST ${S}`, R]
    ],
    [
      "an outage of the authorization server's first address",
      { [P]: ours, [A]: down, [O]: metadata() },
      `${P} ${issuer}`,
      [
        P,
        A,
        O
      ]
    ],
    [
      "another issuer's document at the authorization server's first address",
      {
        [P]: ours,
        [A]: metadata("https://evil.example"),
        [O]: metadata()
      },
      `${P} ${issuer}`,
      [P, A, O]
    ],
    [
      "501 at the authorization server's addresses",
      { [P]: ours, [A]: Answer.status(501), [O]: Answer.status(505) },
      "DiscoveryError NotFound",
      [
        P,
        A,
        O
      ]
    ],
    ["the address that the caller gave", { [M]: ours, [P]: misleading(S) }, `${M} ${issuer}`, [M, A], {
      more: { resourceMetadataUrl: new URL(M) }
    }],
    ["an address that the caller gave, with 404", { [P]: ours, [S]: naming(P) }, "DiscoveryError NotFound", [M], {
      more: { resourceMetadataUrl: new URL(M) }
    }],
    [
      "an address that the caller gave, with a foreign document",
      { [M]: misleading(foreign), [P]: ours },
      "ResourceMismatch",
      [M],
      {
        more: { resourceMetadataUrl: new URL(M) }
      }
    ],
    ["the authorization server's address that the caller gave", { [P]: ours, [N]: metadata() }, `${P} ${issuer}`, [
      P,
      N
    ], {
      more: { authorizationServerMetadataUrl: new URL(N) }
    }]
  ]

  it.effect.each(rows.map(withOutcome))(
    "with %s, the result is: %s",
    ([, outcome, answers, requests, options]) =>
      Effect.gen(function*() {
        const found = yield* discover(answers, options)
        expect(summary(found.result)).toBe(outcome)
        assert.deepStrictEqual(found.requests, [...requests])
      })
  )
})

describe("the search for the metadata of a server whose issuer is pinned", () => {
  const rows: ReadonlyArray<Row> = [
    ["the path's document", { [P]: ours }, `${P} ${issuer}`, [P, A]],
    ["500 at every address of the server", { [P]: Answer.status(500), [R]: Answer.status(500) }, `nothing ${issuer}`, [
      P,
      R,
      A
    ]],
    ["a reset at every address of the server", { [P]: Answer.dropped, [R]: Answer.dropped }, `nothing ${issuer}`, [
      P,
      R,
      A
    ]],
    ["silence at every address of the server", { [P]: Answer.never, [R]: Answer.never }, `nothing ${issuer}`, [P, A]],
    [
      "a foreign document at every address",
      { [P]: misleading(foreign), [R]: misleading(foreign) },
      `nothing ${issuer}`,
      [
        P,
        R,
        A
      ]
    ],
    ["an HTML page at every address", { [P]: Answer.html(), [R]: Answer.html() }, `nothing ${issuer}`, [P, R, A]],
    ["a parent at the root that lists the pin", { [R]: document(parent) }, `${R} ${issuer}`, [P, R, A]],
    ["a document that does not list the pin", { [P]: misleading(S) }, "IssuerMismatch NotListed", [P, A]],
    [
      "a parent at the root that does not list the pin",
      { [R]: misleading(parent), [S]: unauthorized("Bearer") },
      "IssuerMismatch NotListed",
      [P, R, S, A]
    ],
    [
      "a parent at the root that does not list the pin, and a challenge that names a document that does",
      { [R]: misleading(parent), [S]: naming(M), [M]: ours },
      `${M} ${issuer}`,
      [P, R, S, M, A]
    ],
    [
      "a parent at the root that does not list the pin, and a challenge that names another such document",
      { [R]: misleading(parent), [S]: naming(M), [M]: misleading(S) },
      "IssuerMismatch NotListed",
      [P, R, S, M, A]
    ],
    [
      "a parent at the root that does not list the pin, and a server that never answers",
      { [R]: misleading(parent), [S]: Answer.never },
      "IssuerMismatch NotListed",
      [P, R, S, `POST ${S}`, A]
    ],
    ["a parent at the root after an outage of the path", { [P]: down, [R]: misleading(parent) }, `nothing ${issuer}`, [
      P,
      R,
      A
    ]],
    ["an empty list", { [P]: document(S, []) }, `${P} ${issuer}`, [P, A]],
    ["no list", { [P]: Answer.json({ resource: S }) }, `${P} ${issuer}`, [P, A]],
    ["a parent's document at the path with `identical`", { [P]: misleading(parent) }, `nothing ${issuer}`, [P, R, A], {
      more: { resourceMatch: "identical" }
    }],
    ["an address that the caller gave, with 404", { [P]: misleading(S) }, `nothing ${issuer}`, [M, A], {
      more: { resourceMetadataUrl: new URL(M) }
    }],
    ["the authorization server's address that the caller gave", { [P]: ours, [N]: metadata() }, `${P} ${issuer}`, [
      P,
      N
    ], {
      more: { authorizationServerMetadataUrl: new URL(N) }
    }],
    [
      "the authorization server's address that the caller gave, of another issuer",
      {
        [P]: ours,
        [N]: metadata("https://evil.example")
      },
      "IssuerMismatch Metadata",
      [P, N],
      { more: { authorizationServerMetadataUrl: new URL(N) } }
    ]
  ]

  it.effect.each(rows.map(withOutcome))(
    "with %s, the result is: %s",
    ([, outcome, answers, requests, options]) =>
      Effect.gen(function*() {
        const found = yield* discover(answers, { issuer, ...options })
        expect(summary(found.result)).toBe(outcome)
        // The two documents are read at once.
        assert.deepStrictEqual(found.requests.toSorted(), [...requests].toSorted())
      })
  )
})

describe("the error of a search without a result says what the server's own address answered", () => {
  const html = Answer.html()
  const rows: ReadonlyArray<
    readonly [name: string, answer: Answer.Answer, reason: string, said: string, advice: string]
  > = [
    ["404", missing, "NotFound", `${S} itself answered 404`, "Check the path of `serverUrl`"],
    [
      "405 for GET and POST",
      Answer.status(405),
      "NotFound",
      `${S} itself answered 405`,
      "Check the path of `serverUrl`"
    ],
    [
      "a login page elsewhere",
      Answer.redirect("https://login.example.com/sso?state=secret"),
      "NotFound",
      `${S} itself redirects to https://login.example.com/sso. `,
      "if it is a login page"
    ],
    [
      "another spelling",
      Answer.redirect("/mcp/", 307),
      "NotFound",
      `${S} itself redirects to https://mcp.example.com/mcp/. `,
      "Write that address as `serverUrl`"
    ],
    ["421", Answer.status(421), "NotFound", `${S} itself answered 421`, "Check the host and the port of `serverUrl`"],
    ["403", Answer.status(403), "NotFound", `${S} itself answered 403`, "firewall"],
    ["a website", html, "NotFound", `${S} itself answered 200 with an HTML page`, "Check the path of `serverUrl`"],
    ["400", Answer.status(400), "NotFound", `${S} itself answered 400`, "pin `issuer`"],
    [
      "a JSON answer without a token",
      Answer.json({ jsonrpc: "2.0", id: 0, result: {} }),
      "TokenNotRequired",
      `${S} itself answered 200. `,
      "so it needs none: call the server without this library"
    ],
    ["202 without a token", Answer.status(202), "TokenNotRequired", `${S} itself answered 202. `, "so it needs none"],
    ["503", down, "Unavailable", `${S} itself answered 503`, "The server may recover: try again later."],
    ["a reset", Answer.dropped, "Unavailable", `${S} itself: the connection failed`, ""],
    [
      "401 without a challenge",
      Answer.status(401),
      "NotFound",
      `${S} itself answered 401 without a challenge (\`WWW-Authenticate\`)`,
      "pin `issuer` to the authorization server that issues tokens for it"
    ],
    [
      "401 for another scheme",
      unauthorized("Basic realm=\"x\""),
      "NotFound",
      "answered 401 without a Bearer challenge that could be read, `WWW-Authenticate: Basic realm=\"x\"`",
      "pin `issuer`"
    ],
    [
      "401 with a challenge that cannot be read",
      unauthorized("Bearer resource_metadata=see below"),
      "NotFound",
      "could not be read in whole, `WWW-Authenticate: Bearer resource_metadata=see below`",
      "Tell the server's operator"
    ],
    [
      "401 with a challenge without an address",
      unauthorized("Bearer realm=\"x\""),
      "NotFound",
      `${S} itself answered 401 with a challenge. `,
      "Pin `issuer` to the authorization server that issues tokens for it, or give `resourceMetadataUrl`."
    ]
  ]

  it.effect.each([...rows])("%s", ([, answer, reason, said, advice]) =>
    Effect.gen(function*() {
      const { requests, result } = yield* discover({ [S]: answer })
      const error = Either.getOrThrow(Either.flip(result))
      assert(error._tag === "DiscoveryError")
      expect(error.reason).toBe(reason)
      expect(error.transient).toBe(reason === "Unavailable")
      expect(error.message).toContain(`No protected resource metadata for ${S}: ${P} answered 404; ${R} answered 404; `)
      expect(error.message).toContain(said)
      expect(error.message).toContain(advice)
      expect(error.message).not.toContain("secret")
      expect(requests.every((url) => url.includes("https://mcp.example.com/"))).toBe(true)
    }))

  it.effect("a foreign document is the error if the server's answer says less", () =>
    Effect.gen(function*() {
      const foreignAt = (answer: Answer.Answer) =>
        Effect.map(discover({ [P]: document(foreign), [S]: answer }), ({ result }) => summary(result))
      expect(yield* foreignAt(missing)).toBe("ResourceMismatch")
      expect(yield* foreignAt(unauthorized("Bearer"))).toBe("ResourceMismatch")
      expect(yield* foreignAt(Answer.status(401))).toBe("DiscoveryError NotFound")
      expect(yield* foreignAt(Answer.redirect("https://login.example.com/"))).toBe("DiscoveryError NotFound")
      expect(yield* foreignAt(Answer.json({}))).toBe("DiscoveryError TokenNotRequired")
      expect(yield* foreignAt(down)).toBe("DiscoveryError Unavailable")
    }))

  it.effect.each(
    [
      ["nothing found", { [S]: missing }],
      ["a foreign document", { [`${P}?key=s3cret`]: document(`${foreign}?key=s3cret`) }],
      ["no authorization server", { [`${P}?key=s3cret`]: document(`${S}?key=s3cret`, []) }],
      ["an outage", { [`${P}?key=s3cret`]: down }]
    ] as const
  )("the query of the server's URL is in no message (%s)", ([, answers]) =>
    Effect.gen(function*() {
      const { result } = yield* discover(answers, { server: `${S}?key=s3cret` })
      const error = Either.getOrThrow(Either.flip(result))
      expect(error.message).toContain(S)
      expect(error.message).not.toContain("s3cret")
    }))

  it.effect("the longest `Retry-After` of all addresses and of the server itself is the wait of the error", () =>
    Effect.gen(function*() {
      const busy = (seconds: number) => Answer.status(429, { headers: { "retry-after": String(seconds) } })
      const { result } = yield* discover({ [P]: busy(5), [S]: busy(30), [R]: busy(7) })
      expect(Either.getOrThrow(Either.flip(result))).toMatchObject({ reason: "Unavailable", retryAfter: 30_000 })
    }))

  it.effect("no more than four addresses of challenges are requested", () =>
    Effect.gen(function*() {
      const urls = Array.from({ length: 50 }, (_, i) => `https://mcp.example.com/meta/${i}`)
      const { requests } = yield* discover({ [S]: naming(...urls) })
      assert.deepStrictEqual(requests, [P, S, ...urls.slice(0, 4), R])
    }))
})

describe("the metadata of a server that has moved", () => {
  it.effect("the challenge of the moment decides, not the remembered one, before a parent's document at the root", () =>
    Effect.gen(function*() {
      const moved = "https://mcp.example.com/new/mcp"
      const network = yield* serve({ [S]: naming(M), [M]: ours, [A]: metadata(), [X]: metadata(other) })
      const discovery = Discovery.make({
        cache: yield* DiscoveryCache.make(),
        client: network.httpClient,
        server: Either.getOrThrow(ResourceIdentifier.fromServerUrl(S)),
        issuer: "discover",
        // An authorization server of another API that is followed would get the secret.
        follow: true,
        onChange: () => Effect.void,
        limits: defaultLimits,
        timeout: Duration.seconds(30)
      })
      expect((yield* discovery.get).protectedResource?.url).toBe(M)
      yield* TestClock.adjust("1 day")
      yield* network.clear
      for (
        const [url, answer] of Object.entries({
          [S]: naming(moved),
          [M]: missing,
          [moved]: ours,
          [R]: misleading(parent)
        })
      ) yield* network.always((request) => request.url === url, answer)
      const found = yield* discovery.get
      expect(found.protectedResource?.url).toBe(moved)
      expect(found.authorizationServer.issuer).toBe(issuer)
      expect(Challenge.resourceMetadata(found.challenge ?? assert.fail("no challenge"))).toBe(moved)
      const requests = yield* network.requests
      assert.deepStrictEqual(requests.map(({ url }) => url), [M, P, S, moved, A])
    }).pipe(Effect.scoped, Effect.provide(TestNetwork.layer)))
})

describe("the time limit of a discovery", () => {
  it.effect("a discovery whose addresses all hang ends at its time limit, and the error names each", () =>
    Effect.gen(function*() {
      const network = yield* serve({ [P]: Answer.never, [S]: Answer.never, [R]: Answer.never })
      const cache = yield* DiscoveryCache.make()
      const server = Either.getOrThrow(ResourceIdentifier.fromServerUrl(S))
      const discovery = Discovery.make({
        cache,
        client: network.httpClient,
        server,
        issuer: "discover",
        follow: false,
        onChange: () => Effect.void,
        limits: defaultLimits,
        timeout: Duration.seconds(25)
      })
      const fiber = yield* Effect.fork(Effect.flip(discovery.get))
      yield* TestClock.adjust("24999 millis")
      expect(fiber.unsafePoll()).toBeNull()
      yield* TestClock.adjust("1 millis")
      const error = yield* Fiber.join(fiber)
      assert(error._tag === "DiscoveryError")
      expect(error.transient).toBe(true)
      expect(error.message).toContain(`${P}: no complete answer within 10s`)
      expect(error.message).toContain(`${R} was not asked, because the time limit of discovery was over`)
      expect(error.message).toContain(`${S} itself: no complete answer within 5s`)
      expect(error.message).toContain("raise `discoveryTimeout`")
    }).pipe(Effect.scoped, Effect.provide(TestNetwork.layer)))
})
