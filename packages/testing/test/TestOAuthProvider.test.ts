import { Challenge, OAuthError, OAuthHttpClient, OAuthProvider } from "@effect-mcp-auth/core"
import { TestNetwork, TestOAuthProvider } from "@effect-mcp-auth/testing"
import { HttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Redacted, Stream, TestClock } from "effect"

const withProvider = <A, E>(
  test: (
    handles: TestOAuthProvider.TestOAuthProvider.Service,
    provider: OAuthProvider.OAuthProvider.Service
  ) => Effect.Effect<A, E>,
  options?: TestOAuthProvider.TestOAuthProvider.Options
) =>
  Effect.flatMap(
    Effect.all([TestOAuthProvider.TestOAuthProvider, OAuthProvider.OAuthProvider]),
    ([handles, provider]) => test(handles, provider)
  ).pipe(Effect.provide(TestOAuthProvider.layer(options)))

const challenge = (header: string): Challenge.Challenge => {
  const [challenge] = Challenge.parse(header)
  assert.isDefined(challenge)
  return challenge
}

const moreScope = (scope: string) => challenge(`Bearer error="insufficient_scope", scope="${scope}"`)

const unavailable = new OAuthError.DiscoveryError({
  reason: "Unavailable",
  url: "https://auth.example.com",
  description: "down"
})

