import * as Assertion from "@effect-mcp-auth/core/Assertion"
import { isSameIssuer } from "@effect-mcp-auth/core/AuthorizationServer"
import * as Jwt from "@effect-mcp-auth/core/Jwt"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { CLIENT, clientOf, NOW, right, run, SECRET } from "../support.ts"
import type { Target } from "../Target.ts"
import { holds } from "../Target.ts"
import * as ClientAuthentication from "@effect-mcp-auth/core/ClientAuthentication"
import * as IdJag from "@effect-mcp-auth/jwt-bearer/IdJag"
import * as AzureManagedIdentity from "@effect-mcp-auth/workload-identity/AzureManagedIdentity"
import * as GitHubActions from "@effect-mcp-auth/workload-identity/GitHubActions"
import * as GoogleMetadata from "@effect-mcp-auth/workload-identity/GoogleMetadata"
import * as HttpEndpoint from "@effect-mcp-auth/workload-identity/HttpEndpoint"
import type { AssertionProvider } from "@effect-mcp-auth/core/AssertionProvider"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"

const request: Assertion.AssertionRequest = {
  audience: "https://auth.example.com",
  issuer: "https://auth.example.com",
  tokenEndpoint: "https://auth.example.com/token",
  resource: "https://mcp.example.com/mcp",
  scopes: ["mcp"],
  refused: []
}

const encode = (text: string): string => Buffer.from(text).toString("base64url")

/**
 * A JWT from its parts, a line each: the JSON of the header and of the claims, and the signature. A text without such
 * lines is the JWT itself.
 */
const jwtOf = (input: string): string => {
  if (!input.startsWith("{")) return input
  const [header = "", claims = "", ...rest] = input.split("\n")
  return [encode(header), encode(claims), ...rest].join(".")
}

const SIGNATURE = "A".repeat(43)
const seconds = NOW / 1000

const claims = (more: object = {}) =>
  JSON.stringify({ iss: "i", sub: "canary", aud: request.audience, exp: seconds + 300, jti: "j", ...more })

const seeds = [
  `{"alg":"HS256","typ":"JWT"}\n${claims()}\n${SIGNATURE}`,
  `{"alg":"none"}\n${claims()}\n`,
  `{"alg":"NoNe"}\n${claims()}\nAA`,
  `{"alg":"ES256"}\n${claims({ aud: [request.audience, "https://other.example"], nbf: seconds })}\n${"A".repeat(86)}`,
  `{"alg":"HS256"}\n${claims({ aud: request.tokenEndpoint, exp: 1e300 })}\n${SIGNATURE}`,
  `{"alg":"HS256"}\n${claims({ aud: "x\u2028forged", exp: seconds - 1, resource: ["a"] })}\n${SIGNATURE}`,
  `{"alg":"dir","enc":"A256GCM"}\n\nAA\nAA\nAA`,
  "opaque-assertion",
  "eyJhbGciOiJIUzI1NiJ9.e30.AA"
]

export const jwt: Target = {
  name: "jwt",
  input: "a JWT, or the JSON of its header, of its claims and its signature, a line each",
  seeds,
  dictionary: ["\"alg\":\"none\"", "\"aud\":", request.audience, request.tokenEndpoint, "\"exp\":", "\"nbf\":"],
  run: (input) => {
    const text = jwtOf(input)
    const read = Option.getOrUndefined(Jwt.read(text))
    holds(!(Jwt.isJws(text) && Jwt.isJwe(text)), "a text is a JWS and a JWE")
    holds(read === undefined || Jwt.isJws(text), "a JWT was read that is no JWS")
    if (read !== undefined && read.header.alg.toLowerCase() === "none") {
      holds(Jwt.isUnsigned(text), "a JWT with `alg` none counts as signed")
    }
    for (const opaque of [false, true]) {
      for (const issuerUnnamed of [false, true]) {
        const checked = right(
          Assertion.check(Redacted.make(text), { ...request, issuerUnnamed }, { now: NOW, opaque }),
          // An error shows no part of the assertion but its audience.
          text.length > 60 ? [text] : []
        )
        if (checked === undefined) continue
        holds(!Jwt.isUnsigned(text), "an unsigned assertion may be sent")
        holds(read !== undefined || opaque, "a text that is no JWT may be sent")
        holds(read !== undefined || !issuerUnnamed, "a text without audience may go to an unnamed issuer")
        if (read === undefined) continue
        const audiences = [read.claims.aud ?? []].flat()
        holds(
          audiences.some((one) => isSameIssuer(one, request.issuer) || Assertion.isSameUrl(one, request.tokenEndpoint)),
          "an assertion for somebody else may be sent"
        )
        holds(!issuerUnnamed || audiences.length === 1, "an assertion for several may go to an unnamed issuer")
        holds((read.claims.exp ?? seconds + 1) > seconds, "an expired assertion may be sent")
      }
    }
  }
}

