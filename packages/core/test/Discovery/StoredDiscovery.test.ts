import { Answer, TestServers } from "@effect-mcp-auth/testing"
import type { ClientSecret } from "@effect-mcp-auth/client-secret"
import { KeyValueStore } from "@effect/platform"
import { assert, describe, expect, it } from "@effect/vitest"
import { type Duration, Effect, Exit, Fiber, Option, type Scope, TestClock } from "effect"
import {
  DiscoveryRecord,
  KeyValueTokenStorage,
  OAuthError,
  OAuthHttpClient,
  OAuthProvider,
  TokenKey,
  TokenStorage
} from "../../src/index.ts"
import {
  clear,
  credentialed,
  issuerMetadata,
  network,
  resourceAtPath,
  secondAuthorizationServer,
  server,
  tokenEndpoint,
  traffic
} from "../support/discovery.ts"
import {
  environment,
  makeFollowingProvider,
  makeImpatientProvider as makeProvider,
  tags,
  watch
} from "../support/provider.ts"
import { encryptionKey } from "../support/storage.ts"
import { serve, to } from "../support/wire.ts"

type Storage = TokenStorage.TokenStorage.Service
type Options = Partial<ClientSecret.Options>

const modes: ReadonlyArray<readonly [name: string, options: Options]> = [
  ["a pinned issuer", {}],
  ["an issuer that the server names", { issuer: "discover" }]
]

/** A process: its provider is new, and the storage has what earlier processes have stored. */
const inProcess = <A, E, R>(
  storage: Storage,
  options: Options,
  use: (provider: OAuthProvider.OAuthProvider.Service) => Effect.Effect<A, E, R>
) =>
  Effect.flatMap(makeProvider(options), use).pipe(
    Effect.provideService(TokenStorage.TokenStorage, storage),
    Effect.scoped
  )

const getToken = ({ accessToken }: OAuthProvider.OAuthProvider.Service) => accessToken

/** The requests of a process that calls the server once. */
const callOnce = (storage: Storage, options: Options) =>
  Effect.gen(function*() {
    yield* clear
    yield* inProcess(storage, options, (provider) =>
      Effect.flatMap(OAuthHttpClient.make, (client) =>
        client.get(server)).pipe(
          Effect.scoped,
          Effect.provideService(OAuthProvider.OAuthProvider, provider)
        ))
    return yield* traffic
  })

/** The requests of a process that needs a token. */
const requestsOf = (storage: Storage, options: Options) =>
  Effect.gen(function*() {
    yield* clear
    yield* inProcess(storage, options, getToken)
    return yield* traffic
  })

const documents = [`GET ${resourceAtPath}`, `GET ${issuerMetadata}`]
const tokenRequest = `POST ${tokenEndpoint}`

const places: ReadonlyArray<readonly [name: string, storage: Effect.Effect<Storage>]> = [
  ["memory", TokenStorage.makeMemory],
  [
    "encrypted records",
    Effect.provide(Effect.orDie(KeyValueTokenStorage.make({ encryptionKey })), KeyValueStore.layerMemory)
  ]
]

