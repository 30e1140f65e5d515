import type { AccessToken } from "@effect-mcp-auth/core/AccessToken"
import * as DiscoveryRecord from "@effect-mcp-auth/core/DiscoveryRecord"
import * as RecordEncryption from "@effect-mcp-auth/core/RecordEncryption"
import { webcrypto as crypto } from "node:crypto"
import { isDeepStrictEqual } from "node:util"
import * as Redacted from "effect/Redacted"
import * as Effect from "effect/Effect"
import { NOW, run } from "../support.ts"
import type { Target } from "../Target.ts"
import { holds } from "../Target.ts"

const NAME = "n".repeat(43)

const key = Buffer.alloc(32, 7)

const codec = Effect.runSync(Effect.cached(
  RecordEncryption.encrypted({ encryptionKey: Redacted.make(key.toString("base64")) })
))

/**
 * The record that an encrypting storage of this key would have written with this content: the fuzzer reaches what comes
 * after the decryption only this way.
 */
const sealed = async (content: string): Promise<string> => {
  const labelled = Buffer.concat([Buffer.from("effect-mcp-auth key id"), key])
  const digest = Buffer.from(await crypto.subtle.digest("SHA-256", labelled))
  const head = { version: 1, name: NAME, expiresAt: NOW, keyId: digest.subarray(0, 6).toString("base64url") }
  const iv = Buffer.alloc(12, 1)
  const imported = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"])
  const additionalData = Buffer.from(JSON.stringify([head.version, head.name, head.expiresAt, head.keyId]))
  const encrypted = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv, additionalData },
    imported,
    Buffer.from(content)
  )
  return JSON.stringify({
    ...head,
    iv: iv.toString("base64url"),
    ciphertext: Buffer.from(encrypted).toString("base64url")
  })
}

const token = {
  value: "canary-token",
  tokenType: "Bearer",
  scopes: ["a"],
  issuer: "https://auth.example.com",
  issuedAt: NOW,
  expiresAt: NOW + 1000,
  refreshAt: NOW + 500,
  refreshToken: "canary-refresh"
}

const discovery = {
  issuer: "https://auth.example.com",
  confirmedAt: NOW,
  protectedResource: {
    readAt: NOW,
    freshUntil: NOW + 1,
    url: "https://mcp.example.com/m",
    metadata: { resource: "https://mcp.example.com", scopes_supported: ["a"], tls_client_certificate_bound: true },
    challenge: { scope: "a", resourceMetadata: "https://mcp.example.com/m" }
  },
  authorizationServer: {
    readAt: NOW,
    freshUntil: NOW + 1,
    url: "https://auth.example.com/m",
    metadata: { issuer: "https://auth.example.com", mtls_endpoint_aliases: { token_endpoint: "https://m.example/t" } }
  }
}

const whole = { version: 1, name: NAME }

const checkToken = (token: AccessToken): void => {
  holds(/^[\x21-\x7e]+$/.test(Redacted.value(token.value)), "a stored token has a character that no header has")
}

/** The record in the input, and, if the input begins with `>`, the one with the rest of it as its encrypted content. */
const recordOf = (input: string) => input.startsWith(">") ? sealed(input.slice(1)) : Promise.resolve(input)

export const tokenRecord: Target = {
  name: "token-record",
  input: "the record of a token in a storage; after `>`, the content of an encrypted one",
  seeds: [
    JSON.stringify({ ...whole, token }),
    `>${JSON.stringify(token)}`,
    JSON.stringify({ version: 2 }),
    JSON.stringify({ ...whole, expiresAt: 1, keyId: "AAAAAAAA", iv: "AAAA", ciphertext: "AAAA" })
  ],
  run: async (input) => {
    const record = await recordOf(input)
    const encrypted = await Effect.runPromise(codec)
    for (const { open, seal } of [RecordEncryption.plaintext, encrypted]) {
      const opened = await run(open(NAME, record))
      if (opened === undefined) continue
      checkToken(opened)
      const again = await run(Effect.flatMap(seal(NAME, opened), (text) => open(NAME, text)))
      holds(again !== undefined && JSON.stringify(again) === JSON.stringify(opened), "a record changes a token")
      holds(
        Redacted.value(again?.value ?? Redacted.make("")) === Redacted.value(opened.value),
        "a record changes a value"
      )
    }
    const expiresAt = RecordEncryption.expiresAt(record)
    holds(typeof expiresAt === "number", "an expiry is no number")
  }
}

export const discoveryRecord: Target = {
  name: "discovery-record",
  input: "the record of a discovery in a storage; after `>`, the content of an encrypted one",
  seeds: [JSON.stringify({ ...whole, discovery }), `>${JSON.stringify(discovery)}`, JSON.stringify({ version: 2 })],
  run: async (input) => {
    const record = await recordOf(input)
    const encrypted = await Effect.runPromise(codec)
    for (const { discovery } of [RecordEncryption.plaintext, encrypted]) {
      if (discovery === undefined) continue
      const opened = await run(discovery.open(NAME, record))
      if (opened === undefined) continue
      holds(DiscoveryRecord.isDiscoveryRecord(opened), "what was read is no discovery record")
      holds(JSON.stringify(opened).length <= 64 * 1024, "a discovery record is larger than 64 KiB")
      const again = await run(Effect.flatMap(discovery.seal(NAME, opened), (text) => discovery.open(NAME, text)))
      // JSON has no negative zero.
      const plain: unknown = JSON.parse(JSON.stringify(opened))
      holds(isDeepStrictEqual(JSON.parse(JSON.stringify(again ?? null)), plain), "a record changes a discovery")
    }
  }
}
