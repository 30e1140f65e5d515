/**
 * Attacks on a client that is restarted, or that shares its storage with a client of another tenant: one row an attack.
 */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { Answer, ClientUnderAttack, HostileServersContract } from "@effect-mcp-auth/testing"
import type { ServerAttack } from "@effect-mcp-auth/testing"
import { describe, it } from "@effect/vitest"
import { HttpClient } from "@effect/platform"
import { Effect, Redacted } from "effect"
import { OAuthHttpClient, TokenStorage } from "../../src/index.ts"

/** All clients that the attack connects have this storage. */
const sharing = (storage: TokenStorage.TokenStorage.Service): ClientUnderAttack.Client =>
  ClientUnderAttack.fromHttpClient(({ clientId, clientSecret, httpClient, issuer, scopes, serverUrl }) =>
    ClientSecret.make({ serverUrl, issuer, clientId, clientSecret, scopes }).pipe(
      Effect.provideService(TokenStorage.TokenStorage, storage),
      Effect.provideService(HttpClient.HttpClient, httpClient),
      Effect.map((provider) => OAuthHttpClient.authenticate(httpClient, provider))
    )
  )

type Scene = ServerAttack.Scene

const takenOver = ({ network }: Scene) =>
  network.always(
    ({ endpoint, url }) => endpoint === "protected-resource-metadata" && url.startsWith("https://mcp.example.com"),
    Answer.modified((json) => ({ ...json, authorization_servers: ["https://evil.example"] }))
  )

/** A call, then what changes, then a call by a client that starts anew on the same storage. */
const restarted = (change: (scene: Scene) => Effect.Effect<unknown>) => (send: ClientUnderAttack.Send, scene: Scene) =>
  Effect.exit(send(scene.serverUrl)).pipe(
    Effect.andThen(change(scene)),
    Effect.andThen(scene.connect()),
    Effect.flatMap((again) => Effect.exit(again(scene.serverUrl)))
  )

const binding = "MCP Client Registration, Authorization Server Binding"

const secretOfB = Redacted.make("n3Xq7Zk1Wv9Rt5Jp2Hm8Gc4")

const rows: ReadonlyArray<ServerAttack.ServerAttack> = [
  {
    name: "after a restart the metadata names a hostile authorization server, and the stored token is valid",
    section: binding,
    issuer: "discover",
    calls: restarted(takenOver)
  },
  {
    name: "after a restart the metadata names a hostile authorization server, and the stored token is rejected",
    section: binding,
    issuer: "discover",
    calls: restarted((scene) => Effect.zipRight(takenOver(scene), scene.authorizationServer.revokeAll))
  },
  {
    name: "after a restart the metadata names a hostile authorization server, and the stored token has expired",
    section: binding,
    issuer: "discover",
    calls: restarted((scene) => Effect.zipRight(takenOver(scene), Effect.sleep("2 hours"))),
    limits: { duration: "1 day" }
  },
  {
    name: "after a restart a week later the metadata names a hostile authorization server",
    section: binding,
    issuer: "discover",
    calls: restarted((scene) => Effect.zipRight(takenOver(scene), Effect.sleep("7 days"))),
    limits: { duration: "10 days", requests: 1000, tokenRequests: 500 }
  },
  {
    name: "a client of another id on the same storage is served with the token of the first",
    section: "RFC 9700 §2.3",
    calls: (send, scene) =>
      Effect.gen(function*() {
        yield* Effect.exit(send(scene.serverUrl))
        const other = yield* scene.connect({ clientId: "tenant-b", clientSecret: secretOfB })
        yield* Effect.exit(other(scene.serverUrl))
      }),
    verify: ({ authorized, tokenRequests }) =>
      tokenRequests.length >= 2 && authorized.length === 1
        ? undefined
        : "the second client made no token request of its own, or sent a token"
  },
  {
    name: "a client of another server on the same storage is served with the token of the first",
    section: "RFC 8707 §3",
    prepare: ({ network }) =>
      network.serve("https://tenant-b.example", () => Effect.sync(() => new Response(null, { status: 401 }))),
    calls: (send, scene) =>
      Effect.gen(function*() {
        yield* Effect.exit(send(scene.serverUrl))
        const other = yield* scene.connect({ serverUrl: "https://tenant-b.example/mcp" })
        yield* Effect.exit(other("https://tenant-b.example/mcp"))
      }),
    verify: ({ authorized }) => {
      const at = (origin: string) => authorized.filter(({ url }) => url.startsWith(origin)).map((_) => _.authorization)
      const first = at("https://mcp.example.com")
      return first.length > 0 && !at("https://tenant-b.example").some((one) => first.includes(one))
        ? undefined
        : "the token of one server was sent to another"
    }
  }
]

describe("attacks on a client that is restarted, or shares its storage", () => {
  for (const row of rows) {
    const { check, name, section } = HostileServersContract.fromAttack("restart", row)
    it.effect(`${name} (${section})`, () =>
      Effect.flatMap(TokenStorage.makeMemory, (storage) => check(sharing(storage))))
  }
})
