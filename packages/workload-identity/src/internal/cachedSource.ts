import type { AssertionRequest, AssertionSource } from "@effect-mcp-auth/core/Assertion"
import * as AssertionCache from "@effect-mcp-auth/core/authoring/AssertionCache"
import type { AssertionError } from "@effect-mcp-auth/core/OAuthError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Assertion from "./assertion.ts"

/**
 * Cached assertions from the texts that a platform returns.
 *
 * @internal
 */
export const make = (options: {
  readonly expected: Assertion.Expected
  /** Requests with the same key can be answered by the same assertion. */
  readonly keyOf: (request: AssertionRequest) => string
  readonly fetch: (request: AssertionRequest) => Effect.Effect<string, AssertionError>
}): AssertionSource =>
  AssertionCache.make<Assertion.Assertion>({
    keyOf: options.keyOf,
    fetch: (request) =>
      Effect.gen(function*() {
        const text = yield* options.fetch(request)
        const now = yield* Clock.currentTimeMillis
        const assertion = yield* Assertion.read(text, now, options.expected)
        return yield* Assertion.check(assertion, request, now, options.expected)
      }),
    check: (assertion, request, now) => Assertion.check(assertion, request, now, options.expected)
  })

/**
 * Cached assertions of a platform that makes tokens for any audience. The tokens of each audience are cached
 * separately.
 *
 * @internal
 */
export const makePerAudience = (options: {
  /** The name of the token in error messages, with its article. */
  readonly name: string
  /** The audience in place of the one in the request. */
  readonly audience: string | undefined
  readonly fetch: (audience: string) => Effect.Effect<string, AssertionError>
}): AssertionSource => {
  const audienceOf = (request: AssertionRequest) => options.audience ?? request.audience
  return make({
    expected: {
      name: options.name,
      remedy: "Set `audience` to what the authorization server expects.",
      audience: (request) => [audienceOf(request)]
    },
    keyOf: audienceOf,
    fetch: (request) => options.fetch(audienceOf(request))
  })
}