for (const [place, makeStorage] of places) {
  for (const [mode, options] of modes) {
    describe(`a job that starts again with its discovery in ${place}, with ${mode}`, () => {
      it.scoped("makes exactly two requests if the token has expired and the documents are fresh", () =>
        Effect.gen(function*() {
          const storage = yield* makeStorage
          expect(new Set(yield* callOnce(storage, options))).toEqual(
            new Set([...documents, tokenRequest, `GET ${server}`])
          )
          for (let night = 0; night < 3; night++) {
            yield* TestClock.adjust("3 hours")
            assert.deepStrictEqual(yield* callOnce(storage, options), [tokenRequest, `GET ${server}`])
          }
        }).pipe(Effect.provide(environment())))

      it.scoped("reads the documents again when they are stale, and the next process uses those", () =>
        Effect.gen(function*() {
          const storage = yield* makeStorage
          yield* requestsOf(storage, options)
          yield* TestClock.adjust("13 hours")
          expect(new Set(yield* requestsOf(storage, options))).toEqual(new Set([...documents, tokenRequest]))
          yield* TestClock.adjust("11 hours")
          assert.deepStrictEqual(yield* requestsOf(storage, options), [tokenRequest])
        }).pipe(Effect.provide(environment())))

      it.scoped.each(
        [
          [7200, "119 minutes", 1],
          [7200, "121 minutes", 3],
          [7 * 86_400, "1439 minutes", 1],
          [7 * 86_400, "1441 minutes", 3],
          [0, "2 hours", 3]
        ] as const
      )(
        "with documents of max-age=%i makes, after %s, %i requests for a token",
        ([maxAge, pause, requests]) =>
          Effect.gen(function*() {
            const { always } = yield* network
            const storage = yield* makeStorage
            const headers = { "cache-control": `max-age=${maxAge}` }
            yield* always("protected-resource-metadata", Answer.json(resourceDocument, { headers }))
            yield* always("authorization-server-metadata", Answer.json(issuerDocument, { headers }))
            yield* requestsOf(storage, options)
            yield* TestClock.adjust(pause)
            expect((yield* requestsOf(storage, options)).length).toBe(requests)
          }).pipe(Effect.provide(environment()))
      )

      it.scoped("asks for the same scopes and the same resource as the process that read the documents", () =>
        Effect.gen(function*() {
          const storage = yield* makeStorage
          yield* requestsOf(storage, options)
          const { requestsTo } = yield* network
          const [before] = yield* requestsTo("token")
          yield* TestClock.adjust("3 hours")
          yield* requestsOf(storage, options)
          const [after] = yield* requestsTo("token")
          expect(after?.body).toBe(before?.body)
          expect(before?.body).toContain("scope=mcp+admin")
        }).pipe(Effect.provide(environment({ mcpServer: { scopesSupported: ["mcp", "admin"] } }))))

      it.scoped("finds a token endpoint that has moved within one call, and the next process goes there at once", () =>
        Effect.gen(function*() {
          const { always } = yield* network
          const storage = yield* makeStorage
          yield* requestsOf(storage, options)
          yield* TestClock.adjust("3 hours")
          yield* always(to(tokenEndpoint), Answer.status(404))
          yield* always(
            "authorization-server-metadata",
            Answer.modified((_) => ({ ..._, token_endpoint: "https://auth.example.com/moved" }))
          )
          yield* always(to("https://auth.example.com/moved"), Answer.json(tokenAnswer))
          yield* clear
          const requests = yield* requestsOf(storage, options)
          assert.deepStrictEqual(requests, [
            `POST ${tokenEndpoint}`,
            `GET ${issuerMetadata}`,
            "POST https://auth.example.com/moved"
          ])
          yield* TestClock.adjust("3 hours")
          assert.deepStrictEqual(yield* requestsOf(storage, options), ["POST https://auth.example.com/moved"])
        }).pipe(Effect.provide(environment())))

      it.scoped("asks a token endpoint that is gone once if the metadata still names it, and the next process reads it", () =>
        Effect.gen(function*() {
          const { always, restore } = yield* network
          const storage = yield* makeStorage
          yield* requestsOf(storage, options)
          yield* TestClock.adjust("3 hours")
          yield* always(to(tokenEndpoint), Answer.status(404))
          yield* clear
          yield* inProcess(storage, options, (provider) => Effect.flip(getToken(provider)))
          assert.deepStrictEqual(yield* traffic, [`POST ${tokenEndpoint}`, `GET ${issuerMetadata}`])
          yield* restore
          yield* TestClock.adjust("1 minute")
          expect(yield* requestsOf(storage, options)).toEqual([`GET ${issuerMetadata}`, `POST ${tokenEndpoint}`])
        }).pipe(Effect.provide(environment())))
    })
  }
}

const resourceDocument = {
  resource: server,
  authorization_servers: ["https://auth.example.com"],
  scopes_supported: ["mcp"]
}
const issuerDocument = { issuer: "https://auth.example.com", token_endpoint: tokenEndpoint }
/** Fields of both documents that are too large together. */
const tooLarge = { jwks_uri: `https://auth.example.com/${"x".repeat(16_000)}`, scopes_supported: ["x".repeat(16_000)] }
const tokenAnswer = { access_token: "at-moved", token_type: "Bearer", expires_in: 3600 }

describe("a first call with an empty storage", () => {
  for (const [mode, options] of modes) {
    it.scoped(`makes the same requests as with a storage of tokens alone, with ${mode}`, () =>
      Effect.gen(function*() {
        const memory = yield* TokenStorage.makeMemory
        const counts = []
        for (const storage of [memory, { ...(yield* TokenStorage.makeMemory), discovery: undefined }]) {
          counts.push(yield* callOnce(storage, options))
        }
        assert.deepStrictEqual(counts[0], counts[1])
        expect(counts[0]?.length).toBe(4)
      }).pipe(Effect.provide(environment())))
  }
})

describe("a storage of three operations of one's own", () => {
  for (const [mode, options] of modes) {
    it.scoped(`works, and each process reads the documents, with ${mode}`, () =>
      Effect.gen(function*() {
        const { get, remove, set } = yield* TokenStorage.makeMemory
        const storage = TokenStorage.make({
          get,
          set,
          remove: (key) => Effect.flatMap(get(key), (token) => remove(key, Option.getOrThrow(token)))
        })
        for (let night = 0; night < 2; night++) {
          expect(new Set(yield* requestsOf(storage, options))).toEqual(new Set([...documents, tokenRequest]))
          yield* TestClock.adjust("3 hours")
        }
      }).pipe(Effect.provide(environment())))
  }
})

describe("a server without metadata, whose issuer is pinned", () => {
  it.scoped("is not searched again by the next process while the absence is fresh", () =>
    Effect.gen(function*() {
      const storage = yield* TokenStorage.makeMemory
      yield* requestsOf(storage, {})
      yield* TestClock.adjust("3 hours")
      assert.deepStrictEqual(yield* callOnce(storage, {}), [tokenRequest, `GET ${server}`])
    }).pipe(Effect.provide(environment({ mcpServer: { serveMetadataAt: "nowhere" } }))))
})

