import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option, Redacted, Scope } from "effect"
import { AccessToken, TokenStorage } from "../src/index.ts"
import { settle } from "./support/provider.ts"

const key: TokenStorage.TokenKey = {
  issuer: "https://auth.example.com",
  clientId: "client",
  authenticationMethod: "client_secret_basic",
  grantType: "client_credentials",
  resource: "https://mcp.example.com/mcp",
  subject: "",
  scopes: ["b", "a"],
  parameters: [["y", "1"], ["x", "2"]]
}

const token = new AccessToken.AccessToken({
  value: Redacted.make("canary"),
  tokenType: "Bearer",
  scopes: ["a"],
  issuer: key.issuer,
  issuedAt: 0,
  expiresAt: 1
})

describe("keyToString", () => {
  it("does not depend on the order of scopes and parameters", () => {
    expect(TokenStorage.keyToString({ ...key, scopes: ["a", "b"], parameters: [["x", "2"], ["y", "1"]] })).toBe(
      TokenStorage.keyToString(key)
    )
  })

  const others: ReadonlyArray<Partial<TokenStorage.TokenKey>> = [
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
    it(`differs for ${JSON.stringify(other)}`, () => {
      expect(TokenStorage.keyToString({ ...key, ...other })).not.toBe(TokenStorage.keyToString(key))
    })
  }
})

describe("layerMemory", () => {
  it.effect("gives back what was set, until it is removed", () =>
    Effect.gen(function*() {
      const storage = yield* TokenStorage.TokenStorage
      expect(yield* storage.get(key)).toEqual(Option.none())
      yield* storage.set(key, token)
      expect(yield* storage.get({ ...key })).toEqual(Option.some(token))
      expect(yield* storage.get({ ...key, clientId: "other" })).toEqual(Option.none())
      yield* storage.remove(key)
      expect(yield* storage.get(key)).toEqual(Option.none())
    }).pipe(Effect.provide(TokenStorage.layerMemory)))

  it.scoped("one holder of a lease at a time, in turn; other keys are free; a waiter that leaves takes no turn", () =>
    Effect.gen(function*() {
      const { lease } = yield* TokenStorage.TokenStorage
      const first = yield* Scope.make()
      yield* Scope.extend(lease(key), first)
      yield* lease({ ...key, clientId: "other" })
      const leaving = yield* Effect.fork(Effect.scoped(lease(key)))
      const waiting = yield* Effect.fork(Effect.scoped(lease(key)))
      yield* settle
      expect(Option.isNone(yield* Fiber.poll(waiting))).toBe(true)
      yield* Fiber.interrupt(leaving)
      yield* Scope.close(first, Exit.void)
      yield* Fiber.join(waiting)
      yield* lease(key)
    }).pipe(Effect.provide(TokenStorage.layerMemory)))
})
