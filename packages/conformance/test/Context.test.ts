import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as Context from "../src/Context.ts"

const decode = (context: unknown) => Context.decode(JSON.stringify(context))

describe("Context", () => {
  it.effect("takes a client id and a secret, and hides the secret", () =>
    Effect.gen(function*() {
      const context = yield* decode({ name: "any/scenario", client_id: "nightly", client_secret: "s3cret" })
      if (context._tag !== "ClientSecret") return assert.fail(context._tag)
      assert.strictEqual(context.client_id, "nightly")
      assert.strictEqual(Redacted.value(context.client_secret), "s3cret")
      assert.strictEqual(context.issuer, undefined)
      assert.notInclude(JSON.stringify(context), "s3cret")
    }))

  it.effect("takes the issuer that the secret belongs to", () =>
    Effect.gen(function*() {
      const context = yield* decode({ client_id: "nightly", client_secret: "s3cret", issuer: "http://localhost:1" })
      if (context._tag !== "ClientSecret") return assert.fail(context._tag)
      assert.strictEqual(context.issuer, "http://localhost:1")
    }))

  it.effect.each([
    { title: "an empty context", context: {} },
    { title: "a context with a name only", context: { name: "auth/metadata-default" } }
  ])("finds nobody registered in $title", ({ context }) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* decode(context), { _tag: "Unregistered" })
    }))

  it.effect("names the fields of credentials that it does not know, and none of their values", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(decode({ client_id: "nightly", private_key_pem: "-----BEGIN PRIVATE KEY-----" }))
      assert.include(error.message, "client_id, private_key_pem")
      assert.notInclude(error.message, "nightly")
      assert.notInclude(error.message, "BEGIN")
    }))

  it.effect.each([
    { title: "half of the credentials", context: { client_id: "nightly" } },
    { title: "an empty secret", context: { client_id: "nightly", client_secret: "" } },
    { title: "a secret that is no text", context: { client_id: "nightly", client_secret: 7 } }
  ])("refuses $title", ({ context }) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(decode(context))
      assert.strictEqual(error._tag, "InvalidContext")
    }))

  it.effect.each(["", "nope", "[]", "null", "\"s3cret\""])(
    "refuses %o, which is no JSON object",
    (json) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Context.decode(json))
        assert.include(error.message, "not a JSON object")
        assert.notInclude(error.message, "s3cret")
      })
  )
})
