/** Malformed values of a configuration: environment variables as deployments spoil them. */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { Config, ConfigProvider, Effect, Redacted } from "effect"
import { OAuthProvider, RecordEncryption } from "../../src/index.ts"
import type { Family, Row } from "./support.ts"

/** The variables of an environment, from which a provider is read. */
const variables = (
  input: string,
  section: string,
  changes: Readonly<Record<string, string>>,
  outcome: string
): Row => ({
  input,
  section,
  outcome,
  run: ClientSecret.layerConfig({
    serverUrl: Config.string("SERVER_URL"),
    issuer: Config.string("ISSUER"),
    clientId: Config.string("CLIENT_ID"),
    clientSecret: Config.redacted("CLIENT_SECRET"),
    scopes: Config.withDefault(Config.string("SCOPES"), ""),
    requestTimeout: Config.withDefault(Config.duration("TIMEOUT"), "10 seconds")
  }).pipe(
    (layer) => Effect.provide(OAuthProvider.accessToken, layer),
    Effect.withConfigProvider(ConfigProvider.fromMap(
      new Map(Object.entries({
        SERVER_URL: "https://mcp.example.com/mcp",
        ISSUER: "https://auth.example.com",
        CLIENT_ID: "test-client",
        CLIENT_SECRET: "canary-secret+%/\u00fc",
        ...changes
      }))
    ))
  )
})

const encryptionKey = (input: string, text: string, outcome: string): Row => ({
  input: `an encryption key ${input}`,
  section: "NIST SP 800-38D §5",
  outcome,
  run: Effect.as(RecordEncryption.encrypted({ encryptionKey: Redacted.make(text) }), "accepted")
})

export const configValues: Family = {
  name: "value of a configuration",
  rows: [
    variables("an empty SERVER_URL", "RFC 8707 §2", { SERVER_URL: "" }, "InvalidOptions serverUrl"),
    variables("a SERVER_URL of white space", "RFC 8707 §2", { SERVER_URL: "  " }, "InvalidOptions serverUrl"),
    variables(
      "a SERVER_URL in quotation marks",
      "RFC 8707 §2",
      { SERVER_URL: "'https://mcp.example.com/mcp'" },
      "InvalidOptions serverUrl"
    ),
    variables(
      "a SERVER_URL with a carriage return",
      "RFC 8707 §2",
      { SERVER_URL: "https://mcp.example.com/mcp\r" },
      "token [mcp] for 3600 s"
    ),
    variables(
      "an ISSUER with a carriage return",
      "RFC 8414 §2",
      { ISSUER: "https://auth.example.com\r" },
      "InvalidOptions issuer"
    ),
    variables("an ISSUER that names a variable", "RFC 8414 §2", { ISSUER: "${ISSUER}" }, "InvalidOptions issuer"),
    variables("an empty CLIENT_ID", "RFC 6749 §2.2", { CLIENT_ID: "" }, "InvalidOptions clientId"),
    variables(
      "a CLIENT_ID with a carriage return",
      "RFC 6749 appendix A.1",
      { CLIENT_ID: "test-client\r" },
      "InvalidOptions clientId"
    ),
    variables("an empty CLIENT_SECRET", "RFC 6749 §2.3.1", { CLIENT_SECRET: "" }, "InvalidOptions clientSecret"),
    variables(
      "a CLIENT_SECRET with a line break",
      "RFC 6749 appendix A.2",
      { CLIENT_SECRET: "canary-secret\n" },
      "InvalidOptions clientSecret"
    ),
    variables("SCOPES of commas and white space", "RFC 6749 §3.3", { SCOPES: " , ,, " }, "token [mcp] for 3600 s"),
    variables("SCOPES with a quote", "RFC 6749 §3.3", { SCOPES: "mcp,\"admin\"" }, "InvalidOptions scopes"),
    variables("SCOPES in JSON", "RFC 6749 §3.3", { SCOPES: "[\"mcp\"]" }, "InvalidOptions scopes"),
    variables("a TIMEOUT of words", "RFC 9110 §9.2", { TIMEOUT: "soon" }, "ConfigError"),
    variables("a TIMEOUT of 0 s", "RFC 9110 §9.2", { TIMEOUT: "0 seconds" }, "InvalidOptions requestTimeout"),
    encryptionKey("that is empty", "", "InvalidOptions encryptionKey"),
    encryptionKey("of 31 bytes", Buffer.alloc(31, 7).toString("base64"), "InvalidOptions encryptionKey"),
    encryptionKey("of 33 bytes", Buffer.alloc(33, 7).toString("base64"), "InvalidOptions encryptionKey"),
    encryptionKey("in hexadecimal", Buffer.alloc(32, 7).toString("hex"), "InvalidOptions encryptionKey"),
    encryptionKey("that is a password", "correct horse battery staple", "InvalidOptions encryptionKey"),
    encryptionKey(
      "with a line break inside",
      Buffer.alloc(32, 7).toString("base64").replace(/^(.{10})/, "$1\n"),
      "accepted"
    ),
    encryptionKey("with a NUL", `${Buffer.alloc(32, 7).toString("base64")}\0`, "InvalidOptions encryptionKey"),
    encryptionKey("of 1 MB", "A".repeat(1_000_000), "InvalidOptions encryptionKey"),
    encryptionKey("with letters that are not ASCII", "\u00fc".repeat(43), "InvalidOptions encryptionKey")
  ]
}
