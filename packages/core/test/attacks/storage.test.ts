/** Attacks by somebody who can write to a storage in plaintext: what they can do, and what they cannot. */
import type { ClientSecret } from "@effect-mcp-auth/client-secret"
import { HttpClientRequest } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Either, Redacted, TestClock } from "effect"
import { OAuthHttpClient, OAuthProvider, TokenStorage } from "../../src/index.ts"
import { clear, credentialed, network, secondAuthorizationServer, server } from "../support/discovery.ts"
import { environment, valueOf } from "../support/provider.ts"
import { inProcess } from "./place.ts"
import { makePlace } from "../support/recordPlace.ts"

const ISSUER = "https://auth.example.com"
const STRANGER = "https://stranger.example.com"
const TOKEN_ENDPOINT = `${ISSUER}/token`

const modes: ReadonlyArray<readonly [name: string, options: Partial<ClientSecret.Options>]> = [
  ["a pinned issuer", {}],
  ["an issuer that the server names", { issuer: "discover" }]
]

/** Changes the records of a storage: of the token, and of discovery. */
interface Attack {
  readonly attack: string
  readonly section: string
  readonly token?: (token: Record<string, unknown>) => object
  readonly discovery?: (record: Record<string, unknown>) => object
  /** How long after the attack the next process starts. */
  readonly later?: "2 hours"
}

const attacks: ReadonlyArray<Attack> = [
  {
    attack: "names another issuer in the token",
    section: "RFC 9700 §4.4",
    token: (token) => ({ ...token, issuer: STRANGER })
  },
  {
    attack: "names another issuer in an expired token with a refresh token",
    section: "RFC 9700 §4.4",
    token: (token) => ({ ...token, issuer: STRANGER, refreshToken: "canary-planted" }),
    later: "2 hours"
  },
  {
    attack: "names another issuer in the discovery record",
    section: "RFC 9700 §4.4",
    discovery: (record) => ({ ...record, issuer: STRANGER }),
    later: "2 hours"
  },
  {
    attack: "adds metadata with another token endpoint to the discovery record",
    section: "RFC 9700 §4.4",
    discovery: (record) => ({
      ...record,
      authorizationServer: {
        url: `${ISSUER}/.well-known/oauth-authorization-server`,
        readAt: 0,
        freshUntil: 1e12,
        metadata: { issuer: ISSUER, token_endpoint: `${STRANGER}/token` }
      }
    }),
    later: "2 hours"
  },
  {
    attack: "adds metadata of the server that names another authorization server",
    section: "RFC 9728 §7.6",
    discovery: (record) => ({
      ...record,
      protectedResource: {
        url: "https://mcp.example.com/.well-known/oauth-protected-resource/mcp",
        readAt: 0,
        freshUntil: 1e12,
        metadata: { resource: server, authorization_servers: [STRANGER] }
      }
    }),
    later: "2 hours"
  },
  {
    attack: "adds metadata of the server at a private address",
    section: "MCP Security, SSRF",
    discovery: (record) => ({
      ...record,
      protectedResource: { url: "https://169.254.169.254/latest", readAt: 0, freshUntil: 0, metadata: null }
    }),
    later: "2 hours"
  }
]

/** Changes one member of every record that has it. */
const rewrite = (records: Map<string, string>, member: string, change: (value: Record<string, unknown>) => object) => {
  for (const [name, text] of records) {
    const record: Record<string, Record<string, unknown>> = JSON.parse(text)
    const value = record[member]
    if (value !== undefined) records.set(name, JSON.stringify({ ...record, [member]: change(value) }))
  }
}

