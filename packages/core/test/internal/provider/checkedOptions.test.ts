import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { TestServers } from "@effect-mcp-auth/testing"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Either, Exit, Layer, Redacted } from "effect"
import { inspect } from "node:util"
import { ClientAuthentication } from "../../../src/index.ts"
import { givenAuthorizationServer } from "../../../src/internal/provider/checkedOptions.ts"
import { environment, makeProvider } from "../../support/provider.ts"
import { sent } from "../../support/wire.ts"

type Options = Partial<ClientSecret.Options>

const wrong: ReadonlyArray<readonly [what: string, options: Options, tag: string, option: string, says: string]> = [
  [
    "a server URL without a scheme",
    { serverUrl: "mcp.example.com/mcp" },
    "InvalidOptions",
    "serverUrl",
    "is not a URL"
  ],
  ["an empty server URL", { serverUrl: "" }, "InvalidOptions", "serverUrl", "is not a URL"],
  ["a path", { serverUrl: "/mcp" }, "InvalidOptions", "serverUrl", "Write it whole"],
  ["a fragment", { serverUrl: "https://mcp.example.com/#a" }, "InvalidOptions", "serverUrl", "has a fragment"],
  [
    "credentials in the server URL",
    { serverUrl: "https://user:canary@mcp.example.com/" },
    "InvalidOptions",
    "serverUrl",
    "user name or password"
  ],
  ["http on a public host", { serverUrl: "http://mcp.example.com/mcp" }, "InsecureEndpoint", "server", "is not https"],
  ["http on a private host", { serverUrl: "http://10.0.0.1/mcp" }, "InsecureEndpoint", "server", "is not https"],
  ["another scheme", { serverUrl: "ftp://mcp.example.com/mcp" }, "InvalidOptions", "serverUrl", "is not a URL"],
  ["a forgotten scheme", { serverUrl: "localhost:3000/mcp" }, "InvalidOptions", "serverUrl", "\"localhost:3000/mcp\""],
  [
    "an issuer that is not a URL",
    { issuer: "auth.example.com" },
    "InvalidOptions",
    "issuer",
    "\"auth.example.com\" is"
  ],
  ["an empty issuer", { issuer: "" }, "InvalidOptions", "issuer", "neither \"discover\" nor a URL"],
  ["an issuer with a query", { issuer: "https://a.example?x=1" }, "InvalidOptions", "issuer", "without query"],
  ["an issuer with a fragment", { issuer: "https://a.example#" }, "InvalidOptions", "issuer", "fragment"],
  [
    "credentials in the issuer",
    { issuer: "https://user:canary-password@auth.example.com" },
    "InvalidOptions",
    "issuer",
    "auth.example.com"
  ],
  ["an issuer on http", { issuer: "http://auth.example.com" }, "InsecureEndpoint", "issuer", "is not https"],
  ["an empty client id", { clientId: "" }, "InvalidOptions", "clientId", "it is empty. Give the client id."],
  [
    "an empty client secret",
    { clientSecret: Redacted.make("") },
    "InvalidOptions",
    "clientSecret",
    "it is empty. Give the client's secret."
  ],
  [
    "two scopes in one",
    { scopes: ["a", "b c"] },
    "InvalidOptions",
    "scopes",
    "\"b c\" is not a scope token (RFC 6749 §3.3)"
  ],
  ["an empty scope", { scopes: [""] }, "InvalidOptions", "scopes", "\"\" is not a scope token"],
  ["a scope with a quote", { scopes: ["a\""] }, "InvalidOptions", "scopes", "is not a scope token"],
  ...[
    "assertion",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "grant_type",
    "refresh_token",
    "resource",
    "scope"
  ].map((name) =>
    [
      `${name} as a parameter of the caller's own`,
      { additionalParameters: { audience: "x", [name]: "x" } },
      "InvalidOptions",
      "additionalParameters",
      `"${name}" is set by the protocol.`
    ] as const
  ),
  ...["DPoP", "dpop", "mac", "PoP"].map((type) =>
    [
      `the token type ${type}, which needs a proof`,
      { acceptedTokenTypes: ["BearerToken", type] },
      "InvalidOptions",
      "acceptedTokenTypes",
      `a token of type "${type}" needs a proof of possession, which this client does not send.`
    ] as const
  ),
  ...["", " "].map((type) =>
    [
      `the token type ${JSON.stringify(type)}`,
      { acceptedTokenTypes: ["BearerToken", type] },
      "InvalidOptions",
      "acceptedTokenTypes",
      "one of its entries is empty. Give one token type per entry."
    ] as const
  ),
  ...[0, -1, Number.NaN, Number.NEGATIVE_INFINITY].map((maxResponseSize) =>
    [
      `a response size of ${maxResponseSize}`,
      { maxResponseSize },
      "InvalidOptions",
      "maxResponseSize",
      `${maxResponseSize} is not a number of bytes above 0.`
    ] as const
  ),
  // As from JavaScript, or from a file: the compiler has not seen these.
  [
    "a time limit that is not a duration",
    JSON.parse("{ \"requestTimeout\": \"soon\" }"),
    "InvalidOptions",
    "requestTimeout",
    "this is not a duration"
  ],
  [
    "a refresh policy with a duration that is none",
    JSON.parse("{ \"refreshPolicy\": { \"leaseTimeout\": \"3 secondz\" } }"),
    "InvalidOptions",
    "refreshPolicy",
    "one of its durations is not a duration"
  ],
  ...([0, "0 seconds", Number.NaN, -1] as const).map((requestTimeout) =>
    [
      `a time limit of ${requestTimeout}`,
      { requestTimeout },
      "InvalidOptions",
      "requestTimeout",
      "is not a time above 0"
    ] as const
  ),
  [
    "metadata without a token endpoint",
    { authorizationServerMetadata: { issuer: "https://auth.example.com" } },
    "InvalidOptions",
    "authorizationServerMetadata",
    "token_endpoint"
  ],
  [
    "metadata that is null",
    { authorizationServerMetadata: null },
    "InvalidOptions",
    "authorizationServerMetadata",
    "Expected"
  ],
  [
    "metadata of another issuer",
    { authorizationServerMetadata: { issuer: "https://evil.example", token_endpoint: "https://evil.example/token" } },
    "InvalidOptions",
    "authorizationServerMetadata",
    "\"https://evil.example\""
  ],
  [
    "metadata with a token endpoint that is not a URL",
    { authorizationServerMetadata: { issuer: "https://auth.example.com", token_endpoint: "/token" } },
    "InvalidOptions",
    "authorizationServerMetadata",
    "not an absolute URL"
  ],
  [
    "metadata with a token endpoint on http",
    {
      authorizationServerMetadata: {
        issuer: "https://auth.example.com",
        token_endpoint: "http://auth.example.com/token"
      }
    },
    "InsecureEndpoint",
    "token endpoint",
    "is not https"
  ],
  [
    "a token endpoint that is not a URL",
    { tokenEndpoint: "/token" },
    "InvalidOptions",
    "tokenEndpoint",
    "Write it whole"
  ],
  [
    "a token endpoint on http",
    { tokenEndpoint: "http://auth.example.com/token" },
    "InsecureEndpoint",
    "token endpoint",
    "is not https"
  ],
  [
    "a token endpoint without an issuer",
    { tokenEndpoint: "https://auth.example.com/token", issuer: "discover" },
    "InvalidOptions",
    "tokenEndpoint",
    "Set `issuer` as well."
  ],
  [
    "a token endpoint with credentials",
    { tokenEndpoint: "https://user:canary@auth.example.com/token" },
    "InvalidOptions",
    "tokenEndpoint",
    "user name or password"
  ],
  [
    "a token endpoint with a fragment (RFC 6749 §3.2)",
    { tokenEndpoint: "https://auth.example.com/token#a" },
    "InvalidOptions",
    "tokenEndpoint",
    "fragment"
  ]
]

