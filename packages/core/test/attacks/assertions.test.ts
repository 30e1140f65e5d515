/** Attacks by servers on a client that authenticates by an assertion (RFC 7523 §2.2): one row an attack. */
import { Answer, ClientUnderAttack, HostileServersContract } from "@effect-mcp-auth/testing"
import type { ServerAttack } from "@effect-mcp-auth/testing"
import { describe, it } from "@effect/vitest"
import { HttpClient } from "@effect/platform"
import type { Scope } from "effect"
import { Effect, Layer, Redacted } from "effect"
import { decodeJwt } from "jose"
import type { Assertion, OAuthError } from "../../src/index.ts"
import {
  AssertionProvider,
  ClientAuthentication,
  Grant,
  OAuthHttpClient,
  OAuthProvider,
  SignedAssertion,
  TokenStorage
} from "../../src/index.ts"

/** The signature is made without waiting, so that the clock of the attack stands still meanwhile. No server reads it. */
const signed = SignedAssertion.make({
  issuer: "test-client",
  signingAlgorithm: "ES256",
  signingKey: () => Effect.succeed(new Uint8Array(64))
})

/** An assertion that was made elsewhere, with these claims. */
const prebuilt = (claims: object) => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url")
  const text = `${part({ alg: "ES256" })}.${part({ iss: "test-client", sub: "test-client", ...claims })}.c2lnbmF0dXJl`
  return Effect.flatMap(
    Layer.build(AssertionProvider.layerStatic(Redacted.make(text))),
    (context) => Effect.provide(AssertionProvider.AssertionProvider, context)
  )
}

interface Row extends ServerAttack.ServerAttack {
  readonly audience?: Assertion.Audience
  readonly assertions?: Effect.Effect<
    AssertionProvider.AssertionProvider.Service,
    OAuthError.InvalidOptions | OAuthError.AssertionError,
    Scope.Scope
  >
  /** The `issuer` option of the provider, in place of that of the setting. */
  readonly issuerUnnamed?: boolean
}

/** A client whose proof is an assertion. */
const makeClient = ({ assertions = signed, audience, issuerUnnamed }: Row) =>
  ClientUnderAttack.fromHttpClient(({ clientId, httpClient, issuer, serverUrl }) =>
    Effect.gen(function*() {
      const provider = yield* OAuthProvider.make({
        serverUrl,
        issuer,
        ...issuerUnnamed === undefined ? {} : { issuerUnnamed },
        grant: Grant.clientCredentials,
        clientAuthentication: ClientAuthentication.privateKeyJwt({
          clientId,
          ...audience === undefined ? {} : { audience },
          assertionProvider: yield* assertions
        })
      })
      return OAuthHttpClient.authenticate(httpClient, provider)
    }).pipe(Effect.provide([TokenStorage.layerMemory, Layer.succeed(HttpClient.HttpClient, httpClient)]))
  )

type Evidence = ServerAttack.Evidence

/** The claims of every assertion that was sent, and where it was sent. */
const sent = ({ tokenRequests }: Evidence) =>
  tokenRequests.flatMap(({ form, url }) => {
    const assertion = form.get("client_assertion")
    return assertion === null ? [] : [{ url, claims: decodeJwt(assertion) }]
  })

const nothingSent = (evidence: Evidence) =>
  sent(evidence).length === 0 ? undefined : `an assertion was sent to ${sent(evidence)[0]?.url}`

/** No assertion names the client's own authorization server as its audience, unless it was sent there. */
const boundToReceiver = (evidence: Evidence) => {
  const foreign = sent(evidence).find(({ claims, url }) =>
    [claims.aud].flat().some((audience) => audience?.startsWith(new URL(url).origin) !== true)
  )
  return foreign === undefined ? undefined : `an assertion for ${String(foreign.claims.aud)} was sent to ${foreign.url}`
}

/** No assertion was made that the client's own authorization server would accept. */
const noneForOther = (evidence: Evidence) => {
  const usable = sent(evidence).find(({ claims }) =>
    [claims.aud].flat().some((audience) => audience?.startsWith("https://auth.example.com") === true)
  )
  return usable === undefined ? undefined : `an assertion for ${String(usable.claims.aud)} was sent to ${usable.url}`
}

const hostileIssuer = (metadata: Answer.JsonObject) => ({ network }: ServerAttack.Scene) =>
  Effect.all([
    network.serve("https://b.example", ({ url }) =>
      Effect.sync(() =>
        url.endsWith("/token")
          ? Response.json({ access_token: "token-of-b", token_type: "Bearer" })
          : Response.json({ issuer: "https://b.example", token_endpoint: "https://b.example/token", ...metadata })
      )),
    network.always(
      "protected-resource-metadata",
      Answer.modified((json) => ({ ...json, authorization_servers: ["https://b.example"] }))
    )
  ])

const both = ["https://auth.example.com", "https://b.example"]

const inTenYears = 2_082_758_400

