/**
 * The client for the official conformance suite, which starts it as `node src/client.ts <server-url>`: connects, lists
 * the tools, calls one, closes. Exit code 0 means that it did all this; otherwise stderr says why not.
 *
 * One machine client serves all scenarios. Its behaviour depends on the context that the suite passes (`Context.ts`)
 * and on the answers of the servers, never on the name of the scenario.
 */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import {
  AssertionProvider,
  ClientAuthentication,
  Grant,
  McpExtension,
  OAuthError,
  OAuthFetch,
  OAuthProvider,
  TokenStorage
} from "@effect-mcp-auth/core"
import { IdJag, JwtBearer } from "@effect-mcp-auth/jwt-bearer"
import { PrivateKeyJwt } from "@effect-mcp-auth/private-key-jwt"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Context from "./Context.ts"
import { explain } from "./explain.ts"

/** The provider for each kind of context. A new grant is added here. */
const identity = (serverUrl: string, context: Context.Context) => {
  switch (context._tag) {
    case "PrivateKey":
      return PrivateKeyJwt.layer({ serverUrl, clientId: context.client_id }).pipe(
        Layer.provide(AssertionProvider.layerSigned({
          issuer: context.client_id,
          signingKey: context.private_key_pem,
          signingAlgorithm: context.signing_algorithm
        }))
      )
    case "Workload":
      return workload(serverUrl, context.client_id, context.valid_jwt)
    case "EnterpriseManaged":
      return JwtBearer.layer({
        serverUrl,
        issuer: "discover",
        clientAuthentication: ClientAuthentication.clientSecretDiscover({
          clientId: context.client_id,
          clientSecret: context.client_secret
        })
      }).pipe(
        Layer.provide(IdJag.layer({
          issuer: context.idp_issuer,
          clientAuthentication: ClientAuthentication.none(context.idp_client_id),
          subjectToken: Effect.succeed(context.idp_id_token)
        }))
      )
    case "ClientSecret":
      return ClientSecret.layer({
        serverUrl,
        issuer: context.issuer ?? "discover",
        clientId: context.client_id,
        clientSecret: context.client_secret,
        tokenEndpointAuthMethod: "discover"
      })
    case "Unregistered":
      return madeUp(serverUrl)
  }
}

/** The MCP extensions that the client declares. The extension for workloads is a draft without an identifier. */
const extensions = (context: Context.Context): Record<string, Record<string, never>> => {
  switch (context._tag) {
    case "EnterpriseManaged":
      return McpExtension.enterpriseManagedAuthorization
    case "Workload":
      return {}
    case "ClientSecret":
    case "PrivateKey":
    case "Unregistered":
      return McpExtension.clientCredentials
  }
}

const workload = (serverUrl: string, clientId: string, assertion: Redacted.Redacted<string>) =>
  JwtBearer.layer({ serverUrl, clientId }).pipe(Layer.provide(AssertionProvider.layerStatic(assertion)))

/** Fails unless the client refuses both bad tokens for the right reason. The suite fails a request that sends one. */
const refuse = (
  serverUrl: string,
  { client_id, expired_jwt, wrong_audience_jwt }: Extract<Context.Context, { readonly _tag: "Workload" }>
) =>
  Effect.forEach(
    [["WrongAudience", wrong_audience_jwt], ["Expired", expired_jwt]] as const,
    ([reason, assertion]) =>
      OAuthProvider.OAuthProvider.pipe(
        Effect.flatMap(({ accessToken }) => accessToken),
        Effect.provide(workload(serverUrl, client_id, assertion)),
        Effect.flip,
        Effect.filterOrFail(
          (error) => error instanceof OAuthError.AssertionError && error.reason === reason,
          (error) => error
        )
      ),
    { discard: true }
  )

/**
 * Made-up credentials, for scenarios without a registered client: a machine is registered by its operator before it
 * runs. The metadata decides how the secret is sent. Where it lists no method for a secret, as in scenarios for public
 * clients, the client id is sent alone.
 */
const madeUp = (serverUrl: string) => {
  const secret = { clientId: "made-up-client", clientSecret: Redacted.make("made-up-secret") }
  const listed = ClientAuthentication.clientSecretDiscover(secret)
  const publicClient = ClientAuthentication.none(secret.clientId)
  return Layer.scoped(
    OAuthProvider.OAuthProvider,
    OAuthProvider.make({
      serverUrl,
      issuer: "discover",
      grant: Grant.clientCredentials,
      clientAuthentication: {
        ...listed,
        prove: (context) => Effect.catchAll(listed.prove(context), () => publicClient.prove(context))
      }
    })
  )
}

/** The first revision without the `initialize` handshake. From this revision on, the SDK needs the revision to use. */
const FIRST_STATELESS_REVISION = "2026-07-28"

const protocolOptions = (revision: string) =>
  revision < FIRST_STATELESS_REVISION
    ? { supportedProtocolVersions: [revision] }
    : { versionNegotiation: { mode: { pin: revision } } }

/** Passes the errors of the SDK on unchanged: their causes say why a call failed. */
const sdk = <A>(call: () => Promise<A>) => Effect.tryPromise({ try: call, catch: (error) => error })

const connect = (serverUrl: string, context: Context.Context, revision: Option.Option<string>) =>
  Effect.gen(function*() {
    const fetch = yield* OAuthFetch.make
    const client = new Client(
      { name: "effect-mcp-auth-conformance", version: "0.0.0" },
      {
        ...Option.match(revision, { onNone: () => ({}), onSome: protocolOptions }),
        capabilities: { extensions: extensions(context) }
      }
    )
    yield* Effect.acquireRelease(
      sdk(() => client.connect(new StreamableHTTPClientTransport(new URL(serverUrl), { fetch }))),
      () => Effect.promise(() => client.close())
    )
    return client
  })

const work = (serverUrl: string, context: Context.Context, revision: Option.Option<string>) =>
  Effect.gen(function*() {
    const client = yield* connect(serverUrl, context, revision)
    const { tools } = yield* sdk(() => client.listTools())
    const tool = tools.find(({ inputSchema }) => (inputSchema.required ?? []).length === 0)
    if (tool !== undefined) yield* sdk(() => client.callTool({ name: tool.name, arguments: {} }))
  }).pipe(Effect.scoped)

const program = Effect.gen(function*() {
  const serverUrl = process.argv.slice(2).at(-1)
  if (serverUrl === undefined) return yield* Effect.fail(new Error("Usage: node src/client.ts <server-url>"))
  const json = yield* Config.string("MCP_CONFORMANCE_CONTEXT").pipe(Config.withDefault("{}"))
  const revision = yield* Config.option(Config.string("MCP_CONFORMANCE_PROTOCOL_VERSION"))
  const context = yield* Context.decode(json)
  if (context._tag === "Workload") yield* refuse(serverUrl, context)
  yield* Effect.provide(work(serverUrl, context, revision), identity(serverUrl, context))
})

await program.pipe(
  Effect.provide([TokenStorage.layerMemory, FetchHttpClient.layer]),
  Effect.catchAll((error) =>
    Effect.sync(() => {
      console.error(explain(error))
      process.exitCode = 1
    })
  ),
  Effect.runPromise
)
