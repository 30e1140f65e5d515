import { AccessToken, type DiscoveryRecord, TokenKey, TokenStorage } from "@effect-mcp-auth/core"
import { describe, expect, it } from "@effect/vitest"
import { Clock, Effect, Option } from "effect"
import { TokenStorageContract } from "../src/index.ts"

type Storage = TokenStorage.TokenStorage.Service

/** A storage that meets the contract apart from the changes. Both views see the same place. */
const makePlace = (changes: {
  readonly name?: (key: TokenKey.TokenKey) => string
  readonly keep?: (token: AccessToken.AccessToken) => AccessToken.AccessToken
  readonly replaces?: (token: AccessToken.AccessToken, kept: AccessToken.AccessToken, now: number) => boolean
  readonly removes?: (kept: AccessToken.AccessToken, token: AccessToken.AccessToken) => boolean
  readonly lease?: Storage["lease"]
  readonly share?: boolean
  readonly keepsDiscovery?: "in both views" | "in one view" | "nowhere"
  readonly discoveryName?: (key: TokenKey.TokenKey) => string
  readonly keepRecord?: (record: DiscoveryRecord.DiscoveryRecord) => DiscoveryRecord.DiscoveryRecord | undefined
  readonly replacesRecord?: boolean
  readonly forgetsWithToken?: boolean
}) =>
  Effect.map(TokenStorage.makeMemory, ({ lease }): readonly [Storage, Storage] => {
    const {
      keep = (token) => token,
      name = TokenKey.encode,
      removes = AccessToken.isSame,
      replaces = TokenStorage.supersedes,
      discoveryName = TokenKey.encode,
      forgetsWithToken = false,
      keepRecord = (record) => record,
      keepsDiscovery = "in both views",
      replacesRecord = true,
      share = true
    } = changes
    type Records = Map<string, DiscoveryRecord.DiscoveryRecord>
    const view = (
      tokens: Map<string, AccessToken.AccessToken>,
      records: Records,
      keepsDiscovery: boolean
    ): Storage => ({
      get: (key) => Effect.sync(() => Option.fromNullable(tokens.get(name(key)))),
      set: (key, token) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          const kept = tokens.get(name(key))
          if (kept === undefined || replaces(token, kept, now)) tokens.set(name(key), keep(token))
        }),
      remove: (key, token) =>
        Effect.sync(() => {
          const kept = tokens.get(name(key))
          if (kept !== undefined && removes(kept, token)) tokens.delete(name(key))
          if (forgetsWithToken) records.delete(name(key))
        }),
      lease: changes.lease ?? lease,
      discovery: keepsDiscovery
        ? {
          get: (key) => Effect.sync(() => Option.fromNullable(records.get(discoveryName(key)))),
          set: (key, record) =>
            Effect.sync(() => {
              const kept = keepRecord(record)
              if (kept !== undefined && (replacesRecord || !records.has(discoveryName(key)))) {
                records.set(discoveryName(key), kept)
              }
            })
        }
        : undefined
    })
    const tokens = new Map<string, AccessToken.AccessToken>()
    const records: Records = new Map()
    return [
      view(tokens, records, keepsDiscovery !== "nowhere"),
      view(share ? tokens : new Map(), share ? records : new Map(), keepsDiscovery === "in both views")
    ]
  })

/** The names of the cases that the storage fails. */
const violations = (changes: Parameters<typeof makePlace>[0]) =>
  Effect.filter(TokenStorageContract.cases, ({ check }) =>
    Effect.gen(function*() {
      const [storage, other] = yield* makePlace(changes)
      return (yield* Effect.exit(check(storage, other)))._tag === "Failure"
    })).pipe(Effect.map((cases) => cases.map(({ name }) => name)))

const without = (field: "refreshAt" | "refreshToken") => (token: AccessToken.AccessToken) =>
  AccessToken.copy(token, { [field]: undefined })

const named = (f: (key: TokenKey.TokenKey) => Partial<TokenKey.TokenKey>) => (key: TokenKey.TokenKey) =>
  TokenKey.encode({ ...key, ...f(key) })

