/** Malformed options and URLs from the caller, as programs in JavaScript and unset variables give them. */
import type { ClientSecret } from "@effect-mcp-auth/client-secret"
import { HttpClientRequest } from "@effect/platform"
import { Effect, Redacted } from "effect"
import { OAuthFetch, OAuthProvider } from "../../src/index.ts"
import { makeProvider } from "../support/provider.ts"
import { call } from "./corridor.ts"
import type { Family, Row } from "./support.ts"

/** Options that no compiler has checked. */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a program in JavaScript can give any value
const unchecked = (options: object) => options as Partial<ClientSecret.Options>

/** A provider is made with these options, and asked for a token. */
const option = (input: string, section: string, options: object, outcome: string): Row => ({
  input,
  section,
  outcome,
  run: Effect.flatMap(makeProvider(unchecked(options)), ({ accessToken }) => accessToken)
})

const serverUrl = (what: string, url: unknown, outcome: string): Row =>
  option(`a \`serverUrl\` ${what}`, "RFC 8707 §2", { serverUrl: url }, outcome)

const issuer = (what: string, issuer: unknown, outcome: string): Row =>
  option(`an \`issuer\` ${what}`, "RFC 8414 §2", { issuer }, outcome)

const endpoint = (what: string, tokenEndpoint: unknown, outcome: string): Row =>
  option(`a \`tokenEndpoint\` ${what}`, "RFC 6749 §3.2", { tokenEndpoint }, outcome)

/** A request of the caller through the authenticated client. */
const request = (input: string, section: string, url: string, outcome: string): Row => ({
  input: `a request to ${input}`,
  section,
  outcome,
  run: call({}, HttpClientRequest.get(url))
})

/** The same through `fetch`. */
const fetched = (input: string, section: string, init: unknown, outcome: string): Row => ({
  input: `\`fetch\` of ${input}`,
  section,
  outcome,
  run: Effect.gen(function*() {
    const provider = yield* makeProvider()
    const fetch = yield* OAuthFetch.make.pipe(
      Effect.provideService(OAuthProvider.OAuthProvider, provider)
    )
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a program in JavaScript can give any value
    return yield* Effect.tryPromise({ try: () => fetch(init as string), catch: (error) => error })
  })
})

