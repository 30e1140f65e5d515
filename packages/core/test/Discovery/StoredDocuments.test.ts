import { describe, expect, it } from "@effect/vitest"
import { Either } from "effect"
import type { Challenge } from "../../src/index.ts"
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
