import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as MetricLabel from "effect/MetricLabel"
import * as Option from "effect/Option"
import type * as Tracer from "effect/Tracer"
import * as AccessToken from "../AccessToken.ts"
import { isTransient, type OAuthError, TokenEndpointError } from "../OAuthError.ts"
import type * as OAuthEvent from "../OAuthEvent.ts"
import * as OAuthMetric from "../OAuthMetric.ts"
import type { EventHub } from "./eventHub.ts"

/**
 * What a provider is known by to those who watch it.
 *
 * - `resource`: the MCP server, without its query, which may hold what is not to be shown.
 *
 * @internal
 */
export interface Options {
  readonly resource: string
  readonly clientId: string
  readonly events: EventHub<OAuthEvent.OAuthEvent>
}

/** What a flight, or a caller, is after; `Demand` of `TokenLifecycle` is one. */
interface Demand {
  readonly reason: OAuthEvent.Reason
}

const names: Readonly<Record<OAuthEvent.Reason, string>> = {
  First: "first",
  Scheduled: "scheduled",
  Expired: "expired",
  Rejected: "rejected",
  StepUp: "step_up"
}

/** Those that specifications name; a server may send any. */
const knownCodes: ReadonlySet<string> = new Set([
  "access_denied",
  "invalid_client",
  "invalid_dpop_proof",
  "invalid_grant",
  "invalid_request",
  "invalid_scope",
  "invalid_target",
  "server_error",
  "slow_down",
  "temporarily_unavailable",
  "unauthorized_client",
  "unsupported_grant_type",
  "use_dpop_nonce"
])

/**
 * One of few values, whatever a server says.
 *
 * @internal
 */
export const errorType = (error: OAuthError): string => {
  if (error instanceof TokenEndpointError) {
    if (error.code !== undefined) return knownCodes.has(error.code) ? error.code : "_OTHER"
    if (error.status !== undefined && error.status >= 300) return String(error.status)
  }
  return "reason" in error ? `${error._tag}.${error.reason}` : error._tag
}

type Attributes = Readonly<Record<string, string>>

const outcomeOf = (exit: Exit.Exit<unknown, OAuthError>): Attributes => {
  if (Exit.isSuccess(exit)) return { "oauth.outcome": "success" }
  if (Cause.isInterruptedOnly(exit.cause)) return { "oauth.outcome": "interrupted" }
  const type = Option.match(Cause.failureOption(exit.cause), { onNone: () => "_OTHER", onSome: errorType })
  return { "oauth.outcome": "failure", "error.type": type }
}

const annotate = (span: Tracer.Span, attributes: Readonly<Record<string, unknown>>): void => {
  for (const [name, value] of Object.entries(attributes)) span.attribute(name, value)
}

/** A warning that has been given is not given again for so long, in milliseconds. */
const QUIET = 10 * 60 * 1000

/**
 * The metrics, spans and logs of one provider. Each method stands around, or beside, the work that it is about, which
 * goes on as it would without.
 *
 * @internal
 */
export class Telemetry {
  readonly #options: Options
  readonly #clock: Clock.Clock
  /** Those around the making of the provider. One array, since metrics are looked up by it. */
  readonly #labels: ReadonlyArray<MetricLabel.MetricLabel>
  /** The span of the flight under way. */
  #flight: Tracer.Span | undefined
  #token: AccessToken.AccessToken | undefined
  #source: string | undefined
  #failures = 0
  #failingSince = 0
  /** When each kind of warning was last given. */
  #warned: Map<string, number> | undefined

  constructor(options: Options, clock: Clock.Clock, labels: ReadonlyArray<MetricLabel.MetricLabel>) {
    this.#options = options
    this.#clock = clock
    this.#labels = labels
  }

  // ---- metrics and spans -----------------------------------------------------------------------------------------------

