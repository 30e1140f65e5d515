import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as Context from "../src/Context.ts"

const decode = (context: unknown) => Context.decode(JSON.stringify(context))

const workload = { client_id: "nightly", valid_jwt: "v.a.l", wrong_audience_jwt: "w.a.j", expired_jwt: "e.x.p" }

const enterpriseManaged = {
  client_id: "nightly",
  client_secret: "s3cret",
  idp_client_id: "nightly-at-the-idp",
  idp_id_token: "i.d.t",
  idp_issuer: "http://localhost:1",
  idp_token_endpoint: "http://localhost:1/token"
}

describe("Context", () => {
  it.effect("decodes a client id and a secret, and hides the secret", () =>
    Effect.gen(function*() {
      const context = yield* decode({ name: "any/scenario", client_id: "nightly", client_secret: "s3cret" })
      if (context._tag !== "ClientSecret") return assert.fail(context._tag)
      assert.strictEqual(context.client_id, "nightly")
      assert.strictEqual(Redacted.value(context.client_secret), "s3cret")
      assert.strictEqual(context.issuer, undefined)
      assert.notInclude(JSON.stringify(context), "s3cret")
    }))

  it.effect("decodes the issuer that a client secret belongs to", () =>
    Effect.gen(function*() {
      const context = yield* decode({ client_id: "nightly", client_secret: "s3cret", issuer: "http://localhost:1" })
      if (context._tag !== "ClientSecret") return assert.fail(context._tag)
      assert.strictEqual(context.issuer, "http://localhost:1")
    }))

  it.effect("decodes a client id and a private key, and hides the key", () =>
    Effect.gen(function*() {
      const key = { client_id: "nightly", private_key_pem: "-----BEGIN PRIVATE KEY-----" }
      const context = yield* decode({ ...key, signing_algorithm: "RS256" })
      if (context._tag !== "PrivateKey") return assert.fail(context._tag)
      assert.strictEqual(context.client_id, "nightly")
      assert.strictEqual(Redacted.value(context.private_key_pem), key.private_key_pem)
      assert.strictEqual(context.signing_algorithm, "RS256")
      assert.notInclude(JSON.stringify(context), "BEGIN")
      // The suite's own example client signs with ES256 if the context names no algorithm.
      assert.propertyVal(yield* decode(key), "signing_algorithm", "ES256")
    }))

  it.effect("decodes the valid and the invalid tokens of a workload, and hides them", () =>
    Effect.gen(function*() {
      const context = yield* decode(workload)
      if (context._tag !== "Workload") return assert.fail(context._tag)
      const { client_id, expired_jwt, valid_jwt, wrong_audience_jwt } = context
      assert.strictEqual(client_id, "nightly")
      assert.deepStrictEqual([valid_jwt, wrong_audience_jwt, expired_jwt].map(Redacted.value), [
        "v.a.l",
        "w.a.j",
        "e.x.p"
      ])
      assert.notMatch(JSON.stringify(context), /v\.a\.l|w\.a\.j|e\.x\.p/)
    }))

  it.effect("with a client secret and the fields of an identity provider, is the context of an ID-JAG exchange", () =>
    Effect.gen(function*() {
      const context = yield* decode(enterpriseManaged)
      if (context._tag !== "EnterpriseManaged") return assert.fail(context._tag)
      assert.strictEqual(context.idp_client_id, "nightly-at-the-idp")
      assert.strictEqual(context.idp_issuer, "http://localhost:1")
      assert.strictEqual(Redacted.value(context.idp_id_token), "i.d.t")
      assert.notMatch(JSON.stringify(context), /i\.d\.t|s3cret/)
    }))

  it.effect.each([
    { title: "an empty context", context: {} },
    { title: "a context with a name only", context: { name: "auth/metadata-default" } }
  ])("is that of an unregistered client for $title", ({ context }) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* decode(context), { _tag: "Unregistered" })
    }))

  it.effect("with unknown fields, fails with an error that names the fields and none of their values", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        decode({ client_id: "nightly", client_certificate: "-----BEGIN CERTIFICATE-----" })
      )
      assert.include(error.message, "client_id, client_certificate")
      assert.notInclude(error.message, "nightly")
      assert.notInclude(error.message, "BEGIN")
    }))

  it.effect.each([
    { title: "half of the credentials", context: { client_id: "nightly" } },
    { title: "an empty secret", context: { client_id: "nightly", client_secret: "" } },
    { title: "a secret that is not a string", context: { client_id: "nightly", client_secret: 7 } },
    { title: "an empty key", context: { client_id: "nightly", private_key_pem: "" } },
    {
      title: "an algorithm that does not sign with a private key",
      context: { client_id: "nightly", private_key_pem: "-----BEGIN PRIVATE KEY-----", signing_algorithm: "HS256" }
    },
    { title: "a workload without a valid token", context: { ...workload, valid_jwt: "" } }
  ])("refuses $title", ({ context }) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(decode(context))
      assert.strictEqual(error._tag, "InvalidContext")
    }))

  it.effect.each(["", "nope", "[]", "null", "\"s3cret\""])(
    "refuses %o, which is not a JSON object",
    (json) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Context.decode(json))
        assert.include(error.message, "not a JSON object")
        assert.notInclude(error.message, "s3cret")
      })
  )
})
