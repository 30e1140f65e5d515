import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { AccessToken } from "../../AccessToken.ts"
import { isTransient, type OAuthError } from "../../OAuthError.ts"
import type * as OAuthEvent from "../../OAuthEvent.ts"
import { type Attributes, errorType, factsOf, reasons, secondsToLive } from "./attributes.ts"

/** A warning that has been given is not given again for so long, in milliseconds. */
const QUIET = 10 * 60 * 1000

type HasToken = "TokenObtained" | "TokenRenewed" | "TokenLoaded"

const lines: Readonly<Record<HasToken, string>> = {
  TokenObtained: "Token obtained.",
  TokenRenewed: "Token renewed.",
  TokenLoaded: "Token found in storage."
}

/** A message from below may end as it likes. */
const sentence = (text: string): string => /[.!?…]$/.test(text) ? text : `${text}.`

/**
 * What the operator of one provider reads: nothing at Info while all goes well, and of an outage its beginning and its
 * end.
 *
 * @internal
 */
export class TokenLog {
  #failures = 0
  #failingSince = 0
  /** When each kind of warning was last given. */
  #warned: Map<string, number> | undefined

  /** `token` is the one in hand, if any; `now` is in milliseconds since the epoch. */
  write(event: OAuthEvent.OAuthEvent, token: AccessToken | undefined, now: number): Effect.Effect<void> {
    switch (event._tag) {
      case "TokenObtained":
      case "TokenRenewed":
      case "TokenLoaded":
        return this.#obtained(event, now)
      case "TokenRejected":
        return Effect.logInfo("The MCP server rejected a token that had not expired.").pipe(
          Effect.annotateLogs(factsOf(event.token, now))
        )
      case "RenewalFailed":
        return this.#failed(event.error, event.reason, token, now)
      case "StorageFailed":
        return this.#warn(
          `storage ${event.error.operation}`,
          `${sentence(event.error.message)} It was done without.`,
          {},
          now
        )
      case "StorageRecovered":
        return Effect.logInfo("The storage works again.")
      case "AuthorizationServerChanged":
        return Effect.logWarning("The MCP server now names another authorization server, which is followed.").pipe(
          Effect.annotateLogs({ "oauth.issuer": event.to, "oauth.issuer.previous": event.from })
        )
    }
  }

  #obtained(event: Extract<OAuthEvent.OAuthEvent, { readonly _tag: HasToken }>, now: number): Effect.Effect<void> {
    const reason: Attributes = event._tag === "TokenRenewed" ? { "oauth.reason": reasons[event.reason] } : {}
    const line = this.#failures === 0
      ? Effect.logDebug(lines[event._tag])
      : Effect.logInfo(
        `There is a token again, after ${this.#failures} failed ${this.#failures === 1 ? "attempt" : "attempts"} in ` +
          `${Duration.format(Duration.millis(now - this.#failingSince))}.`
      )
    this.#failures = 0
    for (const kind of this.#warned?.keys() ?? []) {
      if (kind.startsWith("renewal")) this.#warned?.delete(kind)
    }
    return Effect.annotateLogs(line, { ...factsOf(event.token, now), ...reason })
  }

  #failed(
    error: OAuthError,
    reason: OAuthEvent.Reason,
    token: AccessToken | undefined,
    now: number
  ): Effect.Effect<void> {
    const type = errorType(error)
    const annotations = { "oauth.reason": reasons[reason], "error.type": type }
    if (reason === "StepUp") {
      return this.#warn(`renewal StepUp ${type}`, `The scope was not widened. ${error.message}`, annotations, now)
    }
    if (this.#failures++ === 0) this.#failingSince = now
    const left = token === undefined ? 0 : secondsToLive(token, now)
    const sequel = left > 0
      ? `The token in hand goes on being used; it expires in ${Duration.format(Duration.seconds(Math.floor(left)))}.`
      : isTransient(error)
      ? "Calls fail until there is one."
      : "Calls fail until this is mended."
    return this.#warn(
      `renewal ${type} ${left > 0}`,
      `No token was obtained. ${error.message} ${sequel}`,
      annotations,
      now
    )
  }

  /** Once, and then in silence for a while: ten thousand providers may lose the same server, and each tries on. */
  #warn(kind: string, message: string, annotations: Attributes, now: number): Effect.Effect<void> {
    const warned = this.#warned ??= new Map()
    const last = warned.get(kind)
    const isNews = last === undefined || now < last || now - last >= QUIET
    if (isNews) warned.set(kind, now)
    return Effect.annotateLogs(isNews ? Effect.logWarning(message) : Effect.logDebug(message), annotations)
  }
}
