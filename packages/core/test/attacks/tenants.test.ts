/**
 * Attacks by other tenants of one process: providers that share a storage, a clock and a process, and differ in one
 * part of what their tokens stand for.
 */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { TestAuthorizationServer, TestMcpServer, TestNetwork } from "@effect-mcp-auth/testing"
import { KeyValueStore } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { ClientAuthentication, Grant, KeyValueTokenStorage, OAuthProvider, TokenStorage } from "../../src/index.ts"
import { valueOf } from "../support/provider.ts"
import { encryptionKey } from "../support/storage.ts"

type Options = OAuthProvider.MakeOptions

const secret = Redacted.make("canary-secret")

const authenticationOf = (clientId: string) =>
  ClientAuthentication.clientSecretBasic({ clientId, clientSecret: secret })

const base: Options = {
  serverUrl: "https://mcp.example.com/mcp",
  issuer: "https://auth.example.com",
  scopes: ["mcp"],
  grant: Grant.clientCredentials,
  clientAuthentication: authenticationOf("first")
}

/** The part in which the second provider differs from the first one. */
const parts: ReadonlyArray<readonly [part: string, section: string, options: Partial<Options>]> = [
  ["issuer", "RFC 9700 §4.4", { issuer: "https://other-auth.example.com" }],
  ["client", "RFC 6749 §2.2", { clientAuthentication: authenticationOf("second") }],
  [
    "client authentication method",
    "RFC 6749 §2.3",
    { clientAuthentication: ClientAuthentication.clientSecretPost({ clientId: "first", clientSecret: secret }) }
  ],
  [
    "grant type",
    "RFC 6749 §1.3",
    { grant: { ...Grant.clientCredentials, type: "urn:example:grant-type:other" } }
  ],
  ["subject", "RFC 8693 §1.1", { subject: "alice" }],
  ["resource on another host", "RFC 8707 §2", { serverUrl: "https://other-mcp.example.com/mcp" }],
  ["resource on another path of the host", "RFC 8707 §2", { serverUrl: "https://mcp.example.com/other" }],
  ["resource with another query", "RFC 8707 §2", { serverUrl: "https://mcp.example.com/mcp?tenant=2" }],
  ["`resourceParameter` that is left out", "RFC 8707 §2", { resourceParameter: "omit" }],
  ["`resourceParameter` of another value", "RFC 8707 §2", { resourceParameter: { value: "https://mcp.example.com" } }],
  ["wider scope", "RFC 6749 §3.3", { scopes: ["mcp", "admin"] }],
  ["other scope", "RFC 6749 §3.3", { scopes: ["admin"] }],
  ["parameter of its own", "RFC 6749 §3.2", { additionalParameters: { audience: "second" } }]
]

/** A network with both servers and both authorization servers, which know both clients. */
const world = Effect.gen(function*() {
  const clients = ["first", "second"].map((clientId) => ({
    clientId,
    clientSecret: secret,
    scopes: ["mcp", "admin"]
  }))
  const servers = yield* Effect.forEach(
    ["https://auth.example.com", "https://other-auth.example.com"],
    (issuer) =>
      TestAuthorizationServer.make({
        issuer,
        clients,
        grants: {
          "urn:example:grant-type:other": () => Effect.succeed({ subject: "first", scopes: ["mcp"] })
        }
      })
  )
  for (
    const url of ["https://mcp.example.com/mcp", "https://mcp.example.com/other", "https://other-mcp.example.com/mcp"]
  ) {
    yield* TestMcpServer.make({ url, authorizationServers: servers, requiredScopes: ["mcp"] })
  }
})

const storages: ReadonlyArray<readonly [name: string, storage: Effect.Effect<TokenStorage.TokenStorage.Service>]> = [
  ["memory", TokenStorage.makeMemory],
  [
    "encrypted records",
    Effect.provide(Effect.orDie(KeyValueTokenStorage.make({ encryptionKey })), KeyValueStore.layerMemory)
  ]
]

const tokenOf = (options: Options) =>
  Effect.scoped(Effect.flatMap(OAuthProvider.make(options), ({ accessToken }) => accessToken))

