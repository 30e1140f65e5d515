import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { AccessToken } from "../../AccessToken.ts"
import * as Challenge from "../../Challenge.ts"
import { isTransient, type OAuthError } from "../../OAuthError.ts"
import type * as OAuthEvent from "../../OAuthEvent.ts"
import { clean } from "../text/clean.ts"
import { type Attributes, errorType, factsOf, reasons, secondsToLive } from "./attributes.ts"

/** The time in which a warning is not repeated, in milliseconds. */
const QUIET = 10 * 60 * 1000

/**
 * Logs a warning, or the same line at Debug if the last warning of its kind is younger than ten minutes: thousands of
 * providers may retry at the same server.
 *
 * @param last when the last warning was logged, in milliseconds since the epoch; `undefined` if none was
 * @param onWarning called if the line is a warning
 *
 * @internal
 */
export const warnOnce = (
  message: string,
  last: number | undefined,
  now: number,
  onWarning: () => void
): Effect.Effect<void> => {
  if (last !== undefined && now >= last && now - last < QUIET) return Effect.logDebug(message)
  onWarning()
  return Effect.logWarning(message)
}

/** The most scopes that one line names. */
const MAX_SCOPES = 8

/** The most sets of scopes whose warnings are remembered, and the longest text of one, in characters. */
const MAX_FORBIDDEN = 8
const MAX_KIND = 1024

type HasToken = "TokenObtained" | "TokenRenewed" | "TokenLoaded"

const lines: Readonly<Record<HasToken, string>> = {
  TokenObtained: "Token obtained.",
  TokenRenewed: "Token renewed.",
  TokenLoaded: "Token found in storage."
}

/** Whole seconds with their unit. `Duration.format` writes less than one as 0, without a unit. */
const secondsOf = (seconds: number): string =>
  seconds < 1 ? "less than 1s" : Duration.format(Duration.seconds(Math.floor(seconds)))

/** Ends a message with a full stop. The message of a storage may end in any way. */
const sentence = (text: string): string => /[.!?…]$/.test(text) ? text : `${text}.`

/**
 * The server's own words about a rejected token (RFC 6750 §3), as a further sentence; empty if there are none.
 *
 * @internal
 */
export const saysOf = (challenge: Challenge.Challenge | undefined, token: AccessToken): string => {
  const text = challenge && (Challenge.errorDescription(challenge) || Challenge.error(challenge))
  return text === undefined || text === "" ? "" : ` The server says "${clean(text, [Redacted.value(token.value)])}".`
}

/**
 * The log of one provider. While all goes well there is nothing at Info. An outage has a line for its beginning and one
 * for its end.
 *
 * @internal
 */
export class TokenLog {
  #failures = 0
  #failingSince = 0
  /** When each set of scopes that are not permitted was last in a warning, in milliseconds since the epoch. */
  readonly #forbidden = new Map<string, number>()
  /** When each kind of warning was last logged, in milliseconds since the epoch. */
  #warned: Map<string, number> | undefined

  /**
   * The line for an event.
   *
   * @param token the held token, if there is one
   * @param now in milliseconds since the epoch
   * @param callersWait whether callers wait for the next attempt after a failure
   */
  write(
    event: OAuthEvent.OAuthEvent,
    token: AccessToken | undefined,
    now: number,
    callersWait = false
  ): Effect.Effect<void> {
    switch (event._tag) {
      case "TokenObtained":
      case "TokenRenewed":
      case "TokenLoaded":
        return this.#obtained(event, now)
      case "TokenRejected":
        return Effect.logInfo(
          `The MCP server rejected a token that had not expired.${saysOf(event.challenge, event.token)}`
        ).pipe(Effect.annotateLogs(factsOf(event.token, now)))
      case "RenewalFailed":
        return this.#failed(event.error, event.reason, token, now, callersWait)
      case "StorageFailed": {
        const { message, operation } = event.error
        return this.#warn(
          `storage ${operation}`,
          `${sentence(message)} The provider carries on without the storage.`,
          now
        )
      }
      case "StorageRecovered":
        return Effect.logInfo("The storage works again.")
      case "AuthorizationServerChanged":
        return Effect.logWarning("The MCP server now names another authorization server. The provider follows it.")
          .pipe(
            Effect.annotateLogs({ "oauth.issuer": event.to, "oauth.issuer.previous": event.from })
          )
    }
  }

  /**
   * A 403 that needs scopes which the options of the provider do not permit. Each set of scopes has one warning per
   * token, and at most one in ten minutes; repetitions are logged at Debug. The MCP server names the scopes, so at most
   * eight sets are remembered.
   */
  scopesForbidden(scopes: ReadonlyArray<string>, token: AccessToken, now: number): Effect.Effect<void> {
    const names = scopes.slice(0, MAX_SCOPES).map((scope) => `"${clean(scope, [Redacted.value(token.value)])}"`)
    const more = scopes.length > MAX_SCOPES ? ` and ${scopes.length - MAX_SCOPES} more` : ""
    const message =
      "The MCP server answered 403 and asked for scopes that the options of the provider do not permit: " +
      `${
        names.join(", ")
      }${more}. No token was requested, and the caller got the 403. If this client shall have these ` +
      "scopes, list them in `scopes`, or in `stepUp` as in { allow: [...] }."
    const kind = scopes.toSorted().join(" ").slice(0, MAX_KIND)
    return warnOnce(message, this.#forbiddenAt(kind, token, now), now, () => this.#forbidden.set(kind, now)).pipe(
      Effect.annotateLogs(factsOf(token, now))
    )
  }

  /**
   * When the set of scopes last had a warning. The result is `now` if this token had one, or if there is no place for
   * another set, so that no warning is logged.
   */
  #forbiddenAt(kind: string, token: AccessToken, now: number): number | undefined {
    const last = this.#forbidden.get(kind)
    if (last !== undefined) return token.issuedAt <= last ? now : last
    if (this.#forbidden.size < MAX_FORBIDDEN) return undefined
    for (const [other, at] of this.#forbidden) if (now - at >= QUIET) this.#forbidden.delete(other)
    return this.#forbidden.size < MAX_FORBIDDEN ? undefined : now
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
    now: number,
    callersWait: boolean
  ) {
    const type = errorType(error)
    const annotations = { "oauth.reason": reasons[reason], "error.type": type }
    if (reason === "StepUp") {
      const message = `No token with the missing scope was obtained. ${error.message}`
      return this.#warn(`renewal StepUp ${type}`, message, now, annotations)
    }
    if (this.#failures++ === 0) this.#failingSince = now
    const left = token === undefined ? 0 : secondsToLive(token, now)
    const sequel = left > 0
      ? `The held token stays in use; it expires in ${secondsOf(left)}.`
      : callersWait
      ? "Callers wait for the next attempt."
      : isTransient(error)
      ? "Calls fail until there is a token."
      : "Calls fail until this is corrected."
    const message = `No token was obtained. ${error.message} ${sequel}`
    return this.#warn(`renewal ${type} ${left > 0} ${callersWait}`, message, now, annotations)
  }

  #warn(kind: string, message: string, now: number, annotations: Attributes = {}): Effect.Effect<void> {
    const warned = this.#warned ??= new Map()
    const line = warnOnce(message, warned.get(kind), now, () => warned.set(kind, now))
    return Effect.annotateLogs(line, annotations)
  }
}
