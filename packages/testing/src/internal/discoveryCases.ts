import type { AccessToken } from "@effect-mcp-auth/core/AccessToken"
import type { DiscoveryRecord } from "@effect-mcp-auth/core/DiscoveryRecord"
import type { TokenStorageError } from "@effect-mcp-auth/core/OAuthError"
import type { TokenKey } from "@effect-mcp-auth/core/TokenKey"
import type { TokenStorage } from "@effect-mcp-auth/core/TokenStorage"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { YieldWrap } from "effect/Utils"
import { HOUR, type Subject } from "./storageSubject.ts"

/** The steps that these cases share with the others. */
interface Steps<E> {
  readonly violated: (message: string) => E
  readonly expectToken: (
    storage: TokenStorage.Service,
    key: TokenKey,
    expected: AccessToken,
    when: string
  ) => Effect.Effect<void, E | TokenStorageError>
  readonly expectNone: (
    storage: TokenStorage.Service,
    key: TokenKey,
    when: string
  ) => Effect.Effect<void, E | TokenStorageError>
}

/** The operations of both views, and a record for them. */
interface DiscoverySubject extends Subject {
  readonly discovery: TokenStorage.DiscoveryOperations
  readonly otherDiscovery: TokenStorage.DiscoveryOperations
  readonly record: DiscoveryRecord
}

interface DiscoveryCase<E> {
  readonly name: string
  readonly body: (subject: Subject) => Effect.Effect<void, E | TokenStorageError>
}

type Violated<E> = Steps<E>["violated"]

/** Runs the body with the operations of both views. */
const makeWith = <E>(violated: Violated<E>) =>
(
  name: string,
  body: (
    subject: DiscoverySubject
  ) => Generator<YieldWrap<Effect.Effect<unknown, E | TokenStorageError>>, void, never>
): DiscoveryCase<E> => ({
  name: `discovery: ${name}`,
  body: (subject) => {
    const { other: { discovery: otherDiscovery }, storage: { discovery } } = subject
    if (discovery === undefined && otherDiscovery === undefined) return Effect.void
    return discovery === undefined || otherDiscovery === undefined
      ? Effect.fail(violated("One view of the storage has the operations `discovery`, and the other has none."))
      : Effect.flatMap(
        Clock.currentTimeMillis,
        (now) => Effect.gen(() => body({ ...subject, discovery, otherDiscovery, record: makeRecord(now) }))
      )
  }
})

const expectRecordWith =
  <E>(violated: Violated<E>) =>
  (discovery: TokenStorage.DiscoveryOperations, key: TokenKey, expected: DiscoveryRecord, when: string) =>
    Effect.flatMap(
      discovery.get(key),
      (actual) =>
        isStoredRecord(actual, expected) ? Effect.void : Effect.fail(violated(
          Option.isNone(actual)
            ? `${when}, the record of discovery is missing.`
            : `${when}, the storage has another record of discovery, or a member of the record has changed.`
        ))
    )

const expectNoRecordWith =
  <E>(violated: Violated<E>) => (discovery: TokenStorage.DiscoveryOperations, key: TokenKey, when: string) =>
    Effect.flatMap(
      discovery.get(key),
      (actual) =>
        Option.isNone(actual)
          ? Effect.void
          : Effect.fail(violated(`${when}, the storage has a record of discovery where it must have none.`))
    )

/**
 * The cases about the optional operations `discovery`. A storage without them meets the cases.
 *
 * @internal
 */
