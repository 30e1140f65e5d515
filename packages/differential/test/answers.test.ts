import * as AuthorizationServer from "@effect-mcp-auth/core/AuthorizationServer"
import * as ClientAuthentication from "@effect-mcp-auth/core/ClientAuthentication"
import * as Grant from "@effect-mcp-auth/core/Grant"
import * as ProtectedResource from "@effect-mcp-auth/core/ProtectedResource"
import * as ResourceIdentifier from "@effect-mcp-auth/core/ResourceIdentifier"
import * as TokenEndpoint from "@effect-mcp-auth/core/TokenEndpoint"
import { refreshAuthorization } from "@modelcontextprotocol/client"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import * as Oauth from "oauth4webapi"
import { REFUSED, type Rule } from "../src/comparison.ts"
import { type Answer, clientWith, compared, json, responseOf, resultOf } from "./support.ts"

const issuer = "https://auth.example.com/tenant"

const server = { issuer, token_endpoint: "https://auth.example.com/token" }

/** A token as both sides can tell it: the lifetime in seconds, as far as the answer has one. */
interface Token {
  readonly value: string
  readonly lifetime: number | undefined
  readonly scope: string | undefined
  readonly refreshToken: string | undefined
}

/** The lifetime of a token whose answer has none, in milliseconds. No generated answer has it. */
const DEFAULT = 77_000

const ourToken = async (answer: Answer): Promise<Token | undefined> => {
  const token = await resultOf(TokenEndpoint.request(clientWith(answer), {
    authorizationServer: { issuer, tokenEndpoint: new URL(server.token_endpoint), metadata: server },
    resource: "https://mcp.example.com",
    resourceParameter: undefined,
    scopes: ["requested"],
    clientAuthentication: ClientAuthentication.clientSecretPost({
      clientId: "c",
      clientSecret: Redacted.make("secret")
    }),
    grant: Grant.clientCredentials,
    defaultLifetime: DEFAULT
  }))
  if (token === undefined) return undefined
  const lifetime = token.expiresAt - token.issuedAt
  const scope = token.scopes.join(" ")
  return {
    value: Redacted.value(token.value),
    lifetime: lifetime === DEFAULT ? undefined : lifetime / 1000,
    scope: scope === "requested" ? undefined : scope,
    refreshToken: token.refreshToken === undefined ? undefined : Redacted.value(token.refreshToken)
  }
}

const oauthToken = async (answer: Answer): Promise<Token> => {
  const result = await Oauth.processClientCredentialsResponse(server, { client_id: "c" }, responseOf(answer))
  return {
    value: result.access_token,
    lifetime: result.expires_in,
    scope: result.scope,
    refreshToken: result.refresh_token
  }
}

const sdkToken = async (answer: Answer): Promise<Token> => {
  const result = await refreshAuthorization(issuer, {
    clientInformation: { client_id: "c", client_secret: "secret" },
    refreshToken: "presented",
    metadata: { ...server, authorization_endpoint: `${issuer}/a`, response_types_supported: ["code"] },
    fetchFn: () => Promise.resolve(responseOf(answer))
  })
  return {
    value: result.access_token,
    lifetime: result.expires_in,
    scope: result.scope,
    refreshToken: result.refresh_token === "presented" ? undefined : result.refresh_token
  }
}

const absent = Symbol("absent")

const member = (...values: ReadonlyArray<unknown>) => FastCheck.constantFrom<unknown>(absent, ...values)

const tokenAnswer = FastCheck.record({
  status: FastCheck.constantFrom(200, 200, 200, 201, 400, 500),
  access_token: FastCheck.constantFrom<unknown>("abc", "abc", "abc", "", absent, 1, null, "a b", "a\nb", "é"),
  token_type: FastCheck.constantFrom<unknown>("Bearer", "Bearer", "bearer", "DPoP", "mac", "", absent, null),
  expires_in: member(3600, 3600, "3600", "3600.5", 0, -1, "1h", "", null, true, 1e12, [60]),
  scope: member("read write", "read", "", null, ["read"], "read,write", "a\"b read"),
  refresh_token: member("r", "", null, 1, "a b"),
  error: FastCheck.constantFrom<unknown>(absent, absent, absent, absent, "invalid_scope", "")
}).map(({ status, ...members }): Answer => ({
  ...json(Object.fromEntries(Object.entries(members).filter(([, value]) => value !== absent))),
  status
}))

