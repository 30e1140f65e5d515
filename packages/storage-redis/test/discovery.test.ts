import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { OAuthHttpClient, OAuthProvider, TokenStorage } from "@effect-mcp-auth/core"
import type { OAuthError } from "@effect-mcp-auth/core"
import { FileTokenStorage } from "@effect-mcp-auth/storage-file"
import { TestAuthorizationServer, TestServers } from "@effect-mcp-auth/testing"
import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect, Either, Option, type Scope, TestClock, TestServices } from "effect"
import { describeRedis, make as makeServer } from "./support/redisServer.ts"
import { encryptionKey, open } from "./support/storage.ts"

type Storage = TokenStorage.TokenStorage.Service
type Open = Effect.Effect<Storage, OAuthError.InvalidOptions, NodeContext.NodeContext | Scope.Scope>

/** A new place, and how a process opens it. */
interface Place {
  readonly name: string
  readonly describe: (title: string, tests: () => void) => void
  readonly make: Effect.Effect<Open, unknown, FileSystem.FileSystem | Scope.Scope>
}

const places: ReadonlyArray<Place> = [
  {
    name: "encrypted files",
    describe,
    make: Effect.gen(function*() {
      const directory = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
      return FileTokenStorage.make({ directory: `${directory}/tokens`, encryptionKey })
    })
  },
  {
    name: "Redis",
    describe: describeRedis,
    make: Effect.map(TestServices.provideLive(makeServer()), ({ url }) => open(url))
  }
]

const modes: ReadonlyArray<readonly [name: string, issuer: string | undefined]> = [
  ["a pinned issuer", undefined],
  ["an issuer that the server names", "discover"]
]

/** The requests of a process that opens the place and calls the server once, or the error of its call. */
const callOnce = (open: Open, issuer: string | undefined) =>
  Effect.gen(function*() {
    const { network, ...servers } = yield* TestServers.TestServers
    yield* network.clear
    const provider = yield* ClientSecret.make({
      ...servers,
      issuer: issuer ?? servers.issuer,
      refreshPolicy: { patience: { withToken: "1 second", withoutToken: 0 } }
    })
    const client = yield* Effect.provideService(OAuthHttpClient.make, OAuthProvider.OAuthProvider, provider)
    const called = yield* Effect.either(client.get(servers.serverUrl))
    return { called, requests: (yield* network.requests).map(({ method, url }) => `${method} ${url}`) }
  }).pipe(Effect.provideServiceEffect(TokenStorage.TokenStorage, open), Effect.scoped)

const twoRequests = ["POST https://auth.example.com/token", "GET https://mcp.example.com/mcp"]

for (const place of places) {
  for (const [mode, issuer] of modes) {
    place.describe(`a nightly job with its storage in ${place.name}, with ${mode}`, () => {
      it.scoped("makes two requests if its token has expired and its documents are fresh", () =>
        Effect.gen(function*() {
          const open = yield* place.make
          expect((yield* callOnce(open, issuer)).requests.length).toBe(4)
          for (let hours = 3; hours < 12; hours += 3) {
            yield* TestClock.adjust("3 hours")
            assert.deepStrictEqual((yield* callOnce(open, issuer)).requests, twoRequests)
          }
        }).pipe(Effect.provide([TestServers.layer(), NodeContext.layer])))

      it.scoped("reads its documents again when they are stale, and the next process uses those", () =>
        Effect.gen(function*() {
          const open = yield* place.make
          yield* callOnce(open, issuer)
          yield* TestClock.adjust("13 hours")
          expect((yield* callOnce(open, issuer)).requests.length).toBe(4)
          yield* TestClock.adjust("3 hours")
          assert.deepStrictEqual((yield* callOnce(open, issuer)).requests, twoRequests)
        }).pipe(Effect.provide([TestServers.layer(), NodeContext.layer])))
    })
  }

  place.describe(`the issuer that was chosen first, with its storage in ${place.name}`, () => {
    it.scoped("holds in a new process whose token has expired: another one is refused, and no credential is sent", () =>
      Effect.gen(function*() {
        const { clientId, clientSecret, mcpServer, network } = yield* TestServers.TestServers
        const open = yield* place.make
        yield* callOnce(open, "discover")
        yield* mcpServer.setAuthorizationServers([
          yield* TestAuthorizationServer.make({
            issuer: "https://new-auth.example.com",
            clients: [{ clientId, clientSecret, scopes: ["mcp"] }]
          })
        ])
        yield* TestClock.adjust("13 hours")
        const { called } = yield* callOnce(open, "discover")
        expect(Option.getOrUndefined(Either.getLeft(called))).toMatchObject({
          cause: { _tag: "IssuerMismatch", reason: "Changed", expected: "https://auth.example.com" }
        })
        expect(yield* network.count("token")).toBe(0)
      }).pipe(Effect.provide([TestServers.layer(), NodeContext.layer])))
  })
}
