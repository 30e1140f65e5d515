import { TokenStorageContract } from "@effect-mcp-auth/testing"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { type AccessToken, TokenKey, TokenStorage } from "../src/index.ts"
import { keepsTokenStoredDuringSet, type MakeSlowPlace, makeToken, view } from "./support/storage.ts"

describe("TokenStorage.supersedes", () => {
  it("is true for a token that is not older, or if the stored token is not valid", () => {
    expect(TokenStorage.supersedes(makeToken(2, 9), makeToken(1, 9), 5)).toBe(true)
    expect(TokenStorage.supersedes(makeToken(1, 9), makeToken(1, 9), 5)).toBe(true)
    expect(TokenStorage.supersedes(makeToken(1, 9), makeToken(2, 9), 5)).toBe(false)
    expect(TokenStorage.supersedes(makeToken(1, 9), makeToken(2, 5), 5)).toBe(true)
    expect(TokenStorage.supersedes(makeToken(1, 9), makeToken(6, 9), 5)).toBe(true)
  })
})

/** Each storage is for one process, so none has a second view. */
const places = {
  layerMemory: view(TokenStorage.layerMemory),
  "TokenStorage.make with three operations": Effect.sync(() => {
    const tokens = new Map<string, AccessToken.AccessToken>()
    // Asynchronous, as the operations of a real place are.
    const later = <A>(operation: () => A) => Effect.zipRight(Effect.yieldNow(), Effect.sync(operation))
    return TokenStorage.make({
      get: (key) => later(() => Option.fromNullable(tokens.get(TokenKey.encode(key)))),
      set: (key, token) => later(() => tokens.set(TokenKey.encode(key), token)),
      remove: (key) => later(() => tokens.delete(TokenKey.encode(key)))
    })
  })
}

for (const [name, place] of Object.entries(places)) {
  describe(`the storage contract on ${name}`, () => {
    for (const { check, name } of TokenStorageContract.cases) {
      it.scopedLive(name, () =>
        Effect.gen(function*() {
          yield* check(yield* place)
        }))
    }
  })
}

describe("a slow place with TokenStorage.make", () => {
  const makeSlowPlace: MakeSlowPlace = (slow) => {
    let stored: AccessToken.AccessToken | undefined
    return {
      storage: TokenStorage.make({
        get: () => slow(() => Option.fromNullable(stored)),
        set: (_, token) => Effect.sync(() => stored = token),
        remove: () => Effect.sync(() => stored = undefined)
      }),
      others: (token) => Effect.sync(() => stored = token)
    }
  }

  it.effect("a token that another process stores during a set does not count as a token from the future", () =>
    keepsTokenStoredDuringSet(makeSlowPlace))
})