  /** A call was served from memory. On the path of every request: it costs some nanoseconds. */
  hit(): void {
    OAuthMetric.cacheHits.unsafeUpdate(1, this.#labels)
  }

  /** Around a caller's wait for a flight. It shows in the caller's trace, if there is one, and points to the flight. */
  waiting<A, E>(wait: Effect.Effect<A, E>, { reason }: Demand): Effect.Effect<A, E> {
    // In the background nobody waits.
    if (reason === "Scheduled") return wait
    return Effect.acquireUseRelease(
      Effect.sync(() => OAuthMetric.waitingCallers.unsafeUpdate(1, this.#labels)),
      () =>
        Effect.withFiberRuntime<A, E>((fiber) =>
          fiber.currentSpan === undefined ? wait : Effect.useSpan("oauth.client.token.wait", {
            captureStackTrace: false,
            attributes: { "oauth.reason": names[reason] },
            links: linksTo(this.#flight)
          }, () => wait)
        ),
      () => Effect.sync(() => OAuthMetric.waitingCallers.unsafeUpdate(-1, this.#labels))
    )
  }

  /**
   * Around a flight: a trace of its own, since it belongs to none of its callers and may outlive them all; the one who
   * made it take off is linked. Call it in that one's fiber. `work` says when it has the token, which may be before its
   * end.
   */
  flight<R>(
    work: (
      landed: (token: AccessToken.AccessToken) => Effect.Effect<void>
    ) => Effect.Effect<AccessToken.AccessToken, OAuthError, R>,
    { reason }: Demand
  ): Effect.Effect<AccessToken.AccessToken, OAuthError, R> {
    const caller = reason === "Scheduled" ? undefined : Option.getOrUndefined(Fiber.getCurrentFiber())?.currentSpan
    const options: Tracer.SpanOptions = {
      root: true,
      captureStackTrace: false,
      links: linksTo(caller),
      attributes: { ...this.#identity, "oauth.reason": names[reason] }
    }
    return Effect.useSpan("oauth.client.token.acquire", options, (span) => {
      this.#flight = span
      this.#source = undefined
      const startedAt = this.#clock.unsafeCurrentTimeNanos()
      let done = false
      const land = (exit: Exit.Exit<AccessToken.AccessToken, OAuthError>) =>
        Effect.sync(() => {
          if (done) return
          done = true
          this.#landed(span, reason, this.#secondsSince(startedAt), exit)
        })
      return work((token) => land(Exit.succeed(token))).pipe(
        Effect.withParentSpan(span),
        Effect.annotateLogs(this.#identity),
        // The fiber ends here. Its failure is for those who wait: Effect would log it as one that nobody handles.
        Effect.onExit((exit) =>
          Effect.zipRight(land(exit), FiberRef.set(FiberRef.unhandledErrorLogLevel, Option.none()))
        )
      )
    })
  }

  #landed(
    span: Tracer.Span,
    reason: OAuthEvent.Reason,
    seconds: number,
    exit: Exit.Exit<AccessToken.AccessToken, OAuthError>
  ): void {
    const outcome = outcomeOf(exit)
    const source: Attributes = this.#source === undefined || Exit.isFailure(exit)
      ? {}
      : { "oauth.token.source": this.#source }
    annotate(span, { ...outcome, ...source, ...(Exit.isSuccess(exit) ? this.#factsOf(exit.value) : {}) })
    this.#measure(OAuthMetric.acquisitionDuration, seconds, { "oauth.reason": names[reason], ...outcome, ...source })
    if (this.#token !== undefined && reason !== "StepUp") {
      const left = Math.max(0, this.#secondsToLive(this.#token))
      this.#measure(OAuthMetric.timeToExpiry, left, { "oauth.outcome": outcome["oauth.outcome"] ?? "" })
    }
    if (Exit.isSuccess(exit)) this.#token = exit.value
    if (this.#flight === span) this.#flight = undefined
  }

  /** Around a request to a token endpoint, the client's proof included. */
  request(
    grantType: string,
    reason: OAuthEvent.Reason,
    { issuer, tokenEndpoint }: { readonly issuer: string; readonly tokenEndpoint: URL }
  ): <A, E extends OAuthError, R>(work: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> {
    const request = { "oauth.grant.type": grantType, "oauth.reason": names[reason] }
    const options: Tracer.SpanOptions = {
      captureStackTrace: false,
      attributes: {
        ...request,
        "oauth.issuer": issuer,
        "server.address": tokenEndpoint.hostname,
        ...(tokenEndpoint.port === "" ? {} : { "server.port": Number(tokenEndpoint.port) })
      }
    }
    return (work) =>
      Effect.useSpan("oauth.client.token.request", options, (span) => {
        const startedAt = this.#clock.unsafeCurrentTimeNanos()
        return work.pipe(
          Effect.withParentSpan(span),
          Effect.onExit((exit) =>
            Effect.sync(() => {
              const outcome = outcomeOf(exit)
              annotate(span, outcome)
              const attributes = { ...request, ...outcome }
              this.#measure(OAuthMetric.tokenRequests, 1, attributes)
              this.#measure(OAuthMetric.tokenRequestDuration, this.#secondsSince(startedAt), attributes)
            })
          )
        )
      })
  }

  #measure(
    metric: { readonly unsafeUpdate: (input: number, labels: ReadonlyArray<MetricLabel.MetricLabel>) => void },
    input: number,
    attributes: Attributes
  ): void {
    const own = Object.entries(attributes).map(([name, value]) => MetricLabel.make(name, value))
    metric.unsafeUpdate(input, [...own, ...this.#labels])
  }

  // ---- events and logs ---------------------------------------------------------------------------------------------------

  /** Tells those who watch, and writes to the log what somebody may want to read there. */
  readonly publish = (event: OAuthEvent.OAuthEvent): Effect.Effect<void> =>
    Effect.zipRight(
      this.#options.events.publish(event),
      Effect.suspend(() => Effect.annotateLogs(this.#log(event), this.#identity))
    )

  #log(event: OAuthEvent.OAuthEvent): Effect.Effect<void> {
    switch (event._tag) {
      case "TokenObtained":
      case "TokenRenewed":
      case "TokenLoaded":
        return this.#logToken(event)
      case "TokenRejected":
        if (this.#token !== undefined && AccessToken.isSame(this.#token, event.token)) this.#token = undefined
        return Effect.logInfo("The MCP server rejected a token that had not expired.").pipe(
          Effect.annotateLogs(this.#factsOf(event.token))
        )
      case "RenewalFailed":
        return this.#logFailure(event.error, event.reason)
      case "StorageFailed":
        this.#measure(OAuthMetric.storageFailures, 1, {
          "oauth.storage.operation": event.error.operation,
          "error.type": event.error.reason
        })
        return this.#warn(`storage ${event.error.operation}`, `${event.error.message} It was done without.`, {})
      case "StorageRecovered":
        return Effect.logInfo("The storage works again.")
      case "AuthorizationServerChanged":
        return Effect.logWarning("The MCP server now names another authorization server, which is followed.").pipe(
          Effect.annotateLogs({ "oauth.issuer": event.to, "oauth.issuer.previous": event.from })
        )
    }
  }

  #logToken(
    event: Extract<OAuthEvent.OAuthEvent, { readonly _tag: "TokenObtained" | "TokenRenewed" | "TokenLoaded" }>
  ) {
    this.#source = event._tag === "TokenLoaded" ? "storage" : "authorization_server"
    const reason: Attributes = event._tag === "TokenRenewed" ? { "oauth.reason": names[event.reason] } : {}
    const line = this.#failures === 0
      ? Effect.logDebug(lines[event._tag])
      : Effect.logInfo(
        `There is a token again, after ${this.#failures} failed ${this.#failures === 1 ? "attempt" : "attempts"} in ` +
          `${Duration.format(Duration.millis(this.#now() - this.#failingSince))}.`
      )
    this.#failures = 0
    for (const kind of this.#warned?.keys() ?? []) {
      if (kind.startsWith("renewal")) this.#warned?.delete(kind)
    }
    return Effect.annotateLogs(line, { ...this.#factsOf(event.token), ...reason })
  }

  #logFailure(error: OAuthError, reason: OAuthEvent.Reason): Effect.Effect<void> {
    const type = errorType(error)
    const annotations = { "oauth.reason": names[reason], "error.type": type }
    if (reason === "StepUp") {
      return this.#warn(`renewal StepUp ${type}`, `The scope was not widened. ${error.message}`, annotations)
    }
    if (this.#failures++ === 0) this.#failingSince = this.#now()
    const left = this.#token === undefined ? 0 : this.#secondsToLive(this.#token)
    const sequel = left > 0
      ? `The token in hand goes on being used; it expires in ${Duration.format(Duration.seconds(Math.floor(left)))}.`
      : isTransient(error)
      ? "Calls fail until there is one."
      : "Calls fail until this is mended."
    return this.#warn(
      `renewal ${type} ${left > 0}`,
      `No token was obtained. ${error.message} ${sequel}`,
      annotations
    )
  }

  /** Once, and then in silence for a while: ten thousand providers may lose the same server, and each tries on. */
  #warn(kind: string, message: string, annotations: Attributes): Effect.Effect<void> {
    const now = this.#now()
    const warned = this.#warned ??= new Map()
    const last = warned.get(kind)
    const isNews = last === undefined || now < last || now - last >= QUIET
    if (isNews) warned.set(kind, now)
    return Effect.annotateLogs(isNews ? Effect.logWarning(message) : Effect.logDebug(message), annotations)
  }

  // ---- what all of them say ------------------------------------------------------------------------------------------------

  get #identity(): Attributes {
    const { clientId, resource } = this.#options
    return clientId === ""
      ? { "oauth.resource": resource }
      : { "oauth.resource": resource, "oauth.client.id": clientId }
  }

  #factsOf(token: AccessToken.AccessToken): Readonly<Record<string, string | number>> {
    return {
      "oauth.issuer": token.issuer,
      "oauth.token.fingerprint": AccessToken.fingerprint(token),
      "oauth.token.expires_in": Math.floor(this.#secondsToLive(token))
    }
  }

  #now(): number {
    return this.#clock.unsafeCurrentTimeMillis()
  }

  #secondsToLive(token: AccessToken.AccessToken): number {
    return (token.expiresAt - this.#now()) / 1000
  }

  #secondsSince(startedAt: bigint): number {
    return Math.max(0, Number(this.#clock.unsafeCurrentTimeNanos() - startedAt) / 1e9)
  }
}

const lines = {
  TokenObtained: "Token obtained.",
  TokenRenewed: "Token renewed.",
  TokenLoaded: "Token found in storage."
}

const linksTo = (span: Tracer.AnySpan | undefined): ReadonlyArray<Tracer.SpanLink> =>
  span === undefined ? [] : [{ _tag: "SpanLink", span, attributes: {} }]

/** @internal */
export const make = (options: Options): Effect.Effect<Telemetry> =>
  Effect.zipWith(
    Effect.clock,
    FiberRef.get(FiberRef.currentMetricLabels),
    (clock, labels) => new Telemetry(options, clock, labels)
  )

/**
 * Around the search for a document about a server (RFC 9728, RFC 8414).
 *
 * @internal
 */
export const discovery = (document: "protected_resource" | "authorization_server") =>
<A, E, R>(
  search: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.useSpan("oauth.client.discovery", {
    captureStackTrace: false,
    attributes: { "oauth.discovery.document": document }
  }, (span) => Effect.withParentSpan(search, span))
