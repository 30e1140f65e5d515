import { ClientSecret } from "@effect-mcp-auth/client-secret"
import {
  AssertionProvider,
  ClientAuthentication,
  KeyValueTokenStorage,
  SignedAssertion,
  TokenStorage
} from "@effect-mcp-auth/core"
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
import { assert, describe, expect, it } from "@effect/vitest"
import { Config, Effect, Layer, Redacted, type Scope } from "effect"

type Context =
  | AssertionProvider.AssertionProvider
  | Scope.Scope
  | Layer.Layer.Success<typeof context>

const context = Layer.mergeAll(
  TokenStorage.layerMemory,
  NodeContext.layer,
  FetchHttpClient.layer,
  KeyValueStore.layerMemory,
  AssertionProvider.layer(() => Effect.succeed(Redacted.make("canary")))
)

/** A constructor that a caller in JavaScript calls, and good options for it. */
interface Subject {
  readonly name: string
  readonly good: object
  readonly make: (options: unknown) => Effect.Effect<unknown, unknown, Context>
}

const subject = <Options extends object>(
  name: string,
  good: Options,
  make: (options: Options) => Effect.Effect<unknown, unknown, Context>
): Subject => ({ name, good, make: (options) => make(Object.assign({ value: good }, { value: options }).value) })

const clientAuthentication = ClientAuthentication.clientSecretBasic({
  clientId: "nightly",
  clientSecret: Redacted.make("canary")
})
const server = { serverUrl: "https://mcp.example.com/mcp", issuer: "https://auth.example.com" }
const encryptionKey = Redacted.make(Buffer.alloc(32, 7).toString("base64"))

const subjects: ReadonlyArray<Subject> = [
  subject(
    "ClientSecret.make",
    { ...server, clientId: "nightly", clientSecret: Redacted.make("canary") },
    ClientSecret.make
  ),
  subject("PrivateKeyJwt.make", { ...server, clientId: "nightly" }, PrivateKeyJwt.make),
  subject("JwtBearer.make", { ...server }, JwtBearer.make),
  subject(
    "IdJag.make",
    { issuer: "https://idp.example.com", clientAuthentication, subjectToken: Effect.succeed(Redacted.make("canary")) },
    IdJag.make
  ),
  subject(
    "SignedAssertion.make",
    { issuer: "nightly", signingKey: () => Effect.succeed(new Uint8Array(64)), signingAlgorithm: "ES256" },
    SignedAssertion.make
  ),
  subject("FileTokenStorage.make", { directory: "/nowhere", encryptionKey }, FileTokenStorage.make),
  subject("FileTokenStorage.makePlaintext", { directory: "/nowhere" }, FileTokenStorage.makePlaintext),
  subject(
    "RedisTokenStorage.make",
    { url: Redacted.make("redis://127.0.0.1:1"), encryptionKey },
    RedisTokenStorage.make
  ),
  subject(
    "RedisTokenStorage.makePlaintext",
    { url: Redacted.make("redis://127.0.0.1:1") },
    RedisTokenStorage.makePlaintext
  ),
  subject("KeyValueTokenStorage.make", { encryptionKey }, KeyValueTokenStorage.make),
  subject("AzureManagedIdentity.make", {}, AzureManagedIdentity.make),
  subject("GitHubActions.make", {}, GitHubActions.make),
  subject("GoogleMetadata.make", {}, GoogleMetadata.make),
  subject("Command.make", { command: "true" }, Command.make),
  subject("File.make", { path: "/nowhere" }, File.make),
  subject("File.makeEnvironment", { variable: "HOME" }, File.makeEnvironment),
  subject("GitLabCi.make", { variable: "ID_TOKEN" }, GitLabCi.make),
  subject("HttpEndpoint.make", { request: HttpClientRequest.get("https://token.example.com/") }, HttpEndpoint.make)
]

/** Options that may be left out, so that a wrong value of each is tried besides those of the good options. */
const others: Readonly<Record<string, ReadonlyArray<string>>> = {
  "ClientSecret.make": [
    "scopes",
    "acceptedTokenTypes",
    "insecureHosts",
    "stepUp",
    "maxResponseSize",
    "resourceMetadataUrl",
    "authorizationServerMetadataUrl",
    "resourceMatch",
    "tokenEndpoint",
    "tokenEndpointAuthMethod"
  ],
  "IdJag.make": ["onRefreshToken", "subjectTokenType", "maxResponseSize"],
  "SignedAssertion.make": ["keyId", "x5t", "x5tS256", "type"],
  "FileTokenStorage.make": ["leaseDuration"],
  "RedisTokenStorage.make": ["leaseDuration"],
  "Command.make": ["args", "environment", "workingDirectory", "lifetime", "timeout", "audience"],
  "GitLabCi.make": ["audience"],
  "GoogleMetadata.make": ["audience", "serviceAccount"],
  "HttpEndpoint.make": ["path", "lifetime", "audience", "insecureHosts"]
}