const rows: ReadonlyArray<Row> = [
  {
    name: "a hostile authorization server names the token endpoint of another one, which is the audience",
    section: "RFC 9700 §4.4",
    issuer: "discover",
    audience: "token_endpoint",
    prepare: hostileIssuer({ token_endpoint: "https://auth.example.com/token" }),
    verify: noneForOther
  },
  {
    name: "a hostile authorization server names the token endpoint of another one to a client without an issuer",
    section: "RFC 9700 §4.4",
    issuer: "discover",
    issuerUnnamed: true,
    audience: "token_endpoint",
    prepare: hostileIssuer({ token_endpoint: "https://auth.example.com/token" }),
    verify: noneForOther
  },
  {
    name: "a hostile authorization server names a token endpoint on a host that looks like another one's",
    section: "RFC 9700 §4.4",
    issuer: "discover",
    audience: "token_endpoint",
    prepare: hostileIssuer({ token_endpoint: "https://b.example@auth.example.com/token" }),
    verify: nothingSent
  },
  {
    name: "an assertion for a hostile authorization server is good at that server alone",
    section: "RFC 8725 §3.9",
    issuer: "discover",
    prepare: hostileIssuer({}),
    verify: (evidence) =>
      sent(evidence).length > 0 ? boundToReceiver(evidence) : "no assertion was sent to the named server"
  },
  {
    name: "a hostile authorization server claims the issuer of another one, which would be the audience",
    section: "RFC 8414 §3.3",
    issuer: "discover",
    prepare: hostileIssuer({ issuer: "https://auth.example.com" }),
    verify: nothingSent
  },
  {
    name: "a prebuilt assertion with two audiences is wanted by a server that only the MCP server named",
    section: "RFC 7523 §3",
    issuer: "discover",
    issuerUnnamed: true,
    assertions: prebuilt({ aud: both, exp: inTenYears }),
    prepare: hostileIssuer({}),
    verify: nothingSent
  },
  {
    name: "a prebuilt assertion for another audience is wanted by a server that the MCP server named",
    section: "RFC 7523 §3",
    issuer: "discover",
    issuerUnnamed: true,
    assertions: prebuilt({ aud: "https://auth.example.com", exp: inTenYears }),
    prepare: hostileIssuer({}),
    verify: nothingSent
  },
  {
    name: "a prebuilt assertion whose audience begins with the issuer is for another authorization server",
    section: "RFC 8725 §3.9",
    assertions: prebuilt({ aud: "https://auth.example.com.evil.example", exp: inTenYears }),
    verify: nothingSent
  },
  {
    name: "a prebuilt assertion that has expired is not sent",
    section: "RFC 7523 §3",
    assertions: prebuilt({ aud: "https://auth.example.com", exp: 1 }),
    verify: nothingSent
  },
  {
    name: "a 307 of the token endpoint would send the assertion to another origin",
    section: "RFC 9700 §4.12",
    prepare: ({ network }) => network.always("token", Answer.redirect("https://evil.example/token", 307)),
    onlyOrigins: ["https://mcp.example.com", "https://auth.example.com"]
  },
  {
    name: "an assertion that failed on its way is not sent again with the next attempt",
    section: "RFC 7523 §3",
    prepare: ({ network }) => network.script("token", Answer.status(503), Answer.dropped, Answer.status(503)),
    verify: (evidence) => {
      const ids = sent(evidence).map(({ claims }) => claims.jti)
      return ids.length > 2 && new Set(ids).size === ids.length ? undefined : "an assertion was sent twice, or too few"
    }
  },
  {
    name: "a stolen assertion expires within minutes",
    section: "RFC 7523 §3",
    verify: (evidence) =>
      sent(evidence).length > 0 &&
        sent(evidence).every(({ claims: { exp = Infinity, iat = 0 } }) => exp - iat <= 300)
        ? undefined
        : "an assertion lives longer than five minutes"
  },
  {
    name: "metadata says that the token endpoint takes no assertion, to get something weaker",
    section: "RFC 9700 §2.5",
    prepare: ({ network }) =>
      network.always(
        "authorization-server-metadata",
        Answer.modified((json) => ({ ...json, token_endpoint_auth_methods_supported: ["none", "client_secret_post"] }))
      ),
    verify: ({ tokenRequests }) =>
      tokenRequests.every(({ form }) => form.has("client_assertion") && !form.has("client_secret"))
        ? undefined
        : "a token request has no assertion"
  },
  {
    name: "the token endpoint refuses every assertion, in five calls",
    section: "RFC 6749 §5.2",
    prepare: ({ network }) => network.always("token", Answer.json({ error: "invalid_client" }, { status: 401 })),
    calls: (send, { serverUrl }) => Effect.forEach([1, 2, 3, 4, 5], () => Effect.exit(send(serverUrl))),
    limits: { tokenRequests: 10 }
  }
]

describe("attacks by servers on a client with an assertion", () => {
  for (const row of rows) {
    const { check, name, section } = HostileServersContract.fromAttack("assertions", row)
    it.effect(`${name} (${section})`, () => check(makeClient(row)))
  }
})