const mutants: Readonly<Record<string, Parameters<typeof makePlace>[0]>> = {
  "does not share its tokens": { share: false },
  "replaces any token": { replaces: () => true },
  "never replaces a token": { replaces: () => false },
  "does not replace an expired token": { replaces: (token, kept) => token.issuedAt >= kept.issuedAt },
  "reads the clock before it reads the token": {
    replaces: (token, kept, now) => TokenStorage.supersedes(token, kept, now - 500)
  },
  "removes any token": { removes: () => true },
  "removes a token that was issued at the same time": { removes: (kept, token) => kept.issuedAt === token.issuedAt },
  "removes nothing": { removes: () => false },
  "grants the lease to every caller": { lease: () => Effect.void },
  "loses the refresh token": { keep: without("refreshToken") },
  "loses the time of renewal": { keep: without("refreshAt") },
  "stores times in whole seconds": {
    keep: (token) => AccessToken.copy(token, { expiresAt: Math.floor(token.expiresAt / 1000) * 1000 - 1 })
  },
  "ignores the subject": { name: named(() => ({ subject: "" })) },
  "ignores the scopes": { name: named(() => ({ scopes: [] })) },
  "joins scopes by commas": { name: named(({ scopes }) => ({ scopes: [scopes.toSorted().join()] })) },
  "ignores the values of parameters": {
    name: named(({ parameters }) => ({ parameters: parameters.map(([name]) => [name, ""]) }))
  },
  "distinguishes issuers by their host alone": { name: named(({ issuer }) => ({ issuer: new URL(issuer).host })) },
  "ignores the case of letters in resources": { name: named(({ resource }) => ({ resource: resource.toLowerCase() })) },
  "joins the parts of a key without a separator": {
    name: ({ clientId, issuer, ...rest }) =>
      `${issuer}${clientId}${TokenKey.encode({ ...rest, issuer: "", clientId: "" })}`
  },
  "distinguishes keys by the order of scopes": {
    name: (key) => `${key.scopes.join()} ${TokenKey.encode(key)}`
  },
  "keeps what discovery has found in one view only": { keepsDiscovery: "in one view" },
  "keeps no record of discovery": { keepRecord: () => undefined },
  "never replaces a record of discovery": { replacesRecord: false },
  "removes the record of discovery with the token": { forgetsWithToken: true },
  "keeps records of discovery by the client alone": { discoveryName: ({ clientId }) => clientId },
  "keeps records of discovery by all but the client": {
    discoveryName: named(({ clientId }) => ({ clientId: clientId.toLowerCase() }))
  },
  "changes the issuer of a record": { keepRecord: (record) => ({ ...record, issuer: `${record.issuer}/` }) },
  "stores the time of a record in whole seconds": {
    keepRecord: (record) => ({ ...record, confirmedAt: Math.floor(record.confirmedAt / 1000) * 1000 - 1 })
  },
  "loses a field of a stored document": {
    keepRecord: ({ authorizationServer, ...record }) => ({
      ...record,
      authorizationServer: authorizationServer && { ...authorizationServer, metadata: {} }
    })
  }
}

/** Changes with which a storage still meets the contract. */
const allowed: Readonly<Record<string, Parameters<typeof makePlace>[0]>> = {
  "keeps tokens only": { keepsDiscovery: "nowhere" },
  "keeps the issuer without the documents": {
    keepRecord: ({ confirmedAt, issuer }) => ({ issuer, confirmedAt })
  },
  "keeps one document only": { keepRecord: ({ authorizationServer: _, ...record }) => record }
}

describe("TokenStorageContract", () => {
  it.live("accepts a storage that meets the contract", () =>
    Effect.gen(function*() {
      expect(yield* violations({})).toEqual([])
    }))

  for (const [name, changes] of Object.entries(allowed)) {
    it.live(`accepts a storage that ${name}`, () =>
      Effect.gen(function*() {
        expect(yield* violations(changes)).toEqual([])
      }))
  }

  for (const [name, changes] of Object.entries(mutants)) {
    it.live(`rejects a storage that ${name}`, () =>
      Effect.gen(function*() {
        expect(yield* violations(changes)).not.toEqual([])
      }))
  }
})