const wrongValues: ReadonlyArray<readonly [what: string, value: unknown]> = [
  ["a symbol", Symbol("canary")],
  ["an object without a prototype", Object.create(null)],
  ["a list of null", [null]],
  ["a wrapped number", Redacted.make(7)]
]
const missingValues: ReadonlyArray<readonly [what: string, value: unknown]> = [["undefined", undefined], ["null", null]]

/** Options that may be left out altogether, or be undefined. */
const optional: ReadonlySet<string> = new Set([
  "AzureManagedIdentity.make options",
  "GitHubActions.make options",
  "GoogleMetadata.make options",
  "JwtBearer.make issuer",
  "PrivateKeyJwt.make issuer"
])

const mistakes = subjects.flatMap(({ good, make, name }) => {
  const wrong = (option: string, values: typeof wrongValues) =>
    values.map(([what, value]) => ({ name, make, option, what, value: { ...good, [option]: value } }))
  return [
    ...[undefined, null, "canary", 7].map((value) => ({ name, make, option: "options", what: String(value), value })),
    ...Object.keys(good).flatMap((option) => wrong(option, [...missingValues, ...wrongValues])),
    ...(others[name] ?? []).flatMap((option) => wrong(option, wrongValues))
  ]
}).filter(({ name, option, what }) =>
  !(what === "undefined" && optional.has(`${name} ${option}`)) &&
  // An object is an environment, whatever its prototype is.
  !(option === "environment" && what === "an object without a prototype")
)

describe("a mistake in the options", () => {
  it.scopedLive.each(mistakes.map((mistake) => [mistake.name, mistake.option, mistake.what, mistake] as const))(
    "of %s is a failure that names the option `%s`: %s",
    ([, , , { make, option, value }]) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Effect.suspend(() => make(value)))
        assert(typeof error === "object" && error !== null && "_tag" in error && "option" in error)
        expect([error._tag, error.option]).toEqual(["InvalidOptions", option])
        expect(JSON.stringify(error)).not.toContain("canary")
      }).pipe(Effect.provide(context))
  )
})

describe("options from a configuration", () => {
  const layers: ReadonlyArray<
    readonly [
      name: string,
      make: (
        options: object
      ) => Layer.Layer<never, unknown, Context> | Layer.Layer<TokenStorage.TokenStorage, unknown, Context>
    ]
  > = [
    [
      "FileTokenStorage.layerConfig",
      (options) =>
        FileTokenStorage.layerConfig(
          Object.assign({ directory: Config.string("D"), encryptionKey: Config.succeed(encryptionKey) }, options)
        )
    ],
    [
      "RedisTokenStorage.layerConfig",
      (options) =>
        RedisTokenStorage.layerConfig(
          Object.assign({ url: Config.redacted("U"), encryptionKey: Config.succeed(encryptionKey) }, options)
        )
    ],
    [
      "KeyValueTokenStorage.layerConfig",
      (options) =>
        KeyValueTokenStorage.layerConfig(Object.assign({ encryptionKey: Config.succeed(encryptionKey) }, options))
    ]
  ]

  it.scopedLive.each(layers)("of %s are refused by name if one is no `Config`", ([, make]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Layer.build(Layer.suspend(() => make({ encryptionKey: "canary" }))))
      expect(error).toMatchObject({ _tag: "InvalidOptions", option: "encryptionKey" })
      expect(JSON.stringify(error)).not.toContain("canary")
    }).pipe(Effect.provide(context)))

  it.scopedLive("may be left out as undefined", () =>
    Effect.gen(function*() {
      const unset: object = { leaseDuration: undefined }
      const options = { encryptionKey: Config.succeed(encryptionKey), directory: Config.succeed("/nowhere") }
      yield* Layer.build(FileTokenStorage.layerConfig(Object.assign(options, unset)))
    }).pipe(Effect.provide(context)))
})
