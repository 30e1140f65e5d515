/**
 * The history of the tokens of the demo, counted over all of its clients, and printed as it happens.
 */
import { AccessToken, OAuthEvent, OAuthProvider } from "@effect-mcp-auth/core"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Transcript } from "./Transcript.ts"

export interface TokenHistory {
  /** Tokens that were the first of their client. */
  obtained: number
  readonly renewals: Record<"Scheduled" | "Expired" | "Rejected" | "StepUp", number>
  /** Tokens that were renewed because of their expiry, and not because of a revocation or a step-up. */
  readonly replaced: Array<AccessToken.AccessToken>
}

export const make = (): TokenHistory => ({
  obtained: 0,
  renewals: { Scheduled: 0, Expired: 0, Rejected: 0, StepUp: 0 },
  replaced: []
})

/** How many of the replaced tokens have expired by now. */
export const expired = ({ replaced }: TokenHistory): number =>
  replaced.filter((token) => token.expiresAt <= Date.now()).length

const renewedBecause = {
  Scheduled: "renewed before expiry",
  Expired: "renewed after expiry",
  Rejected: "renewed after the refusal",
  StepUp: "requested in a step-up"
} as const

/** Follows the events of the provider in the context until the scope closes. */
export const follow = (
  history: TokenHistory,
  { note, token: printToken }: Transcript
): Effect.Effect<void, never, OAuthProvider.OAuthProvider | Scope.Scope> => {
  let current: AccessToken.AccessToken | undefined
  const use = (token: AccessToken.AccessToken, how: string) => {
    current = token
    const remaining = ((token.expiresAt - Date.now()) / 1000).toFixed(1)
    printToken(AccessToken.fingerprint(token), `${how}: ${token.scopes.join(" ")}, expires in ${remaining} s`)
  }
  const record = OAuthEvent.match({
    TokenObtained: ({ millis, token }) => {
      history.obtained += 1
      use(token, `obtained in ${millis} ms`)
    },
    TokenRenewed: ({ reason, token }) => {
      history.renewals[reason] += 1
      if (current !== undefined && (reason === "Scheduled" || reason === "Expired")) history.replaced.push(current)
      use(token, renewedBecause[reason])
    },
    TokenLoaded: ({ token }) => use(token, "found in the storage"),
    TokenRejected: ({ token }) => printToken(AccessToken.fingerprint(token), "refused by the MCP server"),
    RenewalFailed: ({ error }) => note(`renewal failed: ${error.message}`),
    AuthorizationServerChanged: ({ from, to }) => note(`authorization server changed from ${from} to ${to}`),
    StorageFailed: ({ error }) => note(`storage failed: ${error.message}`),
    StorageRecovered: () => note("storage works again")
  })
  return Effect.gen(function*() {
    const provider = yield* OAuthProvider.OAuthProvider
    yield* provider.events.pipe(Stream.runForEach((event) => Effect.sync(() => record(event))), Effect.forkScoped)
    // The subscription begins when that fiber first runs.
    yield* Effect.yieldNow()
  })
}
