import { ClientSecret } from "@effect-mcp-auth/client-secret"
import {
  AssertionProvider,
  ClientAuthentication,
  KeyValueTokenStorage,
  OAuthProviders,
  SignedAssertion,
  TokenStorage
} from "@effect-mcp-auth/core"
import * as ConfigOptions from "@effect-mcp-auth/core/authoring/ConfigOptions"
import { IdJag, JwtBearer } from "@effect-mcp-auth/jwt-bearer"
import { PrivateKeyJwt } from "@effect-mcp-auth/private-key-jwt"
import { FileTokenStorage } from "@effect-mcp-auth/storage-file"
import { RedisTokenStorage } from "@effect-mcp-auth/storage-redis"
import {
  AzureManagedIdentity,
  Command,
  File,
  GitHubActions,
  GitLabCi,
  GoogleMetadata,
  HttpEndpoint
} from "@effect-mcp-auth/workload-identity"
import { FetchHttpClient, HttpClientRequest, KeyValueStore } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { Config, Effect, Layer, Redacted, type Scope } from "effect"

type Context = Scope.Scope | Layer.Layer.Success<typeof context>

const context = Layer.mergeAll(
  TokenStorage.layerMemory,
  NodeContext.layer,
  FetchHttpClient.layer,
  KeyValueStore.layerMemory,
  AssertionProvider.layer(() => Effect.succeed(Redacted.make("canary")))
)

/** A constructor, with options of which each can be read once only. */
interface Subject {
  readonly name: string
  readonly make: (onRead: (option: string) => void) => Effect.Effect<unknown, unknown, Context>
}

/** The same options, each behind a getter that reports its reading. */
const watched = <Options extends object>(options: Options, onRead: (option: string) => void): Options => {
  const copy = { ...options }
  for (const [option, value] of Object.entries(options)) {
    const get = (): unknown => {
      onRead(option)
      return value
    }
    Object.defineProperty(copy, option, { enumerable: true, get })
  }
  return copy
}

const subject = <Options extends object>(
  name: string,
  options: Options,
  make: (options: Options) => Effect.Effect<unknown, unknown, Context>
): Subject => ({ name, make: (onRead) => make(watched(options, onRead)) })

const clientAuthentication = ClientAuthentication.clientSecretBasic({
  clientId: "nightly",
  clientSecret: Redacted.make("canary")
})
const assertionProvider = () => Effect.succeed(Redacted.make("canary"))

const server = {
  serverUrl: new URL("https://mcp.example.com/mcp"),
  issuer: "https://auth.example.com",
  scopes: ["reports:read"],
  stepUp: { allow: ["reports:write"] },
  resourceParameter: { value: "https://mcp.example.com" },
  additionalParameters: { audience: "reports" },
  acceptedTokenTypes: ["BearerToken"],
  insecureHosts: ["auth.internal"],
  resourceMatch: "identical" as const,
  requestTimeout: "5 seconds" as const,
  discoveryTimeout: "20 seconds" as const,
  maxResponseSize: 65_536,
  refreshPolicy: { refusalMemory: "1 second" as const },
  resourceMetadataUrl: new URL("https://mcp.example.com/metadata"),
  authorizationServerMetadataUrl: new URL("https://auth.example.com/metadata")
}

const encryptionKey = [Redacted.make(Buffer.alloc(32).toString("base64"))]