describe("a wrong option fails when the provider is made, before anything is sent", () => {
  it.scoped.each(wrong)("%s fails before anything is sent", ([, options, tag, option, says]) =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(makeProvider(options))
      assert(Exit.isFailure(exit), "it was accepted")
      const error = yield* Effect.flip(exit)
      expect(error._tag).toBe(tag)
      expect(error._tag === "InvalidOptions" ? error.option : error.endpoint).toBe(option)
      expect(error.message).toContain(says)
      assert.deepStrictEqual(yield* sent, [])
    }).pipe(Effect.provide(environment())))

  it.effect("a wrong option is a typed failure of the Layer", () =>
    Effect.gen(function*() {
      const { clientId, clientSecret, issuer } = yield* TestServers.TestServers
      const layer = ClientSecret.layer({ serverUrl: "http://mcp.example.com", issuer, clientId, clientSecret })
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
      expect(error._tag).toBe("InsecureEndpoint")
      assert.deepStrictEqual(yield* sent, [])
    }).pipe(Effect.provide(environment())))
})

/** Options as JavaScript may give them: the compiler has not seen the value. */
const untyped = (option: string, value: unknown): Options => Object.assign({}, { [option]: value })

const SECRET = "canary-q7-Zk2wX9pLm"

const mistakes: ReadonlyArray<readonly [option: string, what: string, value: unknown, says: string]> = [
  ...["serverUrl", "issuer", "clientId", "clientSecret"].flatMap((option) =>
    [
      [option, "undefined", undefined, "it is undefined. Give a value; if it comes from a variable, check"],
      [option, "null", null, "it is null. Give a value"],
      [option, "a number", 7, "it is a number. Give a string."],
      [option, "an array", ["x"], "it is an array. Give a string."],
      [option, "an object", {}, "it is an object. Give a string."]
    ] as const
  ),
  ["clientId", "a wrapped id", Redacted.make(SECRET), "it is a `Redacted`. Give the text itself"],
  ["clientId", "white space", " \t", "it is empty"],
  ["clientId", "a line break at the end", "nightly\n", "it ends with a line break"],
  ["clientId", "a tab in it", "a\tb", "it holds a control character"],
  ["clientId", "a byte order mark", "\ufeffnightly", "it holds a byte order mark (U+FEFF)"],
  ["clientSecret", "a plain string", SECRET, "it is a plain string. Wrap it in `Redacted.make`."],
  ["clientSecret", "a wrapped undefined", Redacted.make(undefined), "its `Redacted` holds undefined. Give a value"],
  ["clientSecret", "a wrapped null", Redacted.make(null), "its `Redacted` holds null. Give a value"],
  ["clientSecret", "a wrapped number", Redacted.make(12345678), "its `Redacted` holds a number. Give a string."],
  ["clientSecret", "a wrapped object", Redacted.make({ SECRET }), "its `Redacted` holds an object"],
  ["clientSecret", "a line break at the end", Redacted.make(`${SECRET}\n`), "Take the line break off the end"],
  ["clientSecret", "CRLF at the end", Redacted.make(`${SECRET}\r\n`), "it ends with a line break"],
  ["clientSecret", "a line break within", Redacted.make(`${SECRET}\nx`), "it holds a control character"],
  ["clientSecret", "a null character", Redacted.make(`${SECRET}\0`), "it holds a control character"],
  ["clientSecret", "a C1 control character", Redacted.make(`${SECRET}\u0085x`), "it holds a control character"],
  ["clientSecret", "a byte order mark", Redacted.make(`\ufeff${SECRET}`), "Save the file as UTF-8 without one"],
  ["clientSecret", "half a surrogate pair", Redacted.make(`${SECRET}\ud83c`), "it is not valid Unicode"],
  ["clientSecret", "white space", Redacted.make("  "), "it is empty. Give the client's secret."],
  [
    "tokenEndpointAuthMethod",
    "another method",
    "client_secret_jwt",
    "\"client_secret_jwt\" is not one of the allowed values"
  ],
  [
    "tokenEndpointAuthMethod",
    "a number",
    7,
    "a number is not one of the allowed values. Write \"client_secret_basic\", "
  ],
  ["tokenEndpointAuthMethod", "a name of Object's", "toString", "is not one of the allowed values"],
  ["serverUrl", "an object like a URL", { href: 7 }, "it is an object"],
  ["serverUrl", "a byte order mark", "\ufeffhttps://mcp.example.com", "is not a URL"],
  ["issuer", "a line break at the end", "https://auth.example.com\n", "it ends with a line break"],
  ["issuer", "a byte order mark", "\ufeffhttps://auth.example.com", "it holds a byte order mark"],
  ["scopes", "null", null, "it is null. Give an array with one scope per entry, or leave it out."],
  ["scopes", "a string", "reports:read", "it is a string. Give an array"],
  ["scopes", "an empty string", "", "it is a string. Give an array"],
  ["scopes", "a number", 7, "it is a number. Give an array"],
  ["scopes", "an object", {}, "it is an object. Give an array"],
  ["scopes", "an undefined entry", ["a", undefined], "one of its entries is undefined. Give a value; if it comes from"],
  ["scopes", "a null entry", [null], "one of its entries is null"],
  ["scopes", "an entry that is an array", [["a"]], "one of its entries is an array"],
  ["tokenEndpoint", "null", null, "it is null"],
  ["tokenEndpoint", "a number", 7, "it is a number"],
  ["tokenEndpoint", "a line break at the end", "https://auth.example.com/token\n", "it ends with a line break"],
  ["refreshPolicy", "null", null, "it is null. Give an object of `RefreshPolicy.Options`"],
  ["refreshPolicy", "a text", "5 minutes", "it is a string. Give an object"],
  ["requestTimeout", "null", null, "this is not a duration"],
  ["additionalParameters", "null", null, "it is null. Give an object of names and texts"],
  ["additionalParameters", "a text", "audience=x", "it is a string. Give an object"],
  ["additionalParameters", "an undefined value", { audience: undefined }, "\"audience\" is undefined. Give a value"],
  ["additionalParameters", "a number", { max_age: 7 }, "\"max_age\" is a number. Give a string."],
  ["resourceParameter", "null", null, "it is none of the allowed values"],
  ["resourceParameter", "a plain value", "https://mcp.example.com", "Write \"send\", \"omit\" or { value: \"…\" }."],
  ["resourceParameter", "an undefined value", { value: undefined }, "it is undefined. Give a value"],
  ["stepUp", "null", null, "null is not one of the allowed values. Write \"any\", false, or the scopes"],
  ["stepUp", "true", true, "true is not one of the allowed values. Write \"any\", false, or the scopes"],
  ["stepUp", "the text of a variable", "false", "\"false\" is not one of the allowed values"],
  ["stepUp", "a wrapped text", Redacted.make("any"), "a `Redacted` is not one of the allowed values"],
  ["stepUp", "an array", ["admin"], "an array is not one of the allowed values"],
  ["stepUp", "an object without `allow`", {}, "it is an object without `allow`. Write \"any\", false, or the scopes"],
  ["stepUp", "a text as `allow`", { allow: "admin" }, "`allow` is a string. Give an array"],
  ["stepUp", "null as `allow`", { allow: null }, "it is null. Give an array with one scope per entry"],
  ["stepUp", "two scopes in an entry of `allow`", { allow: ["a b"] }, "\"a b\" is not a scope token"],
  ["authorizationServerChange", "follow, with a secret", "follow", "a client secret does not follow the MCP server"],
  ["authorizationServerChange", "another word", "Follow", "\"Follow\" is not one of the allowed values"]
]

