import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { AssertionProvider, AssertionRequest } from "../AssertionProvider.ts"
import type { AssertionError } from "../OAuthError.ts"
import * as Jwt from "./jwt.ts"

/**
 * Asks for an assertion. Where the MCP server's word is all that says who gets it, it is checked whoever made it: one
 * for a fixed audience, signed here or made by a function, is of use wherever that audience is.
 *
 * @internal
 */
export const ask = (
  provider: AssertionProvider.Service,
  request: AssertionRequest
): Effect.Effect<Redacted.Redacted<string>, AssertionError> =>
  request.issuerUnnamed !== true
    ? provider(request)
    : Effect.tap(provider(request), (assertion) =>
      Effect.clockWith((clock) =>
        // What is opaque is refused as not bound, and not as no JWT.
        Jwt.check(Redacted.value(assertion), request, { now: clock.unsafeCurrentTimeMillis(), opaque: true })
      ))

/**
 * Whether another can be had in place of what a form's parameter held, under another key.
 *
 * @internal
 */
export const isReplaced = (
  provider: AssertionProvider.Service,
  refused: string | Redacted.Redacted<string> | undefined
): Effect.Effect<boolean> =>
  provider.rotated === undefined || !Redacted.isRedacted(refused) ? Effect.succeed(false) : provider.rotated(refused)
