import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { type AssertionRequest, type AssertionSource, type Audience, check } from "../../Assertion.ts"
import type { AssertionError } from "../../OAuthError.ts"
import { assertionRequest, type TokenRequestContext } from "../../TokenRequestContext.ts"
import * as Refusals from "./refusals.ts"

/**
 * The assertions that a grant or a proof presents.
 *
 * @internal
 */
export interface Assertions {
  /** One for a token request, asked for anew. */
  readonly give: (context: TokenRequestContext) => Effect.Effect<Redacted.Redacted<string>, AssertionError>
  /** The value of a form's parameter was refused: whether another can be had in place of it, under another key. */
  readonly refused: (assertion: string | Redacted.Redacted<string> | undefined) => Effect.Effect<boolean>
}

/**
 * - `audience`: the issuer by default.
 *
 * @internal
 */
export const make = ({ assertionProvider, audience = "issuer" }: {
  readonly assertionProvider: AssertionSource
  readonly audience?: Audience | undefined
}): Assertions => {
  const refusals = Refusals.make()
  return {
    give: (context) => refusals.tell((refused) => ask(assertionProvider, assertionRequest(context, audience, refused))),
    refused: (assertion) => Effect.zipRight(refusals.add(assertion), isReplaced(assertionProvider, assertion))
  }
}

/**
 * Where the MCP server's word is all that says who gets it, an assertion is checked whoever made it: one for a fixed
 * audience, signed here or made by a function, is of use wherever that audience is.
 */
const ask = (
  provider: AssertionSource,
  request: AssertionRequest
): Effect.Effect<Redacted.Redacted<string>, AssertionError> =>
  request.issuerUnnamed !== true
    ? provider(request)
    : Effect.tap(provider(request), (assertion) =>
      Effect.clockWith((clock) =>
        // What is opaque is refused as not bound, and not as no JWT.
        check(assertion, request, { now: clock.unsafeCurrentTimeMillis(), opaque: true })
      ))

const isReplaced = (
  provider: AssertionSource,
  refused: string | Redacted.Redacted<string> | undefined
): Effect.Effect<boolean> =>
  provider.rotated === undefined || !Redacted.isRedacted(refused) ? Effect.succeed(false) : provider.rotated(refused)
