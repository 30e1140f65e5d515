import * as ClientAuthentication from "@effect-mcp-auth/core/ClientAuthentication"
import * as SignedAssertion from "@effect-mcp-auth/core/SignedAssertion"
import type { TokenRequestContext } from "@effect-mcp-auth/core/TokenRequestContext"
import { type OAuthClientInformationMixed, refreshAuthorization } from "@modelcontextprotocol/client"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import * as Oauth from "oauth4webapi"
import { REFUSED } from "../src/comparison.ts"
import { compared } from "./support.ts"

const issuer = "https://auth.example.com"

const context: TokenRequestContext = {
  authorizationServer: {
    issuer,
    tokenEndpoint: new URL("https://auth.example.com/token"),
    metadata: { issuer, token_endpoint: "https://auth.example.com/token" }
  },
  resource: "https://mcp.example.com",
  resourceParameter: "https://mcp.example.com",
  scopes: []
}

const server = { issuer, token_endpoint: "https://auth.example.com/token" }

const character = FastCheck.constantFrom(
  "a",
  "Z",
  "0",
  "+",
  "%",
  ":",
  "&",
  "=",
  " ",
  "/",
  "*",
  "-",
  ".",
  "_",
  "~",
  "!",
  "'",
  "(",
  "é",
  "€",
  "🤖"
)

const text = FastCheck.array(character, { minLength: 1, maxLength: 8 }).map((characters) => characters.join(""))

const credentials = FastCheck.record({ id: text, secret: text })

type Credentials = { readonly id: string; readonly secret: string }

const BLANK = {
  name: "an id or a secret of white space alone is refused",
  reason: "Such a text comes from a variable that is not set. No authorization server issues one.",
  applies: (input: { readonly id: string; readonly secret?: string }, ours: unknown): boolean =>
    ours === REFUSED && [input.id, input.secret ?? "-"].some((text) => text.trim() === "")
}

/** The id and the secret that an authorization server reads in the header (RFC 6749 §2.3.1). */
const readBasic = (header: string): ReadonlyArray<string> =>
  Buffer.from(header.replace("Basic ", ""), "base64").toString().split(":").map((part) =>
    decodeURIComponent(part.replaceAll("+", " "))
  )

const ourProof = (make: typeof ClientAuthentication.clientSecretBasic, { id, secret }: Credentials) =>
  Effect.runPromise(make({ clientId: id, clientSecret: Redacted.make(secret) }).prove(context))

const ourBasic = async (credentials: Credentials): Promise<string | undefined> => {
  const { authorization } = await ourProof(ClientAuthentication.clientSecretBasic, credentials)
  return authorization === undefined ? undefined : Redacted.value(authorization)
}

const oauthBasic = async ({ id, secret }: Credentials): Promise<string> => {
  const headers = new Headers()
  await Oauth.ClientSecretBasic(secret)(server, { client_id: id }, new URLSearchParams(), headers)
  return headers.get("authorization") ?? ""
}

compared("the header of client_secret_basic, beside oauth4webapi", {
  inputs: credentials,
  examples: [{ id: "a", secret: " " }, { id: "a*b-c.d_e", secret: "x" }, { id: "abc", secret: "def" }],
  ours: ourBasic,
  theirs: oauthBasic,
  rules: [BLANK, {
    name: "four characters stay as they are",
    reason:
      "The form encoding (RFC 6749 appendix B) leaves `*`, `-`, `.` and `_`. oauth4webapi encodes them too, and " +
      "both mean the same: an authorization server that does not decode finds only our text.",
    applies: (input, ours, theirs) =>
      /[*\-._]/.test(input.id + input.secret) && ours !== REFUSED && theirs !== REFUSED &&
      JSON.stringify(readBasic(ours)) === JSON.stringify(readBasic(theirs))
  }]
})

compared("what an authorization server reads in client_secret_basic, beside oauth4webapi", {
  inputs: credentials,
  examples: [{ id: "a", secret: " " }, { id: "a:b", secret: "+ %41" }],
  ours: async (input) => readBasic(await ourBasic(input) ?? ""),
  theirs: async (input) => readBasic(await oauthBasic(input)),
  rules: [BLANK]
})

interface Request {
  readonly authorization: string | null
  readonly body: ReadonlyArray<readonly [string, string]>
}

/** The token request of the SDK. */
const sdkRequest = async (method: string, { id, secret }: Credentials): Promise<Request> => {
  let request: Request | undefined
  const clientInformation: OAuthClientInformationMixed = {
    client_id: id,
    client_secret: secret,
    redirect_uris: [],
    token_endpoint_auth_method: method
  }
  await refreshAuthorization(issuer, {
    clientInformation,
    refreshToken: "r",
    metadata: { ...server, authorization_endpoint: `${issuer}/a`, response_types_supported: ["code"] },
    fetchFn: (_, init) => {
      request = {
        authorization: new Headers(init?.headers).get("authorization"),
        body: [...new URLSearchParams(init?.body instanceof URLSearchParams ? init.body : "")]
      }
      return Promise.resolve(Response.json({ access_token: "t", token_type: "Bearer" }))
    }
  })
  if (request === undefined) throw new Error("the SDK sent nothing")
  return request
}

