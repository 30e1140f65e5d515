/** Scope tokens (RFC 6749 §3.3) and lists of them, in which scopes often occur more than once. */
import * as FastCheck from "effect/FastCheck"

const scopeChar = FastCheck.integer({ min: 0x21, max: 0x7e })
  .filter((code) => code !== 0x22 && code !== 0x5c)
  .map((code) => String.fromCharCode(code))

export const scope: FastCheck.Arbitrary<string> = FastCheck.oneof(
  FastCheck.constantFrom("mcp", "read", "write", "admin", "files:read", "files:write", "offline_access"),
  FastCheck.string({ unit: scopeChar, minLength: 1, maxLength: 12 })
)

export const scopes: FastCheck.Arbitrary<ReadonlyArray<string>> = FastCheck.array(scope, { maxLength: 8 })

/** Any text that is no scope token. */
export const notScope: FastCheck.Arbitrary<string> = FastCheck.oneof(
  FastCheck.constantFrom("", "\"", "\\", "ü", "\n", "\u0000", "a\"b", "a\\b", "\u007f"),
  FastCheck.string({ unit: "binary" }).filter((text) => text !== "" && !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(text))
)
