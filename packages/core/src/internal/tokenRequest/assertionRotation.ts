import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { type AssertionRequest, type AssertionSource, type Audience, check, checkSeveral } from "../../Assertion.ts"
import * as OwnOptions from "../../authoring/OwnOptions.ts"
import { nameOf } from "../../authoring/SecureEndpoint.ts"
import { faultOfSecret } from "../../authoring/TextOption.ts"
import type { AuthorizationServer } from "../../AuthorizationServer.ts"
import { AssertionError } from "../../OAuthError.ts"
import { clean } from "../text/clean.ts"
import { assertionRequest, isEndpointNamed, type TokenRequestContext } from "../../TokenRequestContext.ts"

/**
 * The assertions that a grant or a client authentication presents, and their replacement after a refusal: the key that
 * signed them may have been rotated.
 *
 * @internal
 */
export interface PresentedAssertions {
  /** A new assertion for a token request. The provider learns which ones were refused. */
  readonly next: (context: TokenRequestContext) => Effect.Effect<Redacted.Redacted<string>, AssertionError>
  /**
   * Called with the value of a form parameter that the authorization server has refused. `true` if the next assertion
   * will be signed with another key.
   */
  readonly refused: (assertion: string | Redacted.Redacted<string> | undefined) => Effect.Effect<boolean>
}

/** @internal */
export const make = (options: {
  readonly assertionProvider: AssertionSource
  /** The issuer by default. */
  readonly audience?: Audience | undefined
}): PresentedAssertions => {
  const { assertionProvider, audience = "issuer" } = OwnOptions.read(options)
  const refusals = makeRefusals()
  return {
    next: (context) =>
      refusals.report((refused) =>
        Effect.zipRight(
          audience === "token_endpoint" ? checkEndpoint(context.authorizationServer) : Effect.void,
          request(assertionProvider, assertionRequest(context, audience, refused))
        )
      ),
    refused: (assertion) => Effect.zipRight(refusals.add(assertion), isRotated(assertionProvider, assertion))
  }
}

/**
 * The refused assertions that were not yet reported to the provider. Several OAuth providers may share a grant or a
 * client authentication, so a refused assertion need not be the last one that was presented.
 *
 * @internal
 */
export interface Refusals {
  /** Requests an assertion with the list of refused ones. The list is emptied if the request succeeds. */
  readonly report: <A, E>(
    request: (refused: ReadonlyArray<Redacted.Redacted<string>>) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E>
  /** Adds the value of a form parameter. */
  readonly add: (assertion: string | Redacted.Redacted<string> | undefined) => Effect.Effect<void>
}

/** @internal */
export const makeRefusals = (): Refusals => {
  const pending = new Set<Redacted.Redacted<string>>()
  return {
    report: (request) =>
      Effect.suspend(() => {
        const reported = [...pending]
        return Effect.tap(request(reported), () =>
          Effect.sync(() => {
            for (const assertion of reported) pending.delete(assertion)
          }))
      }),
    add: (assertion) =>
      Effect.sync(() => {
        if (Redacted.isRedacted(assertion)) pending.add(assertion)
      })
  }
}

/**
 * A token endpoint that is not on its issuer's origin may belong to another authorization server, where the client has
 * the same key. An assertion for that endpoint is made only if the caller gave it, so that no metadata can ask for it
 * (RFC 9700 §4.4).
 */
const checkEndpoint = (server: AuthorizationServer): Effect.Effect<void, AssertionError> =>
  isEndpointNamed(server)
    ? Effect.void
    : new AssertionError({
      reason: "WrongAudience",
      description: `The token endpoint ${nameOf(server.tokenEndpoint)} is not on the origin of the issuer ` +
        `${
          clean(server.issuer)
        }, and only metadata names it. No assertion was made for it. If it is right, give it as ` +
        "`tokenEndpoint` together with `issuer`; otherwise leave out `audience`."
    })

/**
 * If only the MCP server says which authorization server this is, every assertion is checked, whoever made it: an
 * assertion with a fixed audience can be used wherever that audience is.
 */
const request = (
  provider: AssertionSource,
  request: AssertionRequest
): Effect.Effect<Redacted.Redacted<string>, AssertionError> =>
  Effect.gen(function*() {
    const assertion = yield* provider(request)
    // A provider may be written in JavaScript, or read its assertion from a variable that is not set.
    const fault = faultOfSecret(assertion, "Check where it comes from.")
    if (fault !== undefined) {
      const description = `The \`AssertionProvider\` returned an assertion that was not sent: ${fault}`
      return yield* new AssertionError({ reason: "Malformed", description })
    }
    yield* checkSeveral(assertion, request)
    if (request.issuerUnnamed === true) {
      // `opaque`, so that the error about an opaque assertion is that it is not bound to an authorization server.
      yield* check(assertion, request, { now: yield* Clock.currentTimeMillis, opaque: true })
    }
    return assertion
  })

const isRotated = (
  provider: AssertionSource,
  refused: string | Redacted.Redacted<string> | undefined
): Effect.Effect<boolean> =>
  provider.rotated === undefined || !Redacted.isRedacted(refused) ? Effect.succeed(false) : provider.rotated(refused)