export const callerOptions: Family = {
  name: "option of the caller",
  rows: [
    serverUrl("that is undefined", undefined, "InvalidOptions serverUrl"),
    serverUrl("that is null", null, "InvalidOptions serverUrl"),
    serverUrl("that is a number", 1, "InvalidOptions serverUrl"),
    serverUrl("that is `Redacted`", Redacted.make("https://canary.example.com"), "InvalidOptions serverUrl"),
    serverUrl("that is empty", "", "InvalidOptions serverUrl"),
    serverUrl("that is a path", "/mcp", "InvalidOptions serverUrl"),
    serverUrl("without a scheme", "mcp.example.com/mcp", "InvalidOptions serverUrl"),
    serverUrl("of the scheme `javascript`", "javascript:alert(1)", "InvalidOptions serverUrl"),
    serverUrl("of the scheme `file`", "file:///etc/passwd", "InvalidOptions serverUrl"),
    serverUrl("with a password", "https://user:canary@mcp.example.com/mcp", "InvalidOptions serverUrl"),
    serverUrl("with a password and no host", "https://user:canary@", "InvalidOptions serverUrl"),
    serverUrl("with a fragment", "https://mcp.example.com/mcp#x", "InvalidOptions serverUrl"),
    serverUrl("in quotation marks", "\"https://mcp.example.com/mcp\"", "InvalidOptions serverUrl"),
    serverUrl("with a line break at its end", "https://mcp.example.com/mcp\n", "token [mcp] for 3600 s"),
    serverUrl("with a NUL", "https://mcp.example.com/mcp\0", "token [mcp] for 3600 s"),
    serverUrl("with a tab inside of the host", "https://mcp.exam\tple.com/mcp", "token [mcp] for 3600 s"),
    serverUrl("with a backslash before the host", "https:\\\\mcp.example.com\\mcp", "token [mcp] for 3600 s"),
    serverUrl("with a port out of range", "https://mcp.example.com:99999/mcp", "InvalidOptions serverUrl"),
    serverUrl("with a lone surrogate", "https://mcp.example.com/\ud800", "token [mcp] for 3600 s"),
    serverUrl("of 1 MB", `https://mcp.example.com/${"x".repeat(1_000_000)}`, "token [mcp] for 3600 s"),
    serverUrl("of plain http", "http://mcp.example.com/mcp", "InsecureEndpoint NotHttps"),
    serverUrl("of plain http at a private address", "http://10.0.0.1/mcp", "InsecureEndpoint NotHttps"),
    serverUrl(
      "that is an object with a `href` of its own",
      { href: "https://mcp.example.com/mcp" },
      "token [mcp] for 3600 s"
    ),
    issuer("that is undefined", undefined, "InvalidOptions issuer"),
    issuer("that is an array", ["https://auth.example.com"], "InvalidOptions issuer"),
    issuer("that is empty", "", "InvalidOptions issuer"),
    issuer("that is `Discover`", "Discover", "InvalidOptions issuer"),
    issuer("with a query", "https://auth.example.com?tenant=canary", "InvalidOptions issuer"),
    issuer("with a fragment", "https://auth.example.com#", "InvalidOptions issuer"),
    issuer("with a password", "https://user:canary@auth.example.com", "InvalidOptions issuer"),
    issuer("with a line break", "https://auth.example.com\n", "InvalidOptions issuer"),
    issuer("with a Cyrillic letter", "https://\u0430uth.example.com", "InvalidOptions issuer"),
    issuer("with a backslash", "https://auth.example.com\\@stranger.example.com", "IssuerMismatch NotListed"),
    issuer("of plain http", "http://auth.example.com", "InsecureEndpoint NotHttps"),
    endpoint("that is a path", "/token", "InvalidOptions tokenEndpoint"),
    endpoint("that is a number", 1, "InvalidOptions tokenEndpoint"),
    endpoint("with a fragment", "https://auth.example.com/token#", "InvalidOptions tokenEndpoint"),
    endpoint("with a password", "https://user:canary@auth.example.com/token", "InvalidOptions tokenEndpoint"),
    endpoint("with a line break", "https://auth.example.com/token\r\n", "InvalidOptions tokenEndpoint"),
    endpoint("with a space", "https://auth.example.com/to ken", "TokenEndpointError InvalidResponse"),
    endpoint(
      "with a backslash",
      "https://auth.example.com\\@stranger.example.com/token",
      "TokenEndpointError InvalidResponse"
    ),
    endpoint("of plain http", "http://auth.example.com/token", "InsecureEndpoint NotHttps"),
    option("a `clientId` that is undefined", "RFC 6749 §2.2", { clientId: undefined }, "InvalidOptions clientId"),
    option("a `clientId` with a line break", "RFC 6749 appendix A.1", { clientId: "a\nb" }, "InvalidOptions clientId"),
    option(
      "a `clientId` with a byte order mark",
      "RFC 6749 appendix A.1",
      { clientId: "\ufeffclient" },
      "InvalidOptions clientId"
    ),
    option(
      "a `clientId` with a lone surrogate",
      "RFC 6749 appendix A.1",
      { clientId: "a\ud800" },
      "InvalidOptions clientId"
    ),
    option(
      "a `clientSecret` that is plain text",
      "RFC 6749 §2.3.1",
      { clientSecret: "canary" },
      "InvalidOptions clientSecret"
    ),
    option(
      "a `clientSecret` that is empty",
      "RFC 6749 §2.3.1",
      { clientSecret: Redacted.make("") },
      "InvalidOptions clientSecret"
    ),
    option(
      "a `clientSecret` with a NUL",
      "RFC 6749 appendix A.2",
      { clientSecret: Redacted.make("canary\0") },
      "InvalidOptions clientSecret"
    ),
    option("a `clientSecret` with a line break at its end", "RFC 6749 appendix A.2", {
      clientSecret: Redacted.make("canary\n")
    }, "InvalidOptions clientSecret"),
    option("a `clientSecret` with a lone surrogate", "RFC 6749 appendix A.2", {
      clientSecret: Redacted.make("canary\ud800")
    }, "InvalidOptions clientSecret"),
    option(
      "a `clientSecret` that is a number",
      "RFC 6749 §2.3.1",
      { clientSecret: Redacted.make(12345678) },
      "InvalidOptions clientSecret"
    ),
    option("a `clientSecret` whose Effect returns a number", "RFC 6749 §2.3.1", {
      clientSecret: Effect.succeed(12345678)
    }, "CredentialError Malformed"),
    option("a `clientSecret` whose Effect returns an empty text", "RFC 6749 §2.3.1", {
      clientSecret: Effect.succeed(Redacted.make(""))
    }, "CredentialError Malformed"),
    option(
      "a `clientSecret` whose Effect dies",
      "RFC 6749 §2.3.1",
      { clientSecret: Effect.dieMessage("no vault") },
      "CredentialError Unavailable"
    ),
    option("`scopes` that are a text", "RFC 6749 §3.3", { scopes: "mcp" }, "InvalidOptions scopes"),
    option("`scopes` with a number", "RFC 6749 §3.3", { scopes: [1] }, "InvalidOptions scopes"),
    option("`scopes` with undefined", "RFC 6749 §3.3", { scopes: Array.from({ length: 2 }) }, "InvalidOptions scopes"),
    option(
      "`scopes` with a line break in an entry",
      "RFC 6749 §3.3",
      { scopes: ["mcp\nadmin"] },
      "InvalidOptions scopes"
    ),
    option(
      "`scopes` with a letter that is not ASCII",
      "RFC 6749 §3.3",
      { scopes: ["m\u0441p"] },
      "InvalidOptions scopes"
    ),
    option(
      "`additionalParameters` that are an array",
      "RFC 6749 §3.2",
      { additionalParameters: [["audience", "x"]] },
      "InvalidOptions additionalParameters"
    ),
    option(
      "`additionalParameters` with a number",
      "RFC 6749 §3.2",
      { additionalParameters: { audience: 1 } },
      "InvalidOptions additionalParameters"
    ),
    option("`additionalParameters` with `grant_type`", "RFC 6749 §3.2", {
      additionalParameters: { grant_type: "password" }
    }, "InvalidOptions additionalParameters"),
    option("`additionalParameters` named `__proto__`", "RFC 6749 §3.2", {
      additionalParameters: JSON.parse("{\"__proto__\":\"x\"}")
    }, "token [mcp] for 3600 s"),
    option("`additionalParameters` with a lone surrogate", "RFC 6749 appendix B", {
      additionalParameters: { audience: "a\ud800" }
    }, "token [mcp] for 3600 s"),
    option(
      "a `resourceParameter` that is a text",
      "RFC 8707 §2",
      { resourceParameter: "Send" },
      "InvalidOptions resourceParameter"
    ),
    option(
      "a `resourceParameter` whose `value` is a number",
      "RFC 8707 §2",
      { resourceParameter: { value: 1 } },
      "InvalidOptions resourceParameter"
    ),
    option("`stepUp` that is the text false", "RFC 6750 §3.1", { stepUp: "false" }, "InvalidOptions stepUp"),
    option(
      "an `authorizationServerChange` of another word",
      "RFC 9728 §2",
      { authorizationServerChange: "Follow" },
      "InvalidOptions authorizationServerChange"
    ),
    option(
      "`authorizationServerMetadata` that is a text",
      "RFC 8414 §2",
      { authorizationServerMetadata: "{}" },
      "InvalidOptions authorizationServerMetadata"
    ),
    option("`authorizationServerMetadata` of another issuer", "RFC 8414 §3.3", {
      authorizationServerMetadata: {
        issuer: "https://stranger.example.com",
        token_endpoint: "https://stranger.example.com/token"
      }
    }, "InvalidOptions authorizationServerMetadata"),
    option(
      "a `requestTimeout` of NaN",
      "RFC 9110 §9.2",
      { requestTimeout: Number.NaN },
      "InvalidOptions requestTimeout"
    ),
    option("a `requestTimeout` of words", "RFC 9110 §9.2", { requestTimeout: "soon" }, "InvalidOptions requestTimeout"),
    option("a negative `requestTimeout`", "RFC 9110 §9.2", { requestTimeout: -1 }, "InvalidOptions requestTimeout"),
    option("a `requestTimeout` without end", "RFC 9110 §9.2", { requestTimeout: Infinity }, "token [mcp] for 3600 s"),
    option(
      "a `maxResponseSize` of NaN",
      "RFC 9110 §8.6",
      { maxResponseSize: Number.NaN },
      "InvalidOptions maxResponseSize"
    ),
    option(
      "`insecureHosts` with a wildcard",
      "RFC 9700 §2.6",
      { insecureHosts: ["*.example.com"] },
      "InvalidOptions insecureHosts"
    ),
    option(
      "a `refreshPolicy` that is a text",
      "RFC 6749 §5.1",
      { refreshPolicy: "often" },
      "InvalidOptions refreshPolicy"
    ),
    option("a `refreshPolicy` with a duration of words", "RFC 6749 §5.1", {
      refreshPolicy: { defaultLifetime: "a while" }
    }, "InvalidOptions refreshPolicy"),
    option("a `tokenEndpointAuthMethod` of an unknown name", "RFC 8414 §2", {
      tokenEndpointAuthMethod: "client_secret_jwt"
    }, "InvalidOptions tokenEndpointAuthMethod"),
    request("a text that is no URL", "RFC 9110 §4.2", "not a url", "RequestError InvalidUrl"),
    request("a relative URL", "RFC 9110 §4.2", "/mcp", "RequestError InvalidUrl"),
    request("a URL with a password", "RFC 9110 §4.2.4", "https://user:password@mcp.example.com/mcp", "status 200"),
    request("the server over plain http", "RFC 9110 §4.2.2", "http://mcp.example.com/mcp", "RequestError Transport"),
    request("the server with a tab inside of the host", "RFC 3986 §2", "https://mcp.exam\tple.com/mcp", "status 200"),
    fetched("undefined", "WHATWG Fetch §5.6", undefined, "TypeError"),
    fetched("an object", "WHATWG Fetch §5.6", {}, "TypeError"),
    fetched("an empty text", "WHATWG Fetch §5.6", "", "TypeError")
  ]
}
