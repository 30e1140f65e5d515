import { describe, expect, it } from "@effect/vitest"
import { DiscoveryRecord } from "../src/index.ts"
import { record } from "./support/storage.ts"

const DAY = 24 * 60 * 60 * 1000

const withMetadata = (metadata: Readonly<Record<string, unknown>>) => ({
  ...record,
  authorizationServer: { ...record.authorizationServer, metadata }
})

describe("DiscoveryRecord.isDiscoveryRecord", () => {
  const accepted: ReadonlyArray<readonly [name: string, value: unknown]> = [
    ["a record with both documents", record],
    ["a record of an issuer alone", { issuer: record.issuer, confirmedAt: 0 }],
    ["a record whose documents are undefined", {
      issuer: record.issuer,
      confirmedAt: 0,
      protectedResource: undefined,
      authorizationServer: undefined
    }],
    ["a record that says that no address had the document", {
      ...record,
      protectedResource: { url: "", readAt: 0, freshUntil: 1, metadata: null }
    }],
    ["a list of 1,000 entries", withMetadata({ list: Array.from({ length: 1000 }, () => "entry") })],
    ["a list of 16 KiB", withMetadata({ list: ["x".repeat(16 * 1024)] })],
    ["a table of texts", withMetadata({ mtls_endpoint_aliases: { token_endpoint: "https://mtls.example.com" } })]
  ]
  for (const [name, value] of accepted) {
    it(`accepts ${name}`, () => expect(DiscoveryRecord.isDiscoveryRecord(value)).toBe(true))
  }

  const refused: ReadonlyArray<readonly [name: string, value: unknown]> = [
    ["undefined", undefined],
    ["null", null],
    ["a text", JSON.stringify(record)],
    ["a record without an issuer", { confirmedAt: 0 }],
    ["an issuer that is not a text", { ...record, issuer: 1 }],
    ["an issuer longer than 16 KiB", { ...record, issuer: "x".repeat(16 * 1024 + 1) }],
    ["a record without its time", { issuer: record.issuer }],
    ["a document without its time", { ...record, authorizationServer: { url: "", metadata: {} } }],
    ["a list of 1,001 entries", withMetadata({ list: Array.from({ length: 1001 }, () => "entry") })],
    ["a list longer than 16 KiB", withMetadata({ list: ["x".repeat(16 * 1024), "x"] })],
    ["a list of numbers", withMetadata({ list: [1] })],
    ["a table of tables", withMetadata({ table: { of: { tables: "" } } })],
    ["a number in a document", withMetadata({ number: 1 })],
    [
      "more than 64 KiB in all",
      withMetadata(
        Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`list${index}`, ["x".repeat(16 * 1024)]]))
      )
    ],
    [
      "more than 64 KiB of UTF-8",
      withMetadata(
        Object.fromEntries(Array.from({ length: 3 }, (_, index) => [`list${index}`, ["\u{20ac}".repeat(10_000)]]))
      )
    ]
  ]
  for (const [name, value] of refused) {
    it(`refuses ${name}`, () => expect(DiscoveryRecord.isDiscoveryRecord(value)).toBe(false))
  }
})

describe("DiscoveryRecord: the time for which a record is of use", () => {
  for (
    const [name, now, expected] of [
      ["at once", 0, true],
      ["after 30 days less a millisecond", 30 * DAY - 1, true],
      ["after 30 days", 30 * DAY, false],
      ["on a clock that was set back by a day", -DAY, true],
      ["on a clock that was set back by 30 days", -30 * DAY, false]
    ] as const
  ) {
    it(`the issuer ${expected ? "holds" : "does not hold"} ${name}`, () =>
      expect(DiscoveryRecord.isCurrent({ confirmedAt: 0 }, now)).toBe(expected))
  }

  it("a storage may remove a record 30 days after the server last named the issuer", () =>
    expect(DiscoveryRecord.usefulUntil({ issuer: record.issuer, confirmedAt: 5 })).toBe(30 * DAY + 5))

  for (
    const [name, freshUntil, expected] of [
      ["an hour", 1000 + DAY / 24, 1000 + DAY / 24],
      ["a day", 1000 + DAY, 1000 + DAY],
      ["a week", 1000 + 7 * DAY, 1000 + DAY]
    ] as const
  ) {
    it(`a document that is fresh for ${name} is used for a day at most`, () =>
      expect(DiscoveryRecord.freshUntil({ readAt: 1000, freshUntil })).toBe(expected))
  }
})

describe("DiscoveryRecord.withoutDocuments", () => {
  it("keeps the issuer and its time only", () =>
    expect(DiscoveryRecord.withoutDocuments(record)).toEqual({
      issuer: record.issuer,
      confirmedAt: record.confirmedAt
    }))
})