export const discoveryCases = <E>(steps: Steps<E>): ReadonlyArray<DiscoveryCase<E>> => {
  const { expectNone, expectToken, violated } = steps
  const make = makeWith(violated)
  const expectRecord = expectRecordWith(violated)
  const expectNoRecord = expectNoRecordWith(violated)

  return [
    make("get returns nothing for a key that was never set", function*({ discovery, key }) {
      yield* expectNoRecord(discovery, key, "Before set")
    }),

    make("get returns the stored record, in both views", function*({ discovery, key, otherDiscovery, record }) {
      yield* discovery.set(key, record)
      yield* expectRecord(discovery, key, record, "After set")
      yield* expectRecord(otherDiscovery, { ...key }, record, "After set, in the other view")
      const { authorizationServer: _, protectedResource: __, ...issuerAlone } = record
      const alone = { ...key, clientId: `${key.clientId} alone` }
      yield* otherDiscovery.set(alone, issuerAlone)
      yield* expectRecord(discovery, alone, issuerAlone, "After set of a record without documents")
    }),

    make("set replaces the record", function*({ discovery, key, otherDiscovery, record }) {
      yield* discovery.set(key, record)
      const next = { ...record, issuer: "https://other.example.com", confirmedAt: record.confirmedAt - 1000 }
      yield* otherDiscovery.set(key, next)
      yield* expectRecord(discovery, key, next, "After set of another record")
    }),

    make(
      "records of different keys do not affect each other",
      function*({ discovery, key, otherDiscovery, record }) {
        yield* discovery.set(key, record)
        const others: ReadonlyArray<Partial<TokenKey>> = [
          { issuer: "discover" },
          { clientId: key.clientId.toUpperCase() },
          { grantType: "other" },
          { resource: `${key.resource}/` }
        ]
        for (const changed of others) {
          const name = Object.keys(changed).join()
          yield* expectNoRecord(otherDiscovery, { ...key, ...changed }, `Under another ${name}`)
          yield* otherDiscovery.set({ ...key, ...changed }, { ...record, issuer: "https://other.example.com" })
          yield* expectRecord(discovery, key, record, `After set under another ${name}`)
        }
      }
    ),

    make(
      "the token and the record of a key do not affect each other",
      function*({ discovery, key, record, storage, token }) {
        const kept = token()
        yield* storage.set(key, kept)
        yield* expectNoRecord(discovery, key, "After set of a token")
        yield* discovery.set(key, record)
        yield* expectToken(storage, key, kept, "After set of a record of discovery")
        yield* storage.remove(key, kept)
        yield* expectNone(storage, key, "After remove of the token")
        yield* expectRecord(discovery, key, record, "After remove of the token")
      }
    )
  ]
}

/** A record of discovery with every member. */
const makeRecord = (now: number): DiscoveryRecord => ({
  issuer: "https://auth.example.com",
  confirmedAt: now,
  protectedResource: {
    url: "https://mcp.example.com/.well-known/oauth-protected-resource/mcp",
    readAt: now,
    freshUntil: now + HOUR,
    metadata: {
      resource: "https://mcp.example.com/mcp",
      authorization_servers: ["https://auth.example.com"],
      scopes_supported: Array.from({ length: 500 }, (_, index) => `contract:scope:${index}`)
    },
    challenge: { scope: "a b", resourceMetadata: "https://mcp.example.com/.well-known/oauth-protected-resource/mcp" }
  },
  authorizationServer: {
    url: "https://auth.example.com/.well-known/oauth-authorization-server",
    readAt: now - 1,
    freshUntil: now + HOUR - 1,
    metadata: {
      issuer: "https://auth.example.com",
      token_endpoint: "https://auth.example.com/token",
      tls_client_certificate_bound_access_tokens: true,
      mtls_endpoint_aliases: { token_endpoint: "https://mtls.example.com/token" }
    }
  }
})

/** Whether a storage returned the record that was set. A storage may leave a document out, but may not change it. */
const isStoredRecord = (actual: Option.Option<DiscoveryRecord>, expected: DiscoveryRecord): boolean =>
  Option.exists(actual, (record) =>
    record.issuer === expected.issuer && record.confirmedAt === expected.confirmedAt &&
    isSameOrAbsent(record.protectedResource, expected.protectedResource) &&
    isSameOrAbsent(record.authorizationServer, expected.authorizationServer))

const isSameOrAbsent = (actual: unknown, expected: unknown): boolean =>
  actual === undefined || canonical(actual) === canonical(expected)

/** The text of a value, whatever the order of its fields. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => a < b ? -1 : 1))
      : part)