describe("a writer to a storage in plaintext", () => {
  for (const [mode, options] of modes) {
    for (const { attack, discovery, later, section, token } of attacks) {
      it.scoped(`who ${attack} does not get the client's secret, with ${mode} (${section})`, () =>
        Effect.gen(function*() {
          yield* secondAuthorizationServer(STRANGER)
          const { records, storage } = yield* makePlace([])
          yield* inProcess(storage, options, ({ provider }) => provider.accessToken)
          expect(records.size).toBeGreaterThan(0)
          if (token !== undefined) rewrite(records, "token", token)
          if (discovery !== undefined) rewrite(records, "discovery", discovery)
          if (later !== undefined) yield* TestClock.adjust(later)
          yield* clear
          yield* inProcess(
            storage,
            options,
            ({ provider }) => Effect.zipRight(Effect.either(provider.accessToken), TestClock.adjust("1 minute"))
          )
          expect((yield* credentialed).filter((url) => url !== TOKEN_ENDPOINT)).toEqual([])
        }).pipe(Effect.provide(environment())))
    }
  }

  it.scoped("can have a token of their own sent to the server: the client works in the writer's name (CWE-384)", () =>
    Effect.gen(function*() {
      const { records, storage } = yield* makePlace([])
      const own = { clientId: "writer", clientSecret: Redacted.make("canary-writer") }
      const planted = valueOf(
        yield* inProcess(yield* TokenStorage.makeMemory, own, ({ provider }) => provider.accessToken)
      )
      yield* inProcess(storage, {}, ({ provider }) => provider.accessToken)
      rewrite(records, "token", (token) => ({ ...token, value: planted }))
      const token = yield* inProcess(storage, {}, ({ provider }) => provider.accessToken)
      expect(valueOf(token)).toBe(planted)
    }).pipe(Effect.provide(environment({
      authorizationServer: {
        clients: [{ clientId: "writer", clientSecret: Redacted.make("canary-writer"), scopes: ["mcp"] }]
      }
    }))))

  it.scoped("can have the token of one server sent to another server, by moving its record (RFC 9700 §4.9)", () =>
    Effect.gen(function*() {
      const { records, storage } = yield* makePlace([])
      const wide = yield* inProcess(storage, { scopes: ["admin"] }, ({ provider }) => provider.accessToken)
      const [[from, moved] = ["", ""]] = [...records].filter(([, text]) => text.includes("\"token\""))
      records.delete(from)
      yield* inProcess(storage, {}, ({ provider }) => provider.accessToken)
      const [[to] = [""]] = [...records].filter(([, text]) => text.includes("\"token\""))
      records.set(to, JSON.stringify({ ...JSON.parse(moved), name: to }))
      const token = yield* inProcess(storage, {}, ({ provider }) => provider.accessToken)
      expect(valueOf(token)).toBe(valueOf(wide))
    }).pipe(Effect.provide(environment())))

  it.scoped("can stop a client in discover mode, by naming another issuer: calls fail with IssuerMismatch (CWE-400)", () =>
    Effect.gen(function*() {
      const { records, storage } = yield* makePlace([])
      const options = { issuer: "discover" }
      yield* inProcess(storage, options, ({ provider }) => provider.accessToken)
      rewrite(records, "discovery", (record) => ({ ...record, issuer: STRANGER }))
      yield* TestClock.adjust("2 hours")
      const outcome = yield* inProcess(storage, options, ({ provider }) => Effect.either(provider.accessToken))
      expect(Either.getOrUndefined(Either.flip(outcome))).toMatchObject({ _tag: "IssuerMismatch", reason: "Changed" })
    }).pipe(Effect.provide(environment())))

  it.scoped("cannot stop a client with a pinned issuer (CWE-400)", () =>
    Effect.gen(function*() {
      const { records, storage } = yield* makePlace([])
      yield* inProcess(storage, {}, ({ provider }) => provider.accessToken)
      for (const name of records.keys()) records.set(name, "{")
      expect((yield* inProcess(storage, {}, ({ provider }) => provider.accessToken)).scopes).toEqual(["mcp"])
    }).pipe(Effect.provide(environment())))

  it.scoped("cannot have a header line added to a request, by a token with a line break (CWE-113)", () =>
    Effect.gen(function*() {
      const { records, storage } = yield* makePlace([])
      yield* inProcess(storage, {}, ({ provider }) => provider.accessToken)
      rewrite(records, "token", (token) => ({ ...token, value: "canary\r\nX-Admin: yes" }))
      yield* inProcess(storage, {}, ({ provider }) =>
        Effect.flatMap(
          Effect.provideService(OAuthHttpClient.make, OAuthProvider.OAuthProvider, provider),
          (client) => client.execute(HttpClientRequest.get(server))
        ))
      const requests = yield* Effect.flatMap(network, ({ requestsTo }) => requestsTo("resource"))
      expect(requests.map(({ headers }) => headers["x-admin"])).toEqual([undefined])
    }).pipe(Effect.provide(environment())))

  it.scoped("sees names of records that do not show the client or the server (CWE-200)", () =>
    Effect.gen(function*() {
      const { records, storage } = yield* makePlace([])
      yield* inProcess(storage, {}, ({ provider }) => provider.accessToken)
      expect([...records.keys()].filter((name) => !/^[\w-]{43}$/.test(name))).toEqual([])
      expect(records.size).toBe(2)
    }).pipe(Effect.provide(environment())))
})