for (const [name, makeStorage] of storages) {
  describe(`two tenants of one process that share a storage of ${name}`, () => {
    for (const [part, section, options] of parts) {
      it.effect(`never share a token if one has another ${part} (${section})`, () =>
        Effect.gen(function*() {
          yield* world
          const storage = yield* makeStorage
          const both = [base, { ...base, ...options }]
          const tokens = yield* Effect.forEach([...both, ...both], (one) => Effect.map(tokenOf(one), valueOf)).pipe(
            Effect.provideService(TokenStorage.TokenStorage, storage)
          )
          const [first, second, ...again] = tokens
          expect(second).not.toBe(first)
          // Each finds its own token again: the storage works, and is no reason for the difference.
          expect(again).toEqual([first, second])
          const network = yield* TestNetwork.TestNetwork
          expect(yield* network.count("token")).toBe(2)
        }).pipe(Effect.provide(TestNetwork.layer)))
    }

    it.effect("share the token if only the order of scopes and parameters differs (RFC 6749 §3.3)", () =>
      Effect.gen(function*() {
        yield* world
        const storage = yield* makeStorage
        const first = { ...base, scopes: ["mcp", "admin"], additionalParameters: { a: "1", b: "2" } }
        const second = { ...base, scopes: ["admin", "mcp"], additionalParameters: { b: "2", a: "1" } }
        const tokens = yield* Effect.forEach([first, second], (one) => Effect.map(tokenOf(one), valueOf)).pipe(
          Effect.provideService(TokenStorage.TokenStorage, storage)
        )
        expect(new Set(tokens).size).toBe(1)
      }).pipe(Effect.provide(TestNetwork.layer)))
  })
}

describe("a tenant of the process that holds another provider", () => {
  const client = (clientId: string) => ({
    serverUrl: "https://mcp.example.com/mcp",
    issuer: "https://auth.example.com",
    clientId,
    clientSecret: secret
  })

  it.scoped("cannot evict or change the token of the first by rejecting its own (CWE-668)", () =>
    Effect.gen(function*() {
      yield* world
      const storage = yield* TokenStorage.makeMemory
      const [victim, attacker] = yield* Effect.forEach(["first", "second"], (id) => ClientSecret.make(client(id))).pipe(
        Effect.provideService(TokenStorage.TokenStorage, storage)
      )
      if (victim === undefined || attacker === undefined) return yield* Effect.dieMessage("two providers")
      const before = valueOf(yield* victim.accessToken)
      yield* attacker.renew(yield* attacker.accessToken)
      expect(valueOf(yield* victim.accessToken)).toBe(before)
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("gets no token by naming the token of the first as the rejected one (CWE-639)", () =>
    Effect.gen(function*() {
      yield* world
      const storage = yield* TokenStorage.makeMemory
      const [victim, attacker] = yield* Effect.forEach(["first", "second"], (id) => ClientSecret.make(client(id))).pipe(
        Effect.provideService(TokenStorage.TokenStorage, storage)
      )
      if (victim === undefined || attacker === undefined) return yield* Effect.dieMessage("two providers")
      const token = yield* victim.accessToken
      expect(valueOf(yield* attacker.renew(token))).not.toBe(valueOf(token))
      expect(valueOf(yield* victim.accessToken)).toBe(valueOf(token))
    }).pipe(Effect.provide(TestNetwork.layer)))

  it.scoped("cannot change the options of the first by changing the object that both were made from (CWE-471)", () =>
    Effect.gen(function*() {
      yield* world
      const scopes = ["mcp"]
      const parameters: Record<string, string> = { audience: "first" }
      const provider = yield* ClientSecret.make({ ...client("first"), scopes, additionalParameters: parameters })
      scopes.push("admin")
      parameters["audience"] = "second"
      yield* provider.accessToken
      const network = yield* TestNetwork.TestNetwork
      const [sent] = yield* network.requestsTo("token")
      const form = new URLSearchParams(sent?.body)
      expect([form.get("scope"), form.get("audience")]).toEqual(["mcp", "first"])
    }).pipe(Effect.provide(Layer.merge(TestNetwork.layer, TokenStorage.layerMemory))))
})