describe("a mistake of JavaScript, or a variable that is not set, is InvalidOptions of its option", () => {
  it.scoped.each(mistakes)("%s: %s", ([option, _, value, says]) =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(makeProvider(untyped(option, value)))
      assert(Exit.isFailure(exit), "it was accepted")
      const error = yield* Effect.flip(exit)
      assert(error._tag === "InvalidOptions")
      expect(error.option).toBe(option)
      expect(error.message).toContain(says)
      expect(error.message).not.toContain("canary")
      assert.deepStrictEqual(yield* sent, [])
    }).pipe(Effect.provide(environment())))

  const mistyped = [
    "https//user:canary-password@mcp.example.com/mcp",
    "htps://user:canary-password@mcp.example.com/mcp",
    "user:canary-password@mcp.example.com",
    "https:/\\user:canary?password@mcp example.com",
    "https//mcp.example.com/mcp?key=canary",
    "//mcp.example.com/mcp#canary",
    "https://user:canary-password@mcp.example.com:port/mcp"
  ]
  it.scoped.each(
    ["serverUrl", "issuer", "tokenEndpoint"].flatMap((option) => mistyped.map((text) => [option, text] as const))
  )("%s: %s is refused without showing a password or a query", ([option, text]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(makeProvider(untyped(option, text)))
      assert(error._tag === "InvalidOptions")
      expect(error.option).toBe(option)
      for (const shown of [error.message, String(error), JSON.stringify(error), inspect(error)]) {
        expect(shown).not.toContain("canary")
      }
    }).pipe(Effect.provide(environment())))
})