const bodyOf = ({ body }: Answer): Readonly<Record<string, unknown>> => JSON.parse(body)

const good = { access_token: "abc", token_type: "Bearer" }

const answerOf = (members: object, status = 200): Answer => ({ ...json(members), status })

type TokenRule = Rule<Answer, Token>

/** The rules that hold beside both of the others. */
const refusals: ReadonlyArray<TokenRule> = [
  {
    name: "an answer with `error` is an error, whatever its status",
    reason: "GitHub sends its errors with status 200.",
    applies: (answer, ours) => ours === REFUSED && typeof bodyOf(answer)["error"] === "string"
  },
  {
    name: "a token with a character that no header may have is refused",
    reason: "RFC 6749 appendix A.12, RFC 6750 §2.1: a line break in a token would write another header.",
    applies: (answer, ours) => ours === REFUSED && /[^\x21-\x7e]/.test(String(bodyOf(answer)["access_token"]))
  },
  {
    name: "a token that needs a proof of possession is refused",
    reason: "This client sends no proof (RFC 9449 §7.1), and a token is not used as one of another type.",
    applies: (answer, ours) => ours === REFUSED && /^(?:dpop|mac)$/i.test(String(bodyOf(answer)["token_type"]))
  },
  {
    name: "a token that has expired on arrival is refused",
    reason: "RFC 6749 §5.1 has no lifetime of 0 seconds for a token that can be used.",
    applies: (answer, ours) => ours === REFUSED && Number(bodyOf(answer)["expires_in"] ?? 1) === 0
  }
]

/** Whether both tokens are the same but for these fields. */
const differOnlyIn = (
  ours: Token | typeof REFUSED,
  theirs: Token | typeof REFUSED,
  ...names: ReadonlyArray<keyof Token>
): boolean =>
  ours !== REFUSED && theirs !== REFUSED &&
  (["value", "lifetime", "scope", "refreshToken"] as const).every((name) =>
    names.includes(name) || ours[name] === theirs[name]
  )

const fields: ReadonlyArray<TokenRule> = [
  {
    name: "a lifetime is a year at most",
    reason: "A larger number is a mistake in its unit, and a token must not be used for ever.",
    applies: (answer, ours, theirs) =>
      bodyOf(answer)["expires_in"] === 1e12 && differOnlyIn(ours, theirs, "lifetime", "scope", "refreshToken")
  },
  {
    name: "words of a scope that are no scope tokens are left out, and an empty scope counts as absent",
    reason:
      "RFC 6749 §3.3 and §5.1: without a scope the token has the requested ones. A scope that breaks the grammar " +
      "could not be asked for again.",
    applies: (answer, ours, theirs) =>
      ["", "a\"b read"].some((scope) => scope === bodyOf(answer)["scope"]) &&
      differOnlyIn(ours, theirs, "scope", "refreshToken")
  },
  {
    name: "scopes that a comma joins are not taken for one",
    reason: "GitHub separates scopes by commas. The meaning of an entry is unknown unless each part was requested.",
    applies: (answer, ours, theirs) =>
      bodyOf(answer)["scope"] === "read,write" && differOnlyIn(ours, theirs, "scope", "refreshToken")
  },
  {
    name: "a refresh token that cannot be one counts as absent",
    reason: "RFC 6749 appendix A.17. An optional member is no reason to lose a token.",
    applies: (answer, ours, theirs) =>
      ["", "a b"].some((token) => token === bodyOf(answer)["refresh_token"]) &&
      differOnlyIn(ours, theirs, "refreshToken")
  }
]

