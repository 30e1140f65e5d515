import { describe, expect } from "@effect/vitest"
import { Effect } from "effect"
import * as FastCheck from "effect/FastCheck"
import { TokenKey } from "../src/index.ts"
import { scopes } from "./support/arbitraries/scope.ts"
import { jitter } from "./support/arbitraries/token.ts"
import { slow } from "./support/properties.ts"
import { effectProperty, property } from "./support/property.ts"

const text = FastCheck.oneof(
  FastCheck.constantFrom("", "discover", "https://a.test", "\"", "\",\"", "[]", "\\"),
  FastCheck.string({ unit: "grapheme", maxLength: 8 })
)

const key: FastCheck.Arbitrary<TokenKey.TokenKey> = FastCheck.record({
  issuer: text,
  clientId: text,
  authenticationMethod: text,
  grantType: text,
  resource: text,
  subject: text,
  scopes,
  parameters: FastCheck.array(FastCheck.tuple(FastCheck.constantFrom("audience", "claims"), text), { maxLength: 4 })
})

const sorted = (list: ReadonlyArray<unknown>) => list.map((entry) => JSON.stringify(entry)).toSorted()

/** The facts by which keys differ, whatever the order of scopes and parameters is. */
const identity = ({ parameters, scopes, ...rest }: TokenKey.TokenKey) => [
  ...Object.entries(rest).toSorted(([a], [b]) => a < b ? -1 : 1).map(([, value]) => value),
  sorted(scopes),
  sorted(parameters)
]

describe("the key of a token", () => {
  effectProperty("is the same, and so is its digest, in any order of scopes and parameters", [
    key,
    FastCheck.infiniteStream(jitter)
  ], ([
    key,
    order
  ]) =>
    Effect.gen(function*() {
      const shuffled = <A>(list: ReadonlyArray<A>) =>
        list.map((value) => [order.next().value, value] as const).toSorted(([a], [b]) => a - b).map(([, value]) =>
          value
        )
      const other = { ...key, scopes: shuffled(key.scopes), parameters: shuffled(key.parameters) }
      expect(TokenKey.encode(other)).toBe(TokenKey.encode(key))
      expect(yield* TokenKey.digest(other)).toBe(yield* TokenKey.digest(key))
      expect(yield* TokenKey.digest(key)).toMatch(/^[\w-]{43}$/)
      expect(yield* TokenKey.discoveryDigest(key)).not.toBe(yield* TokenKey.digest(key))
    }), slow)

  property("is another one if any part differs", [key, key, FastCheck.constantFrom(...Object.keys(keyParts()))], ([
    key,
    other,
    part
  ]) => {
    const mixed: TokenKey.TokenKey = { ...key, [part]: Reflect.get(other, part) }
    const isSame = JSON.stringify(identity(key)) === JSON.stringify(identity(mixed))
    expect(TokenKey.encode(key) === TokenKey.encode(mixed)).toBe(isSame)
  })
})

function keyParts(): TokenKey.TokenKey {
  return {
    issuer: "",
    clientId: "",
    authenticationMethod: "",
    grantType: "",
    resource: "",
    subject: "",
    scopes: [],
    parameters: []
  }
}
