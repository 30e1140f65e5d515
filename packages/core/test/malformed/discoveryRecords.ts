/**
 * Malformed records of discovery: the text of a stored record that was changed, and records that a storage of the
 * caller's own returns although no compiler would allow them.
 */
import type { ClientSecret } from "@effect-mcp-auth/client-secret"
import { Effect, Either, type Redacted } from "effect"
import { type DiscoveryRecord, TokenStorage } from "../../src/index.ts"
import { clear, traffic } from "../support/discovery.ts"
import { makeImpatientProvider, settle, watch } from "../support/provider.ts"
import { makePlace } from "../support/recordPlace.ts"
import { encryptionKey, record } from "../support/storage.ts"
import type { Family, Row } from "./support.ts"

type Storage = TokenStorage.TokenStorage.Service

/** A process with this storage asks for a token. The outcome names the failures of the storage and the requests. */
const process = (storage: Storage, options: Partial<ClientSecret.Options>) =>
  Effect.gen(function*() {
    yield* clear
    const provider = yield* makeImpatientProvider({ issuer: "discover", ...options })
    const seen = yield* watch(provider)
    const outcome = yield* Effect.either(provider.accessToken)
    yield* settle
    const failures = (yield* seen).flatMap((event) => event._tag === "StorageFailed" ? [`${event.error.reason}, `] : [])
    const posts = (yield* traffic).filter((line) => line.startsWith("POST")).join(", ")
    const gets = (yield* traffic).filter((line) => line.startsWith("GET")).length
    const result = Either.isRight(outcome) ? "" : `${outcome.left._tag}, `
    return `${[...new Set(failures)].join("")}${result}${gets} GET, ${posts === "" ? "no credential sent" : posts}`
  }).pipe(Effect.provideService(TokenStorage.TokenStorage, storage), Effect.scoped)

const withoutTokens = (discovery: TokenStorage.TokenStorage.DiscoveryOperations): Storage => ({
  get: () => Effect.succeedNone,
  set: () => Effect.void,
  remove: () => Effect.void,
  lease: () => Effect.void,
  discovery
})

/** A storage of the caller's own returns this in place of the record. */
const returned = (input: string, section: string, found: unknown, outcome: string): Row => ({
  input: `a storage that returns ${input}`,
  section,
  outcome,
  run: process(
    withoutTokens({
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a storage in JavaScript can return any value
      get: () => Effect.succeedSome(found as DiscoveryRecord.DiscoveryRecord),
      set: () => Effect.void
    }),
    {}
  )
})

/** A process stores its record, somebody changes the text, and the next process reads it. */
const changed = (
  input: string,
  section: string,
  keys: ReadonlyArray<Redacted.Redacted<string>>,
  change: (text: string) => string,
  outcome: string
): Row => ({
  input: `${keys.length === 0 ? "plaintext" : "encrypted"}: ${input}`,
  section,
  outcome,
  run: Effect.gen(function*() {
    const { records, storage: { discovery } } = yield* makePlace(keys)
    if (discovery === undefined) return yield* Effect.dieMessage("the storage keeps tokens only")
    const storage = withoutTokens(discovery)
    yield* process(storage, {})
    for (const [name, text] of records) records.set(name, change(text))
    return yield* process(storage, {})
  })
})

const FRESH = {
  ...record,
  protectedResource: {
    ...record.protectedResource,
    freshUntil: 1e9,
    metadata: { ...record.protectedResource.metadata, scopes_supported: ["mcp"] },
    challenge: { scope: "mcp" }
  },
  authorizationServer: { ...record.authorizationServer, freshUntil: 1e9 }
}
const ISSUER = "https://auth.example.com"
const STRANGER = "https://stranger.example.com"

const server = (changes: object) => ({
  ...FRESH,
  authorizationServer: { ...FRESH.authorizationServer, ...changes }
})