describe("a server whose metadata is unavailable, and whose issuer is pinned", () => {
  it.scoped("is asked again by the next process, because an outage is not stored", () =>
    Effect.gen(function*() {
      const { always } = yield* network
      yield* always("protected-resource-metadata", Answer.status(503))
      const storage = yield* TokenStorage.makeMemory
      yield* requestsOf(storage, {})
      yield* TestClock.adjust("30 seconds")
      const requests = yield* requestsOf(storage, {})
      expect(requests).toContain(`GET ${resourceAtPath}`)
      expect(requests).toContain(tokenRequest)
      expect(requests).not.toContain(`GET ${issuerMetadata}`)
    }).pipe(Effect.provide(environment({ tokenLifetime: "20 seconds" }))))
})

describe("a server whose challenge leads to its metadata", () => {
  it.scoped("is asked for a token at once by the next process, with the scopes of the challenge", () =>
    Effect.gen(function*() {
      const { requestsTo } = yield* network
      const storage = yield* TokenStorage.makeMemory
      const options = { issuer: "discover" } as const
      yield* requestsOf(storage, options)
      const [before] = yield* requestsTo("token")
      yield* TestClock.adjust("3 hours")
      assert.deepStrictEqual(yield* callOnce(storage, options), [tokenRequest, `GET ${server}`])
      const [after] = yield* requestsTo("token")
      expect(after?.body).toBe(before?.body)
      expect(after?.body).toContain("scope=mcp&")
    }).pipe(Effect.provide(environment({
      mcpServer: { serveMetadataAt: new URL("https://mcp.example.com/about/me"), scopesSupported: ["other"] }
    }))))
})