compared("the token in an answer, beside oauth4webapi", {
  inputs: tokenAnswer,
  examples: [
    answerOf(good),
    answerOf({ ...good, error: "invalid_scope" }),
    answerOf({ ...good, access_token: "a b" }),
    answerOf({ ...good, token_type: "DPoP" }),
    answerOf({ ...good, expires_in: 0 }),
    answerOf({ ...good, expires_in: 1e12 }),
    answerOf({ ...good, expires_in: null }),
    answerOf({ ...good, expires_in: "1h" }),
    answerOf({ ...good, expires_in: [60] }),
    answerOf({ ...good, scope: "" }),
    answerOf({ ...good, scope: ["read"] }),
    answerOf({ ...good, scope: "read,write" }),
    answerOf({ ...good, refresh_token: "a b" }),
    answerOf({ ...good, refresh_token: "" }),
    answerOf(good, 201)
  ],
  ours: ourToken,
  theirs: oauthToken,
  rules: [
    ...refusals,
    {
      name: "a complete token counts with every status of success",
      reason: "RFC 6749 §5.1 wants 200. Servers answer 201, and a client treats an unknown 2xx as 200 (RFC 9110 §15).",
      applies: ({ status }, ours, theirs) => status === 201 && ours !== REFUSED && theirs === REFUSED
    },
    {
      name: "an optional member of another kind is no reason to lose a token",
      reason:
        "`scope`, `refresh_token` and a lifetime of `null` may be left out (RFC 6749 §5.1). oauth4webapi refuses " +
        "the whole answer.",
      applies: (answer, ours, theirs) => {
        const { expires_in: lifetime, refresh_token: refreshToken, scope } = bodyOf(answer)
        return ours !== REFUSED && theirs === REFUSED &&
          (lifetime === null || refreshToken === "" ||
            (refreshToken !== undefined && typeof refreshToken !== "string") ||
            (scope !== undefined && typeof scope !== "string"))
      }
    },
    {
      name: "a lifetime is the whole text",
      reason:
        "oauth4webapi reads the number at the beginning of `1h` or of a list. The unit of such a value is a guess.",
      applies: (answer, ours) => {
        const { expires_in: lifetime } = bodyOf(answer)
        return ours === REFUSED && (lifetime === "1h" || Array.isArray(lifetime))
      }
    },
    ...fields
  ]
})

compared("the token in an answer, beside the SDK", {
  inputs: tokenAnswer,
  examples: [
    answerOf(good),
    answerOf({ ...good, error: "invalid_scope" }),
    answerOf({ ...good, access_token: "" }),
    answerOf({ ...good, access_token: "a\nb" }),
    answerOf({ ...good, token_type: "DPoP" }),
    answerOf({ ...good, token_type: "" }),
    answerOf({ ...good, expires_in: 0 }),
    answerOf({ ...good, expires_in: -1 }),
    answerOf({ ...good, expires_in: "" }),
    answerOf({ ...good, expires_in: true }),
    answerOf({ ...good, expires_in: null }),
    answerOf({ ...good, expires_in: 1e12 }),
    answerOf({ ...good, scope: null }),
    answerOf({ ...good, scope: "" }),
    answerOf({ ...good, scope: "read,write" }),
    answerOf({ ...good, refresh_token: "a b" }),
    answerOf({ ...good, refresh_token: 1 })
  ],
  ours: ourToken,
  theirs: sdkToken,
  rules: [
    ...refusals,
    {
      name: "an empty token is none",
      reason: "RFC 6749 appendix A.12 wants one character at least.",
      applies: (answer, ours) => ours === REFUSED && bodyOf(answer)["access_token"] === ""
    },
    {
      name: "a token of an empty type is refused",
      reason: "`token_type` says how a token is used (RFC 6749 §7.1). A token of an unknown type must not be used.",
      applies: (answer, ours) => ours === REFUSED && bodyOf(answer)["token_type"] === ""
    },
    {
      name: "a lifetime is a number that is not negative",
      reason: "The SDK makes a number of every value: `true` becomes 1 second, and an empty text 0.",
      applies: (answer, ours) => {
        const { expires_in: lifetime } = bodyOf(answer)
        return ours === REFUSED && (lifetime === -1 || lifetime === "" || lifetime === true || Array.isArray(lifetime))
      }
    },
    {
      name: "a lifetime of `null` counts as absent",
      reason: "Servers write null in place of nothing. The SDK reads 0 seconds.",
      applies: (answer, ours, theirs) =>
        bodyOf(answer)["expires_in"] === null && ours !== REFUSED && (theirs === REFUSED || theirs.lifetime === 0)
    },
    {
      name: "an optional member of another kind is no reason to lose a token",
      reason: "`scope` and `refresh_token` may be left out (RFC 6749 §5.1). The SDK refuses the whole answer.",
      applies: (answer, ours, theirs) => {
        const { refresh_token: refreshToken, scope } = bodyOf(answer)
        return ours !== REFUSED && theirs === REFUSED &&
          ((refreshToken !== undefined && typeof refreshToken !== "string") ||
            (scope !== undefined && typeof scope !== "string"))
      }
    },
    ...fields
  ]
})