export const discoveryRecords: Family = {
  name: "discovery record",
  rows: [
    returned("null", "CWE-20", null, "Damaged, 2 GET, POST https://auth.example.com/token"),
    returned("a text", "CWE-20", JSON.stringify(FRESH), "Damaged, 2 GET, POST https://auth.example.com/token"),
    returned("an empty object", "CWE-20", {}, "Damaged, 2 GET, POST https://auth.example.com/token"),
    returned(
      "an issuer that is a number",
      "CWE-20",
      { ...FRESH, issuer: 1 },
      "Damaged, 2 GET, POST https://auth.example.com/token"
    ),
    returned(
      "an issuer that is no URL",
      "RFC 8414 §2",
      { ...FRESH, issuer: "auth" },
      "IssuerMismatch, 0 GET, no credential sent"
    ),
    returned(
      "an issuer of plain http",
      "RFC 8414 §2",
      { ...FRESH, issuer: "http://auth.example.com" },
      "IssuerMismatch, 0 GET, no credential sent"
    ),
    returned(
      "an issuer with a line break",
      "CWE-117",
      { ...FRESH, issuer: `${ISSUER}\nx` },
      "IssuerMismatch, 0 GET, no credential sent"
    ),
    returned(
      "a time of NaN",
      "RFC 8259 §6",
      { ...FRESH, confirmedAt: Number.NaN },
      "Damaged, 2 GET, POST https://auth.example.com/token"
    ),
    returned(
      "a time without end",
      "RFC 8259 §6",
      { ...FRESH, confirmedAt: Infinity },
      "Damaged, 2 GET, POST https://auth.example.com/token"
    ),
    returned(
      "a document that is fresh for ever",
      "RFC 9111 §4.2",
      server({ readAt: 0, freshUntil: Infinity }),
      "Damaged, 2 GET, POST https://auth.example.com/token"
    ),
    returned(
      "a document from the future",
      "RFC 9111 §4.2",
      server({ readAt: 1e15, freshUntil: 2e15 }),
      "1 GET, POST https://auth.example.com/token"
    ),
    returned(
      "metadata that is a text",
      "CWE-20",
      server({ metadata: "{}" }),
      "Damaged, 2 GET, POST https://auth.example.com/token"
    ),
    returned(
      "metadata without an issuer",
      "RFC 8414 §3.3",
      server({ metadata: { token_endpoint: `${ISSUER}/token` } }),
      "1 GET, POST https://auth.example.com/token"
    ),
    returned(
      "metadata of another issuer",
      "RFC 8414 §3.3",
      server({ metadata: { issuer: STRANGER, token_endpoint: `${STRANGER}/token` } }),
      "1 GET, POST https://auth.example.com/token"
    ),
    returned(
      "a token endpoint that is no URL",
      "RFC 8414 §2",
      server({ metadata: { issuer: ISSUER, token_endpoint: "token" } }),
      "1 GET, POST https://auth.example.com/token"
    ),
    returned(
      "a token endpoint of plain http",
      "RFC 8414 §2",
      server({ metadata: { issuer: ISSUER, token_endpoint: "http://auth.example.com/token" } }),
      "1 GET, POST https://auth.example.com/token"
    ),
    returned(
      "a token endpoint at a private address",
      "MCP Security, SSRF",
      server({ metadata: { issuer: ISSUER, token_endpoint: "https://10.0.0.1/token" } }),
      "1 GET, POST https://auth.example.com/token"
    ),
    returned(
      "a token endpoint with a line break",
      "RFC 8414 §2",
      server({ metadata: { issuer: ISSUER, token_endpoint: `${ISSUER}/token\n` } }),
      "1 GET, POST https://auth.example.com/token"
    ),
    returned(
      "a list of 100,000 entries",
      "CWE-770",
      server({ metadata: { ...FRESH.authorizationServer.metadata, list: Array.from({ length: 100_000 }, () => "x") } }),
      "Damaged, 2 GET, POST https://auth.example.com/token"
    ),
    returned("metadata of a server that covers another path", "RFC 9728 §3.3", {
      ...FRESH,
      protectedResource: { ...FRESH.protectedResource, metadata: { resource: STRANGER } }
    }, "2 GET, POST https://auth.example.com/token"),
    ...[[], [encryptionKey]].flatMap((keys) => [
      changed("an empty text", "CWE-20", keys, () => "", "Damaged, 2 GET, POST https://auth.example.com/token"),
      changed(
        "a cut record",
        "RFC 8259 §2",
        keys,
        (text) => text.slice(0, -4),
        "Damaged, 2 GET, POST https://auth.example.com/token"
      ),
      changed(
        "a record of 2 MiB",
        "CWE-770",
        keys,
        (text) => text + " ".repeat(2 * 1024 * 1024),
        "Damaged, 2 GET, POST https://auth.example.com/token"
      ),
      changed(
        "100,000 nested brackets",
        "CWE-674",
        keys,
        () => "[".repeat(100_000),
        "Damaged, 2 GET, POST https://auth.example.com/token"
      ),
      changed(
        "the record inside of `__proto__`",
        "CWE-1321",
        keys,
        (text) => `{"__proto__":${text}}`,
        "Damaged, 2 GET, POST https://auth.example.com/token"
      ),
      changed(
        "a `version` of 2",
        "CWE-20",
        keys,
        (text) => text.replace("\"version\":1", "\"version\":2"),
        "UnknownVersion, 2 GET, POST https://auth.example.com/token"
      ),
      changed(
        "another `name`",
        "CWE-345",
        keys,
        (text) => JSON.stringify({ ...JSON.parse(text), name: "x" }),
        "Foreign, 2 GET, POST https://auth.example.com/token"
      )
    ]),
    changed(
      "an issuer that is a stranger's",
      "RFC 9700 §4.4",
      [],
      (text) => text.replaceAll(ISSUER, STRANGER),
      "IssuerMismatch, 1 GET, no credential sent"
    ),
    changed(
      "a time of 1e999",
      "RFC 8259 §6",
      [],
      (text) => text.replace(/"confirmedAt":\d+/, "\"confirmedAt\":1e999"),
      "Damaged, 2 GET, POST https://auth.example.com/token"
    ),
    changed("documents that somebody added", "RFC 9700 §4.4", [], (text) => {
      const parsed = JSON.parse(text)
      const planted = server({ metadata: { issuer: ISSUER, token_endpoint: `${STRANGER}/token` } })
      return JSON.stringify({ ...parsed, discovery: { ...planted, ...parsed.discovery } })
    }, "2 GET, POST https://auth.example.com/token"),
    changed("one bit of the ciphertext", "NIST SP 800-38D §7.2", [encryptionKey], (text) => {
      const parsed = JSON.parse(text)
      const bytes = Buffer.from(parsed.ciphertext, "base64url")
      bytes[0] = (bytes[0] ?? 0) ^ 1
      return JSON.stringify({ ...parsed, ciphertext: bytes.toString("base64url") })
    }, "Damaged, 2 GET, POST https://auth.example.com/token")
  ]
}