describe("the issuer that was chosen first, in a new process", () => {
  const places: ReadonlyArray<readonly [name: string, storage: Effect.Effect<Storage>]> = [
    ["memory", TokenStorage.makeMemory],
    [
      "encrypted records",
      Effect.provide(Effect.orDie(KeyValueTokenStorage.make({ encryptionKey })), KeyValueStore.layerMemory)
    ],
    ["plaintext records", Effect.provide(KeyValueTokenStorage.makePlaintext, KeyValueStore.layerMemory)]
  ]

  /** The storage of a job that has run, and whose server has named another authorization server since then. */
  const migrated = (makeStorage: Effect.Effect<Storage>, pause: Duration.DurationInput) =>
    Effect.gen(function*() {
      const { mcpServer } = yield* TestServers.TestServers
      const storage = yield* makeStorage
      yield* requestsOf(storage, { issuer: "discover" })
      yield* mcpServer.setAuthorizationServers([yield* secondAuthorizationServer()])
      yield* TestClock.adjust(pause)
      yield* clear
      return storage
    })

  for (const [place, makeStorage] of places) {
    it.scoped.each(["13 hours", "29 days"] as const)(
      `holds in ${place} after %s: a server that names another one is refused, and no credential is sent`,
      (pause) =>
        Effect.gen(function*() {
          const storage = yield* migrated(makeStorage, pause)
          const error = yield* inProcess(
            storage,
            { issuer: "discover" },
            (provider) => Effect.flip(getToken(provider))
          )
          assert(error._tag === "IssuerMismatch")
          expect(error.reason).toBe("Changed")
          expect(error.expected).toBe("https://auth.example.com")
          assert.deepStrictEqual(error.actual, ["https://new-auth.example.com"])
          assert.deepStrictEqual(yield* credentialed, [])
        }).pipe(Effect.provide(environment()))
    )

    it.scoped(`holds in ${place} by the expired token alone, after somebody has deleted the record`, () =>
      Effect.gen(function*() {
        const storage = yield* migrated(makeStorage, "13 hours")
        const { discovery: _, ...tokensAlone } = storage
        const error = yield* inProcess(
          tokensAlone,
          { issuer: "discover" },
          (provider) => Effect.flip(getToken(provider))
        )
        assert(error._tag === "IssuerMismatch")
        expect(error.expected).toBe("https://auth.example.com")
        assert.deepStrictEqual(yield* credentialed, [])
      }).pipe(Effect.provide(environment())))

    it.scoped(`does not hold in ${place} by a token that was issued 31 days ago`, () =>
      Effect.gen(function*() {
        const storage = yield* migrated(makeStorage, "31 days")
        const { discovery: _, ...tokensAlone } = storage
        const { issuer } = yield* inProcess(tokensAlone, { issuer: "discover" }, getToken)
        expect(issuer).toBe("https://new-auth.example.com")
      }).pipe(Effect.provide(environment())))

    it.scoped(`in ${place} gives way with \`follow\`, and an event reports the change`, () =>
      Effect.gen(function*() {
        const { mcpServer } = yield* TestServers.TestServers
        const storage = yield* makeStorage
        const following = <A, E>(
          authorizationServerChange: "refuse" | "follow",
          use: (provider: OAuthProvider.OAuthProvider.Service) => Effect.Effect<A, E, Scope.Scope>
        ) =>
          Effect.flatMap(makeFollowingProvider({ authorizationServerChange }), use).pipe(
            Effect.provideService(TokenStorage.TokenStorage, storage),
            Effect.scoped
          )
        yield* following("refuse", getToken)
        yield* mcpServer.setAuthorizationServers([yield* secondAuthorizationServer()])
        yield* TestClock.adjust("13 hours")
        yield* following("follow", (provider) =>
          Effect.gen(function*() {
            const events = yield* watch(provider)
            expect((yield* provider.accessToken).issuer).toBe("https://new-auth.example.com")
            expect(tags(yield* events)).toContain("AuthorizationServerChanged")
          }))
        // The new one is the chosen one from now on.
        yield* TestClock.adjust("3 hours")
        yield* following("refuse", (provider) =>
          Effect.map(provider.accessToken, ({ issuer }) =>
            expect(issuer).toBe("https://new-auth.example.com")))
      }).pipe(Effect.provide(environment())))

    it.scoped(`in ${place} is forgotten after 30 days without use`, () =>
      Effect.gen(function*() {
        const storage = yield* migrated(makeStorage, "31 days")
        yield* inProcess(storage, { issuer: "discover" }, (provider) =>
          Effect.gen(function*() {
            const events = yield* watch(provider)
            expect((yield* provider.accessToken).issuer).toBe("https://new-auth.example.com")
            expect(tags(yield* events)).not.toContain("AuthorizationServerChanged")
          }))
      }).pipe(Effect.provide(environment())))

    it.scoped(`in ${place} holds for as long as a job uses it each night`, () =>
      Effect.gen(function*() {
        const { mcpServer } = yield* TestServers.TestServers
        const storage = yield* makeStorage
        for (let night = 0; night < 40; night++) {
          yield* requestsOf(storage, { issuer: "discover" })
          yield* TestClock.adjust("1 day")
        }
        yield* mcpServer.setAuthorizationServers([yield* secondAuthorizationServer()])
        const error = yield* inProcess(storage, { issuer: "discover" }, (provider) => Effect.flip(getToken(provider)))
        expect(error).toMatchObject({ _tag: "IssuerMismatch", reason: "Changed" })
      }).pipe(Effect.provide(environment())))
  }

  it.scoped("holds although the server lists others before it", () =>
    Effect.gen(function*() {
      const { authorizationServer, mcpServer } = yield* TestServers.TestServers
      const storage = yield* TokenStorage.makeMemory
      yield* requestsOf(storage, { issuer: "discover" })
      yield* mcpServer.setAuthorizationServers([yield* secondAuthorizationServer(), authorizationServer])
      yield* TestClock.adjust("13 hours")
      expect(yield* requestsOf(storage, { issuer: "discover" })).toContain(tokenRequest)
    }).pipe(Effect.provide(environment())))

  it.scoped("holds for other scopes of the same client, too", () =>
    Effect.gen(function*() {
      const storage = yield* migrated(TokenStorage.makeMemory, "13 hours")
      const error = yield* inProcess(
        storage,
        { issuer: "discover", scopes: ["admin"] },
        (provider) => Effect.flip(getToken(provider))
      )
      expect(error).toMatchObject({ _tag: "IssuerMismatch", reason: "Changed" })
    }).pipe(Effect.provide(environment())))

  it.scoped("does not hold if it has never issued a token", () =>
    Effect.gen(function*() {
      const { mcpServer, network } = yield* TestServers.TestServers
      const storage = yield* TokenStorage.makeMemory
      yield* network.script("token", Answer.json({ error: "invalid_client" }, { status: 401 }))
      yield* inProcess(storage, { issuer: "discover" }, (provider) => Effect.flip(getToken(provider)))
      yield* mcpServer.setAuthorizationServers([yield* secondAuthorizationServer()])
      yield* TestClock.adjust("13 hours")
      yield* inProcess(storage, { issuer: "discover" }, (provider) =>
        Effect.map(provider.accessToken, ({ issuer }) =>
          expect(issuer).toBe("https://new-auth.example.com")))
    }).pipe(Effect.provide(environment())))

  it.scoped("does not bind another client, nor another server", () =>
    Effect.gen(function*() {
      const storage = yield* TokenStorage.makeMemory
      yield* requestsOf(storage, { issuer: "discover" })
      const keys: Array<string> = []
      const watched = {
        ...storage,
        discovery: storage.discovery && {
          ...storage.discovery,
          get: (key: TokenKey.TokenKey) =>
            Effect.suspend(() => (keys.push(TokenKey.encode(key)), storage.discovery?.get(key) ?? Effect.succeedNone))
        }
      }
      for (
        const options of [{}, { clientId: "other" }, { serverUrl: "https://mcp.example.com/other" }] satisfies Array<
          Options
        >
      ) {
        yield* Effect.exit(inProcess(watched, { issuer: "discover", scopes: ["a"], ...options }, getToken))
      }
      expect(new Set(keys).size).toBe(3)
    }).pipe(Effect.provide(environment())))
})