compared("the header of client_secret_basic, beside the SDK", {
  inputs: credentials,
  examples: [{ id: "a", secret: " " }, { id: "abc", secret: "def" }, { id: "abc", secret: "d:e+f" }, {
    id: "abc",
    secret: "€"
  }],
  ours: ourBasic,
  theirs: async (input) => (await sdkRequest("client_secret_basic", input)).authorization ?? undefined,
  rules: [
    BLANK,
    {
      name: "the id and the secret are form-encoded",
      reason: "RFC 6749 §2.3.1. The SDK does not encode, so that a server that decodes reads another secret.",
      applies: ({ id, secret }, ours, theirs) =>
        /[^\w*.-]/.test(id + secret) && ours !== REFUSED && theirs !== REFUSED &&
        JSON.stringify(readBasic(ours)) === JSON.stringify([id, secret])
    },
    {
      name: "every Unicode text can be sent",
      reason: "RFC 6749 appendix B: the texts are UTF-8. The SDK throws above U+00FF.",
      applies: ({ id, secret }, ours, theirs) =>
        theirs === REFUSED && ours !== REFUSED && JSON.stringify(readBasic(ours)) === JSON.stringify([id, secret])
    }
  ]
})

const postOf = (body: Iterable<readonly [string, string]>): ReadonlyArray<readonly [string, string]> =>
  [...body].filter(([name]) => name.startsWith("client_")).toSorted(([a], [b]) => a < b ? -1 : 1)

const ourPost = async (credentials: Credentials) => {
  const { parameters = {} } = await ourProof(ClientAuthentication.clientSecretPost, credentials)
  return postOf(
    Object.entries(parameters).map(([name, value]): [string, string] => [
      name,
      typeof value === "string" ? value : Redacted.value(value)
    ])
  )
}

compared("the parameters of client_secret_post, beside oauth4webapi", {
  inputs: credentials,
  examples: [{ id: "a", secret: " " }, { id: "abc", secret: "d:e+f" }],
  ours: ourPost,
  theirs: async ({ id, secret }) => {
    const body = new URLSearchParams()
    await Oauth.ClientSecretPost(secret)(server, { client_id: id }, body, new Headers())
    return postOf(body)
  },
  rules: [BLANK]
})

compared("the parameters of client_secret_post, beside the SDK", {
  inputs: credentials,
  examples: [{ id: "a", secret: " " }, { id: "abc", secret: "d:e+f" }],
  ours: ourPost,
  theirs: async (input) => postOf((await sdkRequest("client_secret_post", input)).body),
  rules: [BLANK]
})

const algorithms = {
  ES256: { name: "ECDSA", namedCurve: "P-256" },
  ES384: { name: "ECDSA", namedCurve: "P-384" },
  EdDSA: { name: "Ed25519" }
} as const

const keys = new Map<string, Promise<CryptoKey>>()

const makeKey = async (alg: keyof typeof algorithms): Promise<CryptoKey> => {
  const made = await crypto.subtle.generateKey(algorithms[alg], true, ["sign", "verify"])
  if ("type" in made) throw new Error(`the key for ${alg} is no pair`)
  return made.privateKey
}

const keyOf = (alg: keyof typeof algorithms): Promise<CryptoKey> => {
  const made = keys.get(alg) ?? makeKey(alg)
  keys.set(alg, made)
  return made
}

interface Assertion {
  readonly type: string | undefined
  readonly clientId: string | undefined
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
  readonly lifetime: number
  /** Whether `jti` and `iat` are as RFC 7523 §3 wants them. */
  readonly isNew: boolean
}

const part = (text: string | undefined): Readonly<Record<string, unknown>> =>
  JSON.parse(Buffer.from(text ?? "", "base64url").toString())

const assertionOf = (body: ReadonlyMap<string, string>): Assertion => {
  const [header, claims] = (body.get("client_assertion") ?? "").split(".")
  const { exp, iat, jti, ...rest } = part(claims)
  return {
    type: body.get("client_assertion_type"),
    clientId: body.get("client_id"),
    header: part(header),
    claims: rest,
    lifetime: Number(exp) - Number(iat),
    isNew: typeof jti === "string" && jti.length >= 32 && Math.abs(Number(iat) - Date.now() / 1000) < 60
  }
}

/** The header and the claims that both assertions have. */
const common = ({ claims, header, isNew, type }: Assertion) => {
  const { nbf: _, ...rest } = claims
  const { typ: _typ, ...plain } = header
  return { type, claims: rest, header: { ...plain, alg: plain["alg"] === "Ed25519" ? "EdDSA" : plain["alg"] }, isNew }
}

compared("the assertion of private_key_jwt, beside oauth4webapi", {
  inputs: FastCheck.record({
    id: text,
    alg: FastCheck.constantFrom("ES256" as const, "ES384" as const, "EdDSA" as const),
    keyId: FastCheck.constantFrom("k", "2026-01")
  }),
  examples: [{ id: " ", alg: "ES256" as const, keyId: "k" }, { id: "client", alg: "EdDSA" as const, keyId: "k" }],
  ours: async ({ alg, id, keyId }) => {
    const signingKey = await keyOf(alg)
    const proof = await Effect.runPromise(
      SignedAssertion.make({ issuer: id, signingKey, signingAlgorithm: alg, keyId }).pipe(
        Effect.flatMap((assertionProvider) =>
          ClientAuthentication.privateKeyJwt({ clientId: id, assertionProvider, clientIdParameter: "send" }).prove(
            context
          )
        )
      )
    )
    return common(assertionOf(
      new Map(
        Object.entries(proof.parameters ?? {}).map(([name, value]) => [
          name,
          typeof value === "string" ? value : Redacted.value(value)
        ])
      )
    ))
  },
  theirs: async ({ alg, id, keyId }) => {
    const body = new URLSearchParams()
    const key = await keyOf(alg)
    await Oauth.PrivateKeyJwt({ key, kid: keyId })(server, { client_id: id }, body, new Headers())
    return common(assertionOf(new Map(body)))
  },
  rules: [BLANK]
})
