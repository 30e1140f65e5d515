import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { TokenKey } from "../src/index.ts"

const key: TokenKey.TokenKey = {
  issuer: "https://auth.example.com",
  clientId: "client",
  authenticationMethod: "client_secret_basic",
  grantType: "client_credentials",
  resource: "https://mcp.example.com/mcp",
  subject: "",
  scopes: ["b", "a"],
  parameters: [["y", "1"], ["x", "2"]]
}

describe("TokenKey.encode", () => {
  it("returns the same text for scopes and parameters in another order", () => {
    expect(TokenKey.encode({ ...key, scopes: ["a", "b"], parameters: [["x", "2"], ["y", "1"]] })).toBe(
      TokenKey.encode(key)
    )
  })

  it("returns the same text for parameters of the same name in another order", () => {
    const one = TokenKey.encode({ ...key, parameters: [["audience", "b"], ["audience", "a"]] })
    expect(TokenKey.encode({ ...key, parameters: [["audience", "a"], ["audience", "b"]] })).toBe(one)
  })

  const others: ReadonlyArray<Partial<TokenKey.TokenKey>> = [
    { issuer: "discover" },
    { clientId: "other" },
    { authenticationMethod: "client_secret_post" },
    { grantType: "urn:ietf:params:oauth:grant-type:jwt-bearer" },
    { resource: "https://mcp.example.com" },
    { subject: "alice" },
    { scopes: ["a b"] },
    { scopes: [] },
    { parameters: [["y", "1"]] },
    { parameters: [["y", "2"], ["x", "1"]] }
  ]
  for (const other of others) {
    it(`returns another text for a key that differs in ${JSON.stringify(other)}`, () => {
      expect(TokenKey.encode({ ...key, ...other })).not.toBe(TokenKey.encode(key))
    })
  }
})

describe("TokenKey.digest", () => {
  it.effect("is 43 characters of base64url, the same for equal keys, different for different keys", () =>
    Effect.gen(function*() {
      const digest = yield* TokenKey.digest(key)
      expect(digest).toMatch(/^[\w-]{43}$/)
      expect(yield* TokenKey.digest({ ...key, scopes: ["a", "b"] })).toBe(digest)
      expect(yield* TokenKey.digest(key)).toBe(digest)
      expect(yield* TokenKey.digest({ ...key, clientId: "other" })).not.toBe(digest)
    }))
})