/** A body as JSON, with the texts that begin like the JSON of a header made into JWTs. */
const answerWith = (input: string): string => {
  const end = input.indexOf("\n\n") + 2
  try {
    const value: unknown = JSON.parse(
      input.slice(end),
      (_, inner: unknown) => typeof inner === "string" ? jwtOf(inner) : inner
    )
    return input.slice(0, end) + JSON.stringify(value)
  } catch {
    return input
  }
}

const ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"

const json = (value: unknown, status = 200) => `${status}\ncontent-type: application/json\n\n${JSON.stringify(value)}`

export const idJag: Target = {
  name: "id-jag",
  input: "the answer of an identity provider to a token exchange (RFC 8693); a text in it may be the parts of a JWT",
  seeds: [
    ...seeds.map((text) =>
      json({ access_token: text, issued_token_type: ID_JAG, token_type: "N_A", expires_in: 300, scope: "mcp" })
    ),
    json({
      access_token: `{"alg":"HS256","typ":"oauth-id-jag+jwt"}\n${claims({ resource: request.resource })}\n${SIGNATURE}`,
      issued_token_type: ID_JAG,
      token_type: "n_a",
      refresh_token: "r"
    }),
    json({ error: "invalid_grant", error_description: SECRET }, 400),
    json({ error: "invalid_client" }, 401),
    "502\ncontent-type: text/html\n\n<html>"
  ],
  dictionary: [SECRET, ID_JAG, "N_A", "access_token", "issued_token_type", "token_type", "expires_in", "refresh_token"],
  run: async (input) => {
    const provider = IdJag.make({
      tokenEndpoint: "https://idp.example.com/token",
      clientAuthentication: ClientAuthentication.clientSecretPost({
        clientId: CLIENT,
        clientSecret: Redacted.make(SECRET)
      }),
      subjectToken: Effect.succeed(Redacted.make(`subject ${SECRET}`.replaceAll(/[^\x21-\x7e]/g, "-")))
    })
    await useProvider(Effect.scoped(Effect.flatMap(provider, (provide) => provide(request))), answerWith(input))
  }
}

/** The provider's answer must be an assertion that may be sent. */
const useProvider = async <E>(
  provide: Effect.Effect<Redacted.Redacted<string>, E, HttpClient.HttpClient>,
  ...answers: ReadonlyArray<string>
): Promise<void> => {
  const variables = new Map([
    ["ACTIONS_ID_TOKEN_REQUEST_URL", "https://actions.example/token?api-version=2"],
    ["ACTIONS_ID_TOKEN_REQUEST_TOKEN", SECRET],
    ["IDENTITY_ENDPOINT", "http://169.254.131.2/msi/token"],
    ["IDENTITY_HEADER", "identity-Zq-header"]
  ])
  const assertion = await run(
    provide.pipe(
      Effect.provideService(HttpClient.HttpClient, clientOf(answers)),
      Effect.withConfigProvider(ConfigProvider.fromMap(variables))
    ),
    [SECRET]
  )
  if (assertion === undefined) return
  const text = Redacted.value(assertion)
  holds(/^[\x21-\x7e]+$/.test(text), "an assertion has a character that no assertion has")
  holds(!Jwt.isUnsigned(text), "an unsigned assertion may be sent")
}

const providers: ReadonlyArray<
  () => Effect.Effect<AssertionProvider.Service, unknown, HttpClient.HttpClient>
> = [
  () => GitHubActions.make(),
  () => AzureManagedIdentity.make(),
  () => GoogleMetadata.make(),
  () =>
    HttpEndpoint.make({
      request: HttpClientRequest.get("https://broker.example/token").pipe(HttpClientRequest.bearerToken(SECRET)),
      path: ["data", "token"],
      opaque: true
    })
]

export const workloadIdentity: Target = {
  name: "workload-identity",
  input: "the number of a platform (0 GitHub, 1 Azure, 2 Google, 3 another), and from the next line on its answer",
  seeds: seeds.slice(0, 5).flatMap((text) => [
    `0\n${json({ value: text })}`,
    `1\n${json({ access_token: text, expires_on: String(seconds + 3600), token_type: "Bearer" })}`,
    `2\n200\ncontent-type: text/html\nmetadata-flavor: Google\n\n${jwtOf(text)}`,
    `3\n${json({ data: { token: text } })}`
  ]).concat([
    `0\n${json({ message: `no ${SECRET}` }, 403)}`,
    `1\n${json({ error: "invalid_request", error_description: "Identity not found" }, 400)}`,
    `2\n404\nretry-after: 3\n\nservice account not found`,
    `3\n${json({ errors: ["permission denied"] }, 403)}`
  ]),
  dictionary: [
    SECRET,
    "access_token",
    "value",
    "expires_on",
    "expires_in",
    "metadata-flavor: Google",
    "message",
    "data"
  ],
  run: async (input) => {
    const [first = "", ...rest] = input.split("\n")
    const make = providers[Number.parseInt(first, 10)] ?? providers[0]
    if (make === undefined) return
    await useProvider(Effect.flatMap(make(), (provide) => provide(request)), answerWith(rest.join("\n")))
  }
}
