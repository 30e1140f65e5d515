import type { Input } from "@effect-mcp-auth/tooling/growth"
import { type Form, json, nested, texts, whole, words } from "@effect-mcp-auth/tooling/hostileTexts"
import { Effect, Redacted } from "effect"
import * as RecordEncryption from "../../src/RecordEncryption.ts"

const issuer = "https://auth.example.com"
const token = { value: "t", tokenType: "Bearer", scopes: [], issuer, issuedAt: 1, expiresAt: 2 }

const forms: Readonly<Record<string, Form>> = {
  "scopes": json((bytes) => record({ token: { ...token, scopes: words(bytes) } })),
  "a long token": json((bytes) => record({ token: { ...token, value: "t".repeat(bytes) } })),
  "a long encrypted text": json((bytes) => sealed("A".repeat(bytes))),
  "an encrypted text that is not base64": json((bytes) => sealed("=".repeat(bytes))),
  "metadata with many fields": json((bytes) =>
    discovery(Object.fromEntries(words(bytes / 2).map((name) => [name, ""])))
  ),
  "metadata with a long list": json((bytes) => discovery({ list: words(bytes) })),
  "a deep list": whole((bytes) => `{"version":1,"name":"name","token":${nested(bytes - 1000)}}`),
  "no JSON": "x"
}

const record = (content: object) => ({ version: 1, name: "name", ...content })

const sealed = (ciphertext: string) => record({ expiresAt: 1, keyId: "k", iv: "AAAAAAAAAAAAAAAA", ciphertext })

const discovery = (metadata: object) =>
  record({
    discovery: { issuer, confirmedAt: 1, authorizationServer: { readAt: 1, freshUntil: 2, url: "", metadata } }
  })

const encrypted = Effect.runPromise(
  RecordEncryption.encrypted({ encryptionKey: Redacted.make(btoa("k".repeat(32))) })
)

const open = async (text: string) => {
  for (const codec of [RecordEncryption.plaintext, await encrypted]) {
    await Effect.runPromise(Effect.either(codec.open("name", text)))
    if (codec.discovery !== undefined) await Effect.runPromise(Effect.either(codec.discovery.open("name", text)))
  }
  RecordEncryption.expiresAt(text)
}

/** The records of storages that others can write to. */
export const records: ReadonlyArray<Input> = texts("record", forms, open)
