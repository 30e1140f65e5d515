import type { OAuthError, SignedAssertion } from "@effect-mcp-auth/core"
import {
  AssertionProvider,
  ClientAuthentication,
  Grant,
  OAuthHttpClient,
  OAuthProvider,
  TokenStorage
} from "@effect-mcp-auth/core"
import type { TestAuthorizationServer } from "@effect-mcp-auth/testing"
import { TestMcpServer, TestNetwork } from "@effect-mcp-auth/testing"
import { PrivateKeyJwt } from "@effect-mcp-auth/private-key-jwt"
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { assert } from "@effect/vitest"
import type { Layer } from "effect"
import { Effect, Layer as Layers, Redacted } from "effect"

export const resource = "https://mcp.example.com/mcp"

export const secret = Redacted.make("s3cr:et+%/ü")

const rsa = (name: "RSASSA-PKCS1-v1_5" | "RSA-PSS") =>
  crypto.subtle.generateKey(
    { name, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
    true,
    ["sign", "verify"]
  )

/** A key pair, the private half as the PKCS#8 PEM that a configuration is given. */
const withPem = async ({ privateKey, publicKey }: CryptoKeyPair) => {
  const der = Buffer.from(await crypto.subtle.exportKey("pkcs8", privateKey)).toString("base64")
  return {
    publicKey,
    pem: Redacted.make(`-----BEGIN PRIVATE KEY-----\n${der.replaceAll(/(.{64})/g, "$1\n")}\n-----END PRIVATE KEY-----`)
  }
}

export const rs256 = await withPem(await rsa("RSASSA-PKCS1-v1_5"))
export const otherRs256 = await withPem(await rsa("RSASSA-PKCS1-v1_5"))
export const ps256 = await withPem(await rsa("RSA-PSS"))
export const es256 = await withPem(
  await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"])
)

type Profile = Effect.Effect<
  TestAuthorizationServer.TestAuthorizationServer,
  never,
  TestNetwork.TestNetwork | HttpClient.HttpClient
>

type Auth<E> = Layer.Layer<OAuthProvider.OAuthProvider, E, HttpClient.HttpClient>

const serve = (profile: Profile, requiredScopes: ReadonlyArray<string>) =>
  Effect.flatMap(
    profile,
    (authorizationServer) =>
      TestMcpServer.make({ url: resource, authorizationServers: [authorizationServer], requiredScopes })
  )

/** What a tool call is answered, and the scopes of the token that it got through with. */
export const call = <E>(profile: Profile, auth: Auth<E>, scopes: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const mcpServer = yield* serve(profile, scopes)
    const network = yield* TestNetwork.TestNetwork
    const response = yield* HttpClient.execute(
      HttpClientRequest.bodyUnsafeJson(HttpClientRequest.post(resource), {
        jsonrpc: "2.0",
        id: 1,
        method: "tools/call",
        params: { name: "echo" }
      })
    ).pipe(Effect.provide(OAuthHttpClient.layer.pipe(Layers.provide(auth))))
    const [toolCall] = yield* mcpServer.toolCalls
    return { status: response.status, scopes: toolCall?.token.scopes, requests: yield* network.count("token") }
  }).pipe(Effect.provide(TestNetwork.layer))

/** The configuration works against the profile. */
export const works = <E>(profile: Profile, auth: Auth<E>, scopes: ReadonlyArray<string>) =>
  Effect.map(
    call(profile, auth, scopes),
    (answer) => assert.deepStrictEqual(answer, { status: 200, scopes, requests: 1 })
  )

interface Expected {
  readonly tag?: OAuthError.OAuthError["_tag"]
  readonly code?: string
  readonly says: string
  readonly requests?: number
}

/** The error that a configuration gets: with this in it, after so many token requests. */
export const isRefused = <E>(
  profile: Profile,
  auth: Auth<E>,
  expected: Expected
) =>
  Effect.gen(function*() {
    yield* serve(profile, [])
    const network = yield* TestNetwork.TestNetwork
    const error = yield* Effect.flatMap(OAuthProvider.OAuthProvider, (provider) => provider.accessToken).pipe(
      Effect.flip,
      Effect.provide(auth)
    )
    assert.propertyVal(error, "_tag", expected.tag ?? "TokenEndpointError")
    if (expected.code !== undefined) {
      assert.propertyVal(error, "code", expected.code)
    }
    assert.include(String(error), expected.says)
    assert.strictEqual(yield* network.count("token"), expected.requests ?? 1)
  }).pipe(Effect.provide(TestNetwork.layer))

const grantOf = (options: PrivateKeyJwt.Options, signed: SignedAssertion.Options) =>
  PrivateKeyJwt.layer(options).pipe(
    Layers.provide(AssertionProvider.layerSigned(signed)),
    Layers.provide(TokenStorage.layerMemory)
  )

/** The configuration of the documentation, but for what a test changes in it. */
export const privateKeyJwt = (right: PrivateKeyJwt.Options, signed: Omit<SignedAssertion.Options, "issuer">) =>
(
  options: Partial<PrivateKeyJwt.Options>,
  assertion: Partial<SignedAssertion.Options> = {}
) => grantOf({ ...right, ...options }, { issuer: right.clientId, ...signed, ...assertion })

/** The error that a configuration gets when another program has sent its assertion before. */
export const isRefusedAgain = <E>(profile: Profile, auth: Auth<E>, expected: Expected) =>
  isRefused(
    Effect.tap(profile, (server) =>
      serve(Effect.succeed(server), []).pipe(
        Effect.zipRight(OAuthProvider.OAuthProvider),
        Effect.flatMap((provider) => provider.accessToken),
        Effect.provide(auth),
        Effect.orDie
      )),
    auth,
    { requests: 2, ...expected }
  )

/** A client that says nothing about itself. */
export const anonymous = (issuer: string) =>
  Layers.scoped(
    OAuthProvider.OAuthProvider,
    OAuthProvider.make({
      serverUrl: resource,
      issuer,
      grant: Grant.clientCredentials,
      clientAuthentication: ClientAuthentication.anonymous
    })
  ).pipe(Layers.provide(TokenStorage.layerMemory))