describe("a stored document", () => {
  const now = 1_000_000
  const key = (issuer: string): TokenKey.TokenKey => ({
    issuer,
    clientId: "test-client",
    authenticationMethod: "client_secret_basic",
    grantType: "client_credentials",
    resource: server,
    subject: "",
    scopes: [],
    parameters: []
  })

  /** A record as of just now, with some fields of its documents changed. */
  const recordWith = (changes: {
    readonly issuer?: string
    readonly resource?: Readonly<Record<string, string | ReadonlyArray<string>>>
    readonly resourceUrl?: string
    readonly server?: Readonly<Record<string, string | ReadonlyArray<string>>>
    readonly readAt?: number
  }): DiscoveryRecord.DiscoveryRecord => {
    const { issuer = "https://auth.example.com", readAt = now - 1000, resourceUrl: url = resourceAtPath } = changes
    const times = { readAt, freshUntil: now + 3_600_000 }
    return {
      issuer,
      confirmedAt: now - 1000,
      protectedResource: { ...times, url, metadata: { ...resourceDocument, ...changes.resource } },
      authorizationServer: { ...times, url: "", metadata: { ...issuerDocument, ...changes.server } }
    }
  }

  /** A storage in which somebody has put the record. */
  const storageWith = (record: DiscoveryRecord.DiscoveryRecord) =>
    Effect.gen(function*() {
      yield* TestClock.setTime(now)
      const storage = yield* TokenStorage.makeMemory
      for (const issuer of ["https://auth.example.com", "discover"]) {
        yield* storage.discovery?.set(key(issuer), record) ?? Effect.void
      }
      return storage
    })

  for (const [mode, options] of modes) {
    it.scoped(`that passes every check is used, with ${mode}`, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* requestsOf(yield* storageWith(recordWith({})), options), [tokenRequest])
      }).pipe(Effect.provide(environment())))
  }

  type Changes = Parameters<typeof recordWith>[0]
  const unusableServers: ReadonlyArray<readonly [name: string, changes: Changes]> = [
    ["names a token endpoint without TLS", { server: { token_endpoint: "http://auth.example.com/token" } }],
    ["names a private token endpoint", { server: { token_endpoint: "https://169.254.169.254/token" } }],
    ["names a token endpoint that is no URL", { server: { token_endpoint: "token" } }],
    ["names a token endpoint with a password", { server: { token_endpoint: "https://a:b@auth.example.com/token" } }],
    ["names no token endpoint", { server: { token_endpoint: [] } }],
    ["is of another issuer", { server: { issuer: "https://evil.example.com" } }],
    ["is from the future", { readAt: now + 1000 }],
    ["was read more than a day ago", { readAt: now - 86_400_001 }]
  ]
  const unusableResources: ReadonlyArray<readonly [name: string, changes: Changes]> = [
    ["describes another server", { resource: { resource: "https://evil.example.com/mcp" } }],
    ["describes another path", { resource: { resource: `${server}/other` } }],
    ["has no list of authorization servers", { resource: { authorization_servers: "all" } }],
    ["is from an address without TLS", { resourceUrl: "http://mcp.example.com/metadata" }],
    ["is from a private address", { resourceUrl: "https://10.0.0.1/metadata" }],
    ["is from an address that is no URL", { resourceUrl: "somewhere" }]
  ]
  for (const [mode, options] of modes) {
    for (const [name, changes] of unusableServers) {
      it.scoped(`about the authorization server that ${name} is read again, with ${mode}`, () =>
        Effect.gen(function*() {
          const requests = yield* requestsOf(yield* storageWith(recordWith(changes)), options)
          expect(requests).toContain(`GET ${issuerMetadata}`)
          assert.deepStrictEqual(yield* credentialed, [tokenEndpoint])
        }).pipe(Effect.provide(environment())))
    }

    for (const [name, changes] of unusableResources) {
      it.scoped(`about the server that ${name} is read again, with ${mode}`, () =>
        Effect.gen(function*() {
          const requests = yield* requestsOf(yield* storageWith(recordWith(changes)), options)
          expect(requests).toContain(`GET ${resourceAtPath}`)
          assert.deepStrictEqual(yield* credentialed, [tokenEndpoint])
        }).pipe(Effect.provide(environment())))
    }
  }

  it.scoped("that names a token endpoint with plain http is used if the caller accepts its host in `insecureHosts`", () =>
    Effect.gen(function*() {
      const issuer = "http://keycloak.auth.svc.cluster.local"
      yield* serve({ [`${issuer}/token`]: Answer.json(tokenAnswer) })
      const record = recordWith({
        issuer,
        resource: { authorization_servers: [issuer] },
        server: { issuer, token_endpoint: `${issuer}/token` }
      })
      const storage = yield* storageWith(record)
      yield* storage.discovery?.set(key(issuer), record) ?? Effect.void
      const options: Options = { issuer, insecureHosts: ["keycloak.auth.svc.cluster.local"] }
      assert.deepStrictEqual(yield* requestsOf(storage, options), [`POST ${issuer}/token`])
    }).pipe(Effect.provide(environment())))

  it.scoped("of an issuer that the stored metadata does not list is refused as a change, and nothing is sent", () =>
    Effect.gen(function*() {
      const storage = yield* storageWith(
        recordWith({
          issuer: "https://evil.example.com",
          server: { issuer: "https://evil.example.com", token_endpoint: "https://evil.example.com/token" }
        })
      )
      yield* clear
      const error = yield* inProcess(storage, { issuer: "discover" }, (provider) => Effect.flip(getToken(provider)))
      expect(error).toMatchObject({ _tag: "IssuerMismatch", reason: "Changed", expected: "https://evil.example.com" })
      assert.deepStrictEqual(yield* credentialed, [])
    }).pipe(Effect.provide(environment())))

  it.scoped("of an issuer on a private address is not used for a public server, and nothing is sent there", () =>
    Effect.gen(function*() {
      const issuer = "https://10.0.0.1"
      const storage = yield* storageWith(
        recordWith({
          issuer,
          resource: { authorization_servers: [issuer] },
          server: { issuer, token_endpoint: `${issuer}/token` }
        })
      )
      yield* clear
      const error = yield* inProcess(storage, { issuer: "discover" }, (provider) => Effect.flip(getToken(provider)))
      expect(error).toMatchObject({ _tag: "InsecureEndpoint", reason: "PrivateAddress" })
      assert.deepStrictEqual(yield* traffic, [])
    }).pipe(Effect.provide(environment())))

  it.scoped("that is stale is not used, even if it cannot be read again", () =>
    Effect.gen(function*() {
      const { always } = yield* network
      const storage = yield* storageWith(recordWith({}))
      yield* TestClock.adjust("2 hours")
      yield* always("protected-resource-metadata", Answer.status(503))
      const error = yield* inProcess(storage, { issuer: "discover" }, (provider) => Effect.flip(getToken(provider)))
      expect(error).toMatchObject({ _tag: "DiscoveryError", reason: "Unavailable" })
      assert.deepStrictEqual(yield* credentialed, [])
    }).pipe(Effect.provide(environment())))

  it.scoped("that the server has refuted in this process is not taken from the storage again", () =>
    Effect.gen(function*() {
      const { mcpServer } = yield* TestServers.TestServers
      const storage = yield* storageWith(recordWith({}))
      yield* inProcess(storage, { issuer: "discover" }, (provider) =>
        Effect.gen(function*() {
          const old = yield* provider.accessToken
          yield* mcpServer.setAuthorizationServers([yield* secondAuthorizationServer()])
          expect(yield* Effect.flip(provider.renew(old))).toMatchObject({ reason: "Changed" })
          yield* clear
          yield* TestClock.adjust("1 minute")
          expect(yield* Effect.flip(provider.accessToken)).toMatchObject({ reason: "Changed" })
          assert.deepStrictEqual(yield* credentialed, [])
        }))
      // The storage has lost the document, too, and keeps the issuer.
      yield* clear
      expect(yield* inProcess(storage, { issuer: "discover" }, (provider) => Effect.flip(getToken(provider))))
        .toMatchObject({ reason: "Changed" })
      assert.deepStrictEqual(yield* credentialed, [])
    }).pipe(Effect.provide(environment())))

  const options: ReadonlyArray<readonly [name: string, options: Options, requests: ReadonlyArray<string>]> = [
    ["`resourceMetadataUrl`", { resourceMetadataUrl: "https://mcp.example.com/elsewhere" }, [
      "GET https://mcp.example.com/elsewhere"
    ]],
    ["`authorizationServerMetadataUrl`", { authorizationServerMetadataUrl: "https://auth.example.com/elsewhere" }, [
      "GET https://auth.example.com/elsewhere"
    ]]
  ]
  for (const [mode, mine] of modes) {
    for (const [name, option, requests] of options) {
      it.scoped(`from another address than ${name} is not used, and one from that address is, with ${mode}`, () =>
        Effect.gen(function*() {
          const { always } = yield* network
          yield* always(to("https://mcp.example.com/elsewhere"), Answer.json(resourceDocument))
          yield* always(to("https://auth.example.com/elsewhere"), Answer.json(issuerDocument))
          const storage = yield* storageWith(recordWith({}))
          const all = { ...mine, ...option }
          assert.deepStrictEqual(yield* requestsOf(storage, all), [...requests, tokenRequest])
          yield* TestClock.adjust("61 minutes")
          expect(yield* requestsOf(storage, all)).toContain(tokenRequest)
          yield* TestClock.adjust("61 minutes")
          assert.deepStrictEqual(yield* requestsOf(storage, all), [tokenRequest])
        }).pipe(Effect.provide(environment())))
    }

    it.scoped(`about a parent of the server is not used with \`resourceMatch: "identical"\`, with ${mode}`, () =>
      Effect.gen(function*() {
        const storage = yield* storageWith(recordWith({ resource: { resource: "https://mcp.example.com" } }))
        assert.deepStrictEqual(yield* requestsOf(storage, mine), [tokenRequest])
        yield* TestClock.adjust("61 minutes")
        const again = yield* storageWith(recordWith({ resource: { resource: "https://mcp.example.com" } }))
        expect(yield* requestsOf(again, { ...mine, resourceMatch: "identical" })).toContain(`GET ${resourceAtPath}`)
      }).pipe(Effect.provide(environment())))
  }

  it.scoped("of another issuer than the pinned one is not used", () =>
    Effect.gen(function*() {
      const storage = yield* storageWith(
        recordWith({
          issuer: "https://evil.example.com",
          resource: { authorization_servers: ["https://evil.example.com"] },
          server: { issuer: "https://evil.example.com", token_endpoint: "https://evil.example.com/token" }
        })
      )
      yield* requestsOf(storage, {})
      assert.deepStrictEqual(yield* credentialed, [tokenEndpoint])
    }).pipe(Effect.provide(environment())))

  it.scoped("in plaintext is never used, whoever wrote it", () =>
    Effect.gen(function*() {
      const store = yield* KeyValueStore.KeyValueStore
      const storage = yield* KeyValueTokenStorage.makePlaintext
      yield* requestsOf(storage, { issuer: "discover" })
      yield* TestClock.adjust("3 hours")
      const name = yield* TokenKey.discoveryDigest(key("discover"))
      const text = Option.getOrThrow(yield* store.get(name))
      expect(text).not.toContain("token_endpoint")
      const planted = {
        ...recordWith({ server: { token_endpoint: "https://evil.example.com/token" }, readAt: 0 }),
        confirmedAt: 0
      }
      yield* store.set(name, JSON.stringify({ ...JSON.parse(text), discovery: planted }))
      assert.deepStrictEqual(yield* requestsOf(storage, { issuer: "discover" }), [...documents, tokenRequest])
    }).pipe(Effect.provide([environment(), KeyValueStore.layerMemory])))
})