const subjects: ReadonlyArray<Subject> = [
  subject(
    "ClientSecret.make",
    {
      ...server,
      clientId: "nightly",
      clientSecret: Redacted.make("canary"),
      tokenEndpointAuthMethod: "client_secret_post" as const
    },
    ClientSecret.make
  ),
  subject(
    "PrivateKeyJwt.make",
    { ...server, clientId: "nightly", audience: { value: "reports" }, clientIdParameter: "send" as const },
    PrivateKeyJwt.make
  ),
  subject(
    "JwtBearer.make",
    { ...server, clientId: "nightly", clientAuthentication, audience: "issuer" as const, subject: "user" },
    JwtBearer.make
  ),
  subject(
    "IdJag.make",
    {
      issuer: "https://idp.example.com",
      tokenEndpoint: "https://idp.example.com/token",
      clientAuthentication,
      subjectToken: assertionProvider(),
      subjectTokenType: "saml2" as const,
      reuse: true,
      insecureHosts: ["idp.internal"]
    },
    IdJag.make
  ),
  subject(
    "SignedAssertion.make",
    {
      issuer: "nightly",
      subject: "nightly",
      signingKey: () => Effect.succeed(new Uint8Array(64)),
      signingAlgorithm: "ES256" as const,
      lifetime: "1 minute" as const,
      issuedAtOffset: "5 seconds" as const,
      type: "JWT" as const,
      keyId: "key",
      x5t: "0".repeat(40),
      x5tS256: "0".repeat(64),
      additionalClaims: { tenant: "a" },
      claimOverrides: { sub: "b" }
    },
    SignedAssertion.make
  ),
  subject(
    "ClientAuthentication.privateKeyJwt",
    { clientId: "nightly", assertionProvider, audience: { value: "a" }, clientIdParameter: "send" as const },
    (options) => ClientAuthentication.check(ClientAuthentication.privateKeyJwt(options))
  ),
  subject(
    "FileTokenStorage.make",
    { directory: "/nowhere", leaseDuration: "5 seconds" as const, encryptionKey },
    FileTokenStorage.make
  ),
  subject(
    "FileTokenStorage.makePlaintext",
    { directory: "/nowhere", leaseDuration: "5 seconds" as const },
    FileTokenStorage.makePlaintext
  ),
  subject("KeyValueTokenStorage.make", { encryptionKey }, KeyValueTokenStorage.make),
  subject(
    "RedisTokenStorage.make",
    {
      url: [Redacted.make("redis://redis.internal:6379")],
      prefix: "a:",
      leaseDuration: "5 seconds" as const,
      commandTimeout: "1 second" as const,
      pollInterval: "1 second" as const,
      redis: {},
      cluster: {},
      encryptionKey
    },
    RedisTokenStorage.make
  ),
  subject(
    "OAuthProviders.make",
    { lookup: () => Effect.never, idleTimeToLive: "1 minute" as const, capacity: 10 },
    OAuthProviders.make
  ),
  subject("ConfigOptions.read", { directory: Config.succeed("/nowhere") }, ConfigOptions.read),
  subject(
    "AzureManagedIdentity.make",
    { audience: "a", resource: "b", clientId: "c" },
    (options) => Effect.ignore(AzureManagedIdentity.make(options))
  ),
  subject("GitHubActions.make", { audience: "a" }, (options) => Effect.ignore(GitHubActions.make(options))),
  subject("GoogleMetadata.make", { audience: "a", serviceAccount: "b" }, GoogleMetadata.make),
  subject(
    "Command.make",
    {
      command: "true",
      args: ["a"],
      environment: { A: "a" },
      workingDirectory: "/",
      timeout: "1 second" as const,
      maxOutputSize: 100,
      audience: "a",
      opaque: true,
      lifetime: "1 minute" as const
    },
    Command.make
  ),
  subject("File.make", { path: "/nowhere", audience: "a", opaque: true, lifetime: "1 minute" as const }, File.make),
  subject("GitLabCi.make", { variable: "NOT_SET", audience: "a" }, (options) => Effect.ignore(GitLabCi.make(options))),
  subject(
    "HttpEndpoint.make",
    {
      request: HttpClientRequest.get("https://token.example.com/"),
      path: ["data", "token"],
      audience: "a",
      insecureHosts: ["token.internal"],
      lifetime: "1 minute" as const
    },
    HttpEndpoint.make
  )
]

describe("the options of a constructor", () => {
  it.scopedLive.each(subjects.map((one) => [one.name, one] as const))(
    "%s reads each option once, so that no later value can take the place of the checked one",
    ([, { make }]) =>
      Effect.gen(function*() {
        const reads: Array<string> = []
        yield* make((option) => reads.push(option))
        expect(reads.length).toBeGreaterThan(0)
        expect(reads.filter((option, index) => reads.indexOf(option) !== index)).toEqual([])
      }).pipe(Effect.provide(context))
  )
})
