import { TestNetwork } from "@effect-mcp-auth/testing"
import { assert, describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Either } from "effect"
import { defaultLimits } from "../../src/authoring/HttpExchange.ts"
import { Challenge, type Discovery, DiscoveryCache, ResourceIdentifier } from "../../src/index.ts"
import * as StoredDocuments from "../../src/Discovery/StoredDocuments.ts"
import { issuerMetadata, resourceAtPath, server, tokenEndpoint } from "../support/discovery.ts"

const issuer = "https://auth.example.com"

const resource = (changes: Readonly<Record<string, unknown>> = {}) => ({
  value: Either.right({
    authorizationServers: [issuer],
    scopesSupported: [],
    url: resourceAtPath,
    metadata: { resource: server, authorization_servers: [issuer], ...changes }
  }),
  readAt: 1000,
  freshUntil: 2000
})

const authorizationServer = (changes: Readonly<Record<string, unknown>> = {}) => ({
  value: {
    issuer,
    tokenEndpoint: new URL(tokenEndpoint),
    metadata: { issuer, token_endpoint: tokenEndpoint, ...changes }
  },
  readAt: 1500,
  freshUntil: 2500
})

const found = { issuer, challenge: undefined, resource: resource(), authorizationServer: authorizationServer() }

describe("StoredDocuments.toRecord", () => {
  it("has the named fields of both documents and their times", () => {
    expect(StoredDocuments.toRecord(found, {})).toEqual({
      issuer,
      confirmedAt: 1000,
      protectedResource: {
        readAt: 1000,
        freshUntil: 2000,
        url: resourceAtPath,
        metadata: { resource: server, authorization_servers: [issuer] }
      },
      authorizationServer: {
        readAt: 1500,
        freshUntil: 2500,
        url: "",
        metadata: { issuer, token_endpoint: tokenEndpoint }
      }
    })
  })

  it("returns the same documents for the same metadata, also after the metadata could not be read again", () => {
    const first = StoredDocuments.toRecord(found, {})
    const later = StoredDocuments.toRecord({
      ...found,
      resource: { ...found.resource, readAt: 9000, freshUntil: 10_000 },
      authorizationServer: { ...found.authorizationServer, readAt: 9000, freshUntil: 10_000 }
    }, {})
    expect(later?.protectedResource).toBe(first?.protectedResource)
    expect(later?.authorizationServer).toBe(first?.authorizationServer)
    expect(later?.confirmedAt).toBe(1000)
  })

  it("has the challenge that led to the metadata, and another document for another challenge", () => {
    const challenge = (scope: string): Challenge.Challenge => ({
      scheme: "bearer",
      token68: undefined,
      parameters: new Map([["scope", scope], ["realm", "canary"]])
    })
    const [a, b] = ["a", "b"].map((scope) =>
      StoredDocuments.toRecord({ ...found, challenge: challenge(scope) }, {})?.protectedResource?.challenge
    )
    expect([a, b]).toEqual([{ scope: "a" }, { scope: "b" }])
  })

  const left: ReadonlyArray<readonly [name: string, changes: Readonly<Record<string, unknown>>]> = [
    ["is null", { scopes_supported: null }],
    ["is undefined", { scopes_supported: undefined }]
  ]
  for (const [name, changes] of left) {
    it(`leaves out a field that ${name}`, () => {
      const record = StoredDocuments.toRecord({
        ...found,
        resource: resource(changes),
        authorizationServer: authorizationServer(changes)
      }, {})
      expect(record?.protectedResource?.metadata).toEqual({ resource: server, authorization_servers: [issuer] })
      expect(record?.authorizationServer?.metadata).toEqual({ issuer, token_endpoint: tokenEndpoint })
    })
  }

  const tooLong: ReadonlyArray<readonly [name: string, changes: Readonly<Record<string, unknown>>]> = [
    ["a list of 1,001 entries", { scopes_supported: Array.from({ length: 1001 }, () => "s") }],
    ["a list of more than 16 KiB", { scopes_supported: ["s".repeat(16 * 1024 + 1)] }],
    ["a text of more than 16 KiB", { jwks_uri: `https://auth.example.com/${"x".repeat(16 * 1024)}` }],
    ["more than 30 KiB in all", {
      scopes_supported: ["s".repeat(16 * 1024)],
      jwks_uri: `https://auth.example.com/${"x".repeat(14 * 1024)}`
    }],
    ["a field that is no part of a record", { jwks: { keys: [] } }]
  ]
  for (const [name, changes] of tooLong) {
    it(`leaves out a document with ${name}, and keeps the issuer`, () => {
      const record = StoredDocuments.toRecord({
        ...found,
        resource: resource(changes),
        authorizationServer: authorizationServer(changes)
      }, {})
      expect(record).toEqual({ issuer, confirmedAt: 1000 })
    })
  }

  it("is none for an issuer of more than 2 KiB", () => {
    expect(StoredDocuments.toRecord({ ...found, issuer: `${issuer}/${"x".repeat(2048)}` }, {})).toBeUndefined()
  })

  it("has an issuer of at most 2 KiB with its quotation marks", () => {
    const lengths = [2046, 2047].map((length) => issuer.padEnd(length, "/x"))
    const records = lengths.map((long) => StoredDocuments.toRecord({ ...found, issuer: long }, {}))
    expect(records.map((record) => record?.issuer.length)).toEqual([2046, undefined])
  })

  it("has the time at which the issuer was confirmed by the documents that there are", () => {
    const confirmedAt = (changes: Partial<typeof found>) => {
      const nothing = { issuer, challenge: undefined, resource: undefined, authorizationServer: undefined }
      return StoredDocuments.toRecord({ ...nothing, ...changes }, {})
    }
    expect(confirmedAt({ resource: found.resource })).toMatchObject({ confirmedAt: 1000 })
    expect(confirmedAt({ authorizationServer: found.authorizationServer })).toMatchObject({ confirmedAt: 1500 })
    expect(confirmedAt({})).toEqual({ issuer, confirmedAt: 0 })
  })

  it("says that no address had metadata of the server", () => {
    const record = StoredDocuments.toRecord({
      ...found,
      resource: { value: Either.left([]), readAt: 1000, freshUntil: 2000 }
    }, {})
    expect(record?.protectedResource).toEqual({ readAt: 1000, freshUntil: 2000, url: "", metadata: null })
  })

  it("has the address of the authorization server's metadata that the caller gave", () => {
    const record = StoredDocuments.toRecord(
      { ...found, authorizationServer: authorizationServer() },
      { authorizationServerMetadataUrl: new URL(issuerMetadata) }
    )
    expect(record?.authorizationServer?.url).toBe(issuerMetadata)
  })
})