describe("an authorization server that the caller has described", () => {
  const issuer = "https://auth.example.com"
  const elsewhere = "https://login.example.net/token"
  it.each<readonly [option: string, described: object]>([
    ["authorizationServerMetadata", { authorizationServerMetadata: { issuer, token_endpoint: elsewhere } }],
    ["tokenEndpoint", { tokenEndpoint: elsewhere }]
  ])("`%s` gives the token endpoint, which may be on another origin than the issuer", (_, described) => {
    const clientAuthentication = ClientAuthentication.anonymous
    expect(Either.getOrThrow(givenAuthorizationServer({ issuer, clientAuthentication, ...described }, {})))
      .toMatchObject({ issuer, tokenEndpoint: new URL(elsewhere), isEndpointGiven: true })
  })
})

describe("an option that is unusual but valid is accepted", () => {
  it.scoped.each(["nightly report", "a:b+%", "Müller", "机器", "🤖", "https://client.example.com/id", "a\u00a0b"])(
    "the client id %s is accepted, and arrives",
    (clientId) =>
      Effect.gen(function*() {
        const token = yield* Effect.flatMap(makeProvider(), ({ accessToken }) => accessToken)
        const { authorizationServer } = yield* TestServers.TestServers
        expect((yield* authorizationServer.find(token.value))?.clientId).toBe(clientId)
      }).pipe(Effect.provide(environment({ clientId })))
  )

  const right: ReadonlyArray<readonly [what: string, options: Options]> = [
    ["a URL object", { serverUrl: new URL("https://mcp.example.com/mcp") }],
    ["http on a loopback host", { serverUrl: "http://localhost:3000/mcp" }],
    ["http on a loopback issuer", { issuer: "http://127.0.0.1:8080" }],
    ["a private issuer", { issuer: "https://10.0.0.1/realm" }],
    ["no scopes", { scopes: [] }],
    ["parameters of the caller's own", { additionalParameters: { audience: "x", ["__proto__"]: "x" } }],
    ["further token types", { acceptedTokenTypes: ["BearerToken", "Bearer", "N_A"] }],
    ["a small response size", { maxResponseSize: 1 }],
    ["a response size without a limit", { maxResponseSize: Number.POSITIVE_INFINITY }],
    ["no time limit", { requestTimeout: Number.POSITIVE_INFINITY }],
    ["an issuer with a slash", { issuer: "https://auth.example.com/" }]
  ]
  it.scoped.each(right)("%s is accepted", ([, options]) =>
    Effect.gen(function*() {
      const provider = yield* makeProvider(options)
      expect(provider.resource).toMatch(/^https?:/)
      assert.deepStrictEqual(yield* sent, [])
    }).pipe(Effect.provide(environment())))
})