describe("TestOAuthProvider", () => {
  it.effect("accessToken returns one token that never expires", () =>
    withProvider((handles, provider) =>
      Effect.gen(function*() {
        assert.strictEqual(handles.provider, provider)
        assert.strictEqual(provider.resource, "https://mcp.example.com/mcp")
        const token = yield* provider.accessToken
        assert.strictEqual(Redacted.value(token.value), "test-token")
        assert.strictEqual(token.issuer, "https://auth.example.com")
        assert.deepStrictEqual(token.scopes, [])
        assert.isFalse(Number.isNaN(new Date(token.expiresAt).getTime()))
        yield* TestClock.adjust("3650 days")
        assert.strictEqual(yield* provider.accessToken, token)
        assert.strictEqual(provider.unsafeFresh(), token)
        assert.strictEqual(yield* handles.uses, 3)
      })
    ))

  it.effect("options choose value, scopes, issuer and resource of the token", () =>
    withProvider((_, provider) =>
      Effect.gen(function*() {
        const token = yield* provider.accessToken
        assert.strictEqual(provider.resource, "https://tools.example.org")
        assert.strictEqual(Redacted.value(token.value), "mine")
        assert.strictEqual(token.issuer, "https://id.example.org")
        assert.deepStrictEqual(token.scopes, ["read"])
      }), {
      resource: "https://tools.example.org",
      token: Redacted.make("mine"),
      issuer: "https://id.example.org",
      scopes: ["read"]
    }))

  it.effect("renew gives the next token, and does not replace one that has been replaced", () =>
    withProvider((handles, provider) =>
      Effect.gen(function*() {
        const first = yield* provider.accessToken
        yield* TestClock.adjust("1 minute")
        const second = yield* provider.renew(first)
        assert.strictEqual(Redacted.value(second.value), "test-token-1")
        assert.strictEqual(second.issuedAt, 60_000)
        assert.strictEqual(yield* provider.renew(first), second)
        assert.strictEqual(yield* provider.accessToken, second)
        const why = challenge("Bearer error=\"invalid_token\"")
        assert.strictEqual(Redacted.value((yield* provider.renew(second, why)).value), "test-token-2")
        assert.deepStrictEqual(yield* handles.renewals, [
          { at: 60_000, rejected: first, challenge: undefined },
          { at: 60_000, rejected: first, challenge: undefined },
          { at: 60_000, rejected: second, challenge: why }
        ])
      })
    ))

  it.effect("a challenge for more scope adds it, once", () =>
    withProvider((_, provider) =>
      Effect.gen(function*() {
        const first = yield* provider.accessToken
        const second = yield* provider.renew(first, moreScope("write read"))
        assert.deepStrictEqual(second.scopes, ["read", "write"])
        assert.strictEqual(yield* provider.renew(second, moreScope("write")), second)
        assert.strictEqual(yield* provider.renew(first, moreScope("write")), second)
        const third = yield* provider.renew(first, moreScope("admin"))
        assert.deepStrictEqual(third.scopes, ["read", "write", "admin"])
      }), { scopes: ["read"] }))

  it.effect.each(
    [
      ["the scopes of `allow` and of the first token", { allow: ["write"] }, "read write", "admin write"],
      ["nothing with `false`", false, "", "read"]
    ] as const
  )(
    "a challenge for more scope adds %s",
    ([_, stepUp, permitted, forbidden]) =>
      withProvider((_, provider) =>
        Effect.gen(function*() {
          const first = yield* provider.accessToken
          assert.strictEqual(yield* provider.renew(first, moreScope(forbidden)), first)
          const second = yield* provider.renew(first, moreScope(permitted))
          assert.deepStrictEqual(second.scopes.join(" "), `mcp ${permitted}`.trim())
        }), { scopes: ["mcp"], stepUp: stepUp === false ? false : { allow: [...stepUp.allow, "read"] } })
  )

  it.effect("when the renewals are used up the answer is the rejected token", () =>
    withProvider((_, provider) =>
      Effect.gen(function*() {
        const second = yield* provider.renew(yield* provider.accessToken)
        assert.strictEqual(yield* provider.renew(second), second)
      }), { renewals: 1 }))

  it.effect("fail makes accessToken and renew fail, and recover ends that", () =>
    withProvider((handles, provider) =>
      Effect.gen(function*() {
        const token = yield* provider.accessToken
        yield* handles.fail(unavailable)
        assert.strictEqual(yield* Effect.flip(provider.accessToken), unavailable)
        assert.strictEqual(yield* Effect.flip(provider.renew(token)), unavailable)
        assert.isUndefined(provider.unsafeFresh())
        yield* handles.recover
        assert.strictEqual(yield* provider.accessToken, token)
      })
    ))

  it.effect("events has an event for each renewal, rejection and failure", () =>
    withProvider((handles, provider) =>
      Effect.gen(function*() {
        const events = yield* provider.events.pipe(Stream.take(5), Stream.runCollect, Effect.fork)
        yield* TestClock.adjust("1 second")
        const first = yield* provider.accessToken
        const second = yield* provider.renew(first)
        yield* provider.renew(second, moreScope("more"))
        yield* handles.fail(unavailable)
        yield* Effect.flip(provider.renew(second, moreScope("even-more")))
        yield* Effect.flip(provider.renew(second))
        assert.deepStrictEqual(Array.from(yield* Fiber.join(events), (event) => event._tag), [
          "TokenRejected",
          "TokenRenewed",
          "TokenRenewed",
          "RenewalFailed",
          "TokenRejected"
        ])
      })
    ))

  it.effect("layer authenticates an OAuthHttpClient", () =>
    Effect.gen(function*() {
      const network = yield* TestNetwork.TestNetwork
      yield* network.serve(
        "https://mcp.example.com",
        ({ headers }) =>
          Effect.sync(() =>
            new Response(null, { status: headers["authorization"] === "Bearer test-token-1" ? 204 : 401 })
          )
      )
      const response = yield* HttpClient.get("https://mcp.example.com/mcp").pipe(
        Effect.provide(Layer.provide(OAuthHttpClient.layer, TestOAuthProvider.layer()))
      )
      assert.strictEqual(response.status, 204)
      assert.deepStrictEqual((yield* network.requests).map((request) => request.headers["authorization"]), [
        "Bearer test-token",
        "Bearer test-token-1"
      ])
    }).pipe(Effect.provide(TestNetwork.layer)))
})