const metadata = FastCheck.record({
  issuer: FastCheck.constantFrom<unknown>(
    issuer,
    issuer,
    `${issuer}/`,
    "https://AUTH.example.com/tenant",
    "https://auth.example.com:443/tenant",
    "https://evil.example",
    "auth",
    1,
    absent
  ),
  token_endpoint: FastCheck.constantFrom<unknown>(
    server.token_endpoint,
    server.token_endpoint,
    "http://auth.example.com/token",
    "http://localhost:8080/token",
    "/token",
    "https://a@auth.example.com/token",
    "https://auth.example.com/token#f",
    absent
  ),
  status: FastCheck.constantFrom(200, 200, 200, 203, 404),
  token_endpoint_auth_methods_supported: member(["private_key_jwt"], null, "private_key_jwt")
}).map(({ status, ...members }): Answer => ({
  ...json(Object.fromEntries(Object.entries(members).filter(([, value]) => value !== absent))),
  status
}))

interface Endpoint {
  readonly tokenEndpoint: string
}

compared("the metadata of an authorization server, beside oauth4webapi", {
  inputs: metadata,
  examples: [
    answerOf(server),
    answerOf({ ...server, issuer: `${issuer}/` }),
    answerOf({ ...server, issuer: "https://AUTH.example.com/tenant" }),
    answerOf({ ...server, token_endpoint: "http://localhost:8080/token" }),
    answerOf({ ...server, token_endpoint: "https://a@auth.example.com/token" }),
    answerOf({ ...server, token_endpoint: "https://auth.example.com/token#f" }),
    answerOf({ ...server, token_endpoint_auth_methods_supported: "private_key_jwt" }),
    answerOf(server, 203)
  ],
  ours: async (answer): Promise<Endpoint | undefined> => {
    const found = await resultOf(AuthorizationServer.discover(clientWith(answer), issuer))
    return found === undefined ? undefined : { tokenEndpoint: found.tokenEndpoint.href }
  },
  theirs: async (answer): Promise<Endpoint> => {
    const found = await Oauth.processDiscoveryResponse(new URL(issuer), responseOf(answer))
    let asked = ""
    await Oauth.clientCredentialsGrantRequest(found, { client_id: "c" }, Oauth.None(), new URLSearchParams(), {
      [Oauth.customFetch]: (url) => {
        asked = url
        return Promise.resolve(new Response())
      }
    })
    return { tokenEndpoint: asked }
  },
  rules: [
    {
      name: "one slash at the end of the issuer makes no difference",
      reason: "Microsoft Entra ID and Auth0 write their issuer with a slash that the configuration does not have.",
      applies: (answer, ours, theirs) =>
        ours !== REFUSED && theirs === REFUSED && bodyOf(answer)["issuer"] === `${issuer}/`
    },
    {
      name: "an issuer in another spelling is another issuer",
      reason: "RFC 8414 §3.3: the two texts are identical. oauth4webapi compares them as URLs.",
      applies: (answer, ours) =>
        ours === REFUSED && /^https:\/\/(?:AUTH\.|auth[^/]*:443)/.test(String(bodyOf(answer)["issuer"]))
    },
    {
      name: "a token endpoint has neither a user name nor a fragment",
      reason: "RFC 6749 §3.2 forbids the fragment, and `fetch` refuses an address with a user name.",
      applies: (answer, ours) => ours === REFUSED && /[@#]/.test(String(bodyOf(answer)["token_endpoint"]))
    },
    {
      name: "methods of client authentication that are no list make a document that cannot be used",
      reason: "RFC 8414 §2 wants an array. The choice of the method depends on it.",
      applies: (answer, ours) =>
        ours === REFUSED && typeof bodyOf(answer)["token_endpoint_auth_methods_supported"] === "string"
    },
    {
      name: "an answer 203 counts like 200",
      reason: "A proxy that has changed the answer may say so (RFC 9110 §15.3.4).",
      applies: ({ status }, ours, theirs) => status === 203 && ours !== REFUSED && theirs === REFUSED
    }
  ]
})

const resource = "https://mcp.example.com/tenant/mcp"

const resourceDocument = FastCheck.record({
  resource: FastCheck.constantFrom<unknown>(
    resource,
    resource,
    `${resource}/`,
    "https://mcp.example.com/tenant",
    "https://MCP.example.com/tenant/mcp",
    "https://mcp.example.com/tenant/./mcp",
    "https://mcp.example.com/other",
    "https://evil.example",
    "mcp",
    null,
    absent
  ),
  authorization_servers: member([issuer], [], null, issuer),
  status: FastCheck.constantFrom(200, 200, 200, 203, 404)
}).map(({ status, ...members }): Answer => ({
  ...json(Object.fromEntries(Object.entries(members).filter(([, value]) => value !== absent))),
  status
}))

compared("the metadata of a protected resource, beside oauth4webapi", {
  inputs: resourceDocument,
  examples: [
    answerOf({ resource, authorization_servers: [issuer] }),
    answerOf({ resource: `${resource}/` }),
    answerOf({ resource: "https://mcp.example.com/tenant" }),
    answerOf({ resource: "https://mcp.example.com/tenant/./mcp" }),
    answerOf({ resource, authorization_servers: issuer }),
    answerOf({ resource }, 203)
  ],
  ours: async (answer) => {
    const server = Either.getOrThrow(ResourceIdentifier.fromServerUrl(resource))
    const found = await resultOf(Effect.flatten(
      Effect.map(
        ProtectedResource.discover(clientWith(answer), server),
        (found) => Either.mapLeft(found, () => "no document")
      )
    ))
    return found === undefined ? undefined : { resource: found.metadata.resource, issuers: found.authorizationServers }
  },
  theirs: async (answer) => {
    const found = await Oauth.processResourceDiscoveryResponse(new URL(resource), responseOf(answer))
    return { resource: found.resource, issuers: found.authorization_servers ?? [] }
  },
  rules: [
    {
      name: "a slash at the end of the resource makes no difference",
      reason: "Servers name themselves with and without it. RFC 9728 §3.3 asks for identity, and " +
        "`resourceMatch: \"identical\"` still tolerates the slash.",
      applies: (answer, ours, theirs) =>
        ours !== REFUSED && theirs === REFUSED && bodyOf(answer)["resource"] === `${resource}/`
    },
    {
      name: "a parent covers its children",
      reason: "Real servers publish one document for all their paths. `resourceMatch: \"identical\"` turns it off.",
      applies: (answer, ours, theirs) =>
        ours !== REFUSED && theirs === REFUSED && bodyOf(answer)["resource"] === "https://mcp.example.com/tenant"
    },
    {
      name: "a resource with dot segments is another one",
      reason:
        "Other parsers may read another path (RFC 3986 §5.2.4). oauth4webapi compares after the platform's parser.",
      applies: (answer, ours) => ours === REFUSED && String(bodyOf(answer)["resource"]).includes("/./")
    },
    {
      name: "authorization servers that are no list make a document that cannot be used",
      reason: "RFC 9728 §2 wants an array. oauth4webapi does not check the member.",
      applies: (answer, ours) => ours === REFUSED && typeof bodyOf(answer)["authorization_servers"] === "string"
    },
    {
      name: "an answer 203 counts like 200",
      reason: "A proxy that has changed the answer may say so (RFC 9110 §15.3.4).",
      applies: ({ status }, ours, theirs) => status === 203 && ours !== REFUSED && theirs === REFUSED
    }
  ]
})
