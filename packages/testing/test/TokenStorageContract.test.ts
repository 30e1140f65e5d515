import { AccessToken, TokenKey, TokenStorage } from "@effect-mcp-auth/core"
import { describe, expect, it } from "@effect/vitest"
import { Clock, Effect, Option } from "effect"
import { TokenStorageContract } from "../src/index.ts"

type Storage = TokenStorage.TokenStorage.Service

/** A storage that does it right, but for what is changed; each view sees the same place. */
const makePlace = (changes: {
  readonly name?: (key: TokenKey.TokenKey) => string
  readonly keep?: (token: AccessToken.AccessToken) => AccessToken.AccessToken
  readonly replaces?: (token: AccessToken.AccessToken, kept: AccessToken.AccessToken, now: number) => boolean
  readonly removes?: (kept: AccessToken.AccessToken, token: AccessToken.AccessToken) => boolean
  readonly lease?: Storage["lease"]
  readonly share?: boolean
}) =>
  Effect.map(TokenStorage.makeMemory, ({ lease }): readonly [Storage, Storage] => {
    const {
      keep = (token) => token,
      name = TokenKey.encode,
      removes = AccessToken.isSame,
      replaces = TokenStorage.supersedes,
      share = true
    } = changes
    const view = (tokens: Map<string, AccessToken.AccessToken>): Storage => ({
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
        }),
      lease: changes.lease ?? lease
    })
    const tokens = new Map<string, AccessToken.AccessToken>()
    return [view(tokens), view(share ? tokens : new Map())]
  })

/** The names of the cases that it does not pass. */
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
  "does not share what it keeps": { share: false },
  "overwrites whatever is there": { replaces: () => true },
  "never overwrites": { replaces: () => false },
  "keeps what has expired": { replaces: (token, kept) => token.issuedAt >= kept.issuedAt },
  "looks at the clock too early": {
    replaces: (token, kept, now) => TokenStorage.supersedes(token, kept, now - 500)
  },
  "removes whatever is there": { removes: () => true },
  "removes what was issued in the same moment": { removes: (kept, token) => kept.issuedAt === token.issuedAt },
  "removes nothing": { removes: () => false },
  "gives the lease to everybody": { lease: () => Effect.void },
  "loses the refresh token": { keep: without("refreshToken") },
  "loses when to renew": { keep: without("refreshAt") },
  "keeps whole seconds": {
    keep: (token) => AccessToken.copy(token, { expiresAt: Math.floor(token.expiresAt / 1000) * 1000 - 1 })
  },
  "ignores the subject": { name: named(() => ({ subject: "" })) },
  "ignores the scopes": { name: named(() => ({ scopes: [] })) },
  "joins scopes by commas": { name: named(({ scopes }) => ({ scopes: [scopes.toSorted().join()] })) },
  "ignores the values of parameters": {
    name: named(({ parameters }) => ({ parameters: parameters.map(([name]) => [name, ""]) }))
  },
  "knows issuers by their host": { name: named(({ issuer }) => ({ issuer: new URL(issuer).host })) },
  "takes letters of resources for the same": { name: named(({ resource }) => ({ resource: resource.toLowerCase() })) },
  "puts no border between the parts of a key": {
    name: ({ clientId, issuer, ...rest }) =>
      `${issuer}${clientId}${TokenKey.encode({ ...rest, issuer: "", clientId: "" })}`
  },
  "minds the order of scopes": { name: (key) => `${key.scopes.join()} ${TokenKey.encode(key)}` }
}

describe("the contract", () => {
  it.live("is kept by a storage that does it right", () =>
    Effect.gen(function*() {
      expect(yield* violations({})).toEqual([])
    }))

  for (const [name, changes] of Object.entries(mutants)) {
    it.live(`is not kept by one that ${name}`, () =>
      Effect.gen(function*() {
        expect(yield* violations(changes)).not.toEqual([])
      }))
  }
})