const options = Effect.gen(function*() {
  const given: Discovery.Options = {
    cache: yield* DiscoveryCache.make(),
    client: (yield* TestNetwork.TestNetwork).httpClient,
    server: Either.getOrThrow(ResourceIdentifier.fromServerUrl(server)),
    issuer: "discover",
    follow: false,
    onChange: () => Effect.void,
    limits: defaultLimits,
    timeout: Duration.seconds(30)
  }
  return given
}).pipe(Effect.provide(TestNetwork.layer))

const recordOf = (changes: Partial<Parameters<typeof StoredDocuments.toRecord>[0]> = {}) => {
  const record = StoredDocuments.toRecord({ ...found, ...changes }, {})
  assert(record !== undefined)
  return record
}

describe("StoredDocuments.resourceOf", () => {
  it.scoped.each(["Bearer", "Bearer scope=\"a b\"", "Bearer resource_metadata=\"https://a.example\", scope=\"a\""])(
    "returns the document and what the challenge %s asks for, and the next record has the same document",
    (header) =>
      Effect.gen(function*() {
        const challenge = Challenge.fromHeader(header)
        const record = recordOf({ challenge, resource: { ...resource(), readAt: 1001 } })
        const restored = StoredDocuments.resourceOf(record, yield* options, 1001)
        assert(restored?.challenge !== undefined && challenge !== undefined)
        assert.deepStrictEqual(
          Object.fromEntries(restored.challenge.parameters),
          Object.fromEntries(challenge.parameters)
        )
        const again = recordOf({ challenge: restored.challenge, resource: restored.document })
        expect(again.protectedResource).toBe(record.protectedResource)
        expect(again.confirmedAt).toBe(1001)
      })
  )

  it.scoped("returns that no address had metadata", () =>
    Effect.gen(function*() {
      const record = recordOf({ resource: { value: Either.left([]), readAt: 1000, freshUntil: 2000 } })
      const restored = StoredDocuments.resourceOf(record, yield* options, 1000)
      expect(restored).toEqual({
        document: { value: Either.left([]), readAt: 1000, freshUntil: 2000 },
        challenge: undefined
      })
    }))

  it.scoped("returns nothing after the time until which the document was fresh", () =>
    Effect.gen(function*() {
      const given = yield* options
      const fresh = [1999, 2000].map((now) => StoredDocuments.resourceOf(recordOf(), given, now) !== undefined)
      expect(fresh).toEqual([true, false])
    }))
})

describe("StoredDocuments.authorizationServerOf", () => {
  it.scoped("returns the authorization server until its metadata is no longer fresh", () =>
    Effect.gen(function*() {
      const given = yield* options
      const restored = [2499, 2500].map((now) =>
        StoredDocuments.authorizationServerOf(recordOf(), given, new URL(server), now)
      )
      expect(restored.map((one) => one?.value.issuer)).toEqual([issuer, undefined])
    }))

  it.scoped("returns an authorization server of which the next record has the same document", () =>
    Effect.gen(function*() {
      const record = recordOf({ resource: undefined })
      const restored = StoredDocuments.authorizationServerOf(record, yield* options, new URL(server), 1500)
      const again = recordOf({ resource: undefined, authorizationServer: restored })
      expect(again.authorizationServer).toBe(record.authorizationServer)
      expect(again.confirmedAt).toBe(1500)
    }))
})