describe("the use of a storage for discovery", () => {
  /** A storage in memory that counts the uses of its operations. */
  const counting = Effect.map(TokenStorage.makeMemory, (memory) => {
    const uses = { get: 0, set: 0 }
    const storage: Storage = {
      ...memory,
      discovery: memory.discovery && {
        get: (key) => Effect.suspend(() => (uses.get++, memory.discovery?.get(key) ?? Effect.succeedNone)),
        set: (key, record) => Effect.suspend(() => (uses.set++, memory.discovery?.set(key, record) ?? Effect.void))
      }
    }
    return { storage, uses }
  })

  for (const [mode, options] of modes) {
    // The first choice of an issuer is stored only if no other process has stored one meanwhile.
    const readings = options.issuer === "discover" ? 2 : 1

    it.scoped(`is one writing for each change, and ${readings} readings for each provider, with ${mode}`, () =>
      Effect.gen(function*() {
        const { storage, uses } = yield* counting
        yield* inProcess(storage, options, (provider) =>
          Effect.gen(function*() {
            for (let hour = 0; hour < 11; hour++) {
              yield* provider.accessToken
              yield* TestClock.adjust("1 hour")
            }
            expect(uses).toEqual({ get: readings, set: 1 })
            yield* TestClock.adjust("2 hours")
            yield* provider.accessToken
            expect(uses).toEqual({ get: readings, set: 2 })
          }))
      }).pipe(Effect.provide(environment())))

    it.scoped(`is none at all while the storage has a valid token, with ${mode}`, () =>
      Effect.gen(function*() {
        const { storage, uses } = yield* counting
        yield* requestsOf(storage, options)
        assert.deepStrictEqual(yield* requestsOf(storage, options), [])
        expect(uses).toEqual({ get: readings, set: 1 })
      }).pipe(Effect.provide(environment())))
  }

  const faults: ReadonlyArray<
    readonly [name: string, fault: Effect.Effect<never, OAuthError.TokenStorageError>, millis: number]
  > = [
    ["fails", Effect.suspend(() => new OAuthError.TokenStorageError({ operation: "get", description: "made up." })), 0],
    ["hangs", Effect.never, 5000],
    ["dies", Effect.dieMessage("a bug in the storage"), 0]
  ]
  for (const [name, fault, millis] of faults) {
    for (const [mode, options] of modes) {
      it.scoped(`fails no call in a storage that ${name}: the documents are read, and an event has the reason, with ${mode}`, () =>
        Effect.gen(function*() {
          const storage: Storage = {
            ...(yield* TokenStorage.makeMemory),
            discovery: { get: () => fault, set: () => fault }
          }
          yield* inProcess(storage, options, (provider) =>
            Effect.gen(function*() {
              const events = yield* watch(provider)
              const token = yield* Effect.fork(provider.accessToken)
              yield* TestClock.adjust(millis)
              expect(token.unsafePoll()).not.toBe(null)
              expect(Exit.isSuccess(yield* Fiber.await(token))).toBe(true)
              // The writing delays nobody.
              yield* TestClock.adjust("10 seconds")
              expect(tags(yield* events)).toContain("StorageFailed")
              expect(new Set(yield* traffic)).toEqual(new Set([...documents, tokenRequest]))
            }))
        }).pipe(Effect.provide(environment())))
    }
  }

  it.scoped("does not delay the callers: they have their token before the record is written", () =>
    Effect.gen(function*() {
      const memory = yield* TokenStorage.makeMemory
      const storage: Storage = {
        ...memory,
        discovery: { get: () => Effect.succeedNone, set: () => Effect.sleep("2 seconds") }
      }
      yield* inProcess(storage, {}, (provider) =>
        Effect.gen(function*() {
          const token = yield* Effect.fork(provider.accessToken)
          yield* TestClock.adjust(0)
          expect(token.unsafePoll()).not.toBe(null)
          yield* TestClock.adjust("2 seconds")
        }))
    }).pipe(Effect.provide(environment())))

  it.scoped("is written before a job ends that stops as soon as it has its token", () =>
    Effect.gen(function*() {
      let stored = 0
      const storage: Storage = {
        ...(yield* TokenStorage.makeMemory),
        discovery: {
          get: () => Effect.succeedNone,
          set: () => Effect.zipRight(Effect.sleep("2 seconds"), Effect.sync(() => void stored++))
        }
      }
      const job = yield* Effect.fork(inProcess(storage, {}, getToken))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.await(job)
      expect(stored).toBe(1)
    }).pipe(Effect.provide(environment())))

  it.scoped("is none for a caller that gives the metadata of the authorization server", () =>
    Effect.gen(function*() {
      const { storage, uses } = yield* counting
      yield* requestsOf(storage, { tokenEndpoint })
      expect(uses).toEqual({ get: 0, set: 0 })
    }).pipe(Effect.provide(environment())))

  it.scoped("leaves out a document that is too large, and the issuer holds all the same", () =>
    Effect.gen(function*() {
      const { always } = yield* network
      const storage = yield* TokenStorage.makeMemory
      yield* always("authorization-server-metadata", Answer.json({ ...issuerDocument, ...tooLarge }))
      yield* requestsOf(storage, { issuer: "discover" })
      yield* TestClock.adjust("3 hours")
      assert.deepStrictEqual(yield* requestsOf(storage, { issuer: "discover" }), [
        `GET ${issuerMetadata}`,
        tokenRequest
      ])
    }).pipe(Effect.provide(environment())))

  it.scoped("renews the time of the chosen issuer each night, even if no document can be stored", () =>
    Effect.gen(function*() {
      const { always } = yield* network
      const { mcpServer } = yield* TestServers.TestServers
      const storage = yield* TokenStorage.makeMemory
      const tooLong = Answer.modified((_) => ({ ..._, ...tooLarge }))
      yield* always("authorization-server-metadata", tooLong)
      yield* always("protected-resource-metadata", tooLong)
      const options: Options = { issuer: "discover", scopes: ["mcp"] }
      for (let night = 0; night < 40; night++) {
        yield* requestsOf(storage, options)
        yield* TestClock.adjust("1 day")
      }
      yield* mcpServer.setAuthorizationServers([yield* secondAuthorizationServer()])
      const error = yield* inProcess(storage, options, (provider) => Effect.flip(getToken(provider)))
      expect(error).toMatchObject({ _tag: "IssuerMismatch", reason: "Changed" })
    }).pipe(Effect.provide(environment())))

  it.scoped("keeps named fields of the documents alone", () =>
    Effect.gen(function*() {
      const { always } = yield* network
      const records: Array<DiscoveryRecord.DiscoveryRecord> = []
      yield* always(
        "authorization-server-metadata",
        Answer.json({ ...issuerDocument, vendor_secret: "x", jwks: { keys: [] }, revocation_endpoint: null })
      )
      yield* always("protected-resource-metadata", Answer.json({ ...resourceDocument, vendor: 1 }))
      yield* requestsOf({
        ...(yield* TokenStorage.makeMemory),
        discovery: {
          get: () => Effect.succeedNone,
          set: (_, record) => Effect.sync(() => void records.push(record))
        }
      }, {})
      expect(records.map(({ authorizationServer, protectedResource }) => [
        authorizationServer?.metadata,
        protectedResource?.metadata
      ])).toEqual([[issuerDocument, resourceDocument]])
      expect(records.every(DiscoveryRecord.isDiscoveryRecord)).toBe(true)
    }).pipe(Effect.provide(environment())))
})

describe("stored documents of a host that only `insecureHosts` opens", () => {
  const servers = { issuer: "http://auth.svc.cluster.local", serverUrl: "http://mcp.svc.cluster.local/mcp" }
  const insecureHosts = ["auth.svc.cluster.local", "mcp.svc.cluster.local"]

  it.scoped.each(modes)(
    "are used by a process with the option, and by none without it: %s",
    ([, options]) =>
      Effect.gen(function*() {
        const storage = yield* TokenStorage.makeMemory
        yield* requestsOf(storage, { ...options, insecureHosts })
        yield* TestClock.adjust("3 hours")
        assert.deepStrictEqual(yield* requestsOf(storage, { ...options, insecureHosts }), [
          `POST ${servers.issuer}/token`
        ])
        yield* TestClock.adjust("3 hours")
        yield* clear
        const onlyServer = { ...options, insecureHosts: insecureHosts.slice(1) }
        expect(Exit.isFailure(yield* Effect.exit(inProcess(storage, onlyServer, getToken)))).toBe(true)
        expect((yield* traffic).filter((line) => line.includes(servers.issuer))).toEqual([])
      }).pipe(Effect.provide(environment(servers)))
  )
})
