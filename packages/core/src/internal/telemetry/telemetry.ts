import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as MetricLabel from "effect/MetricLabel"
import * as Option from "effect/Option"
import type * as Tracer from "effect/Tracer"
import * as AccessToken from "../../AccessToken.ts"
import type { OAuthError } from "../../OAuthError.ts"
import type * as OAuthEvent from "../../OAuthEvent.ts"
import * as OAuthMetric from "../../OAuthMetric.ts"
import { type Attributes, factsOf, outcomeOf, reasons, secondsToLive } from "./attributes.ts"
import type { EventHub } from "./eventHub.ts"
import { TokenLog } from "./tokenLog.ts"

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

const annotate = (span: Tracer.Span, attributes: Readonly<Record<string, unknown>>): void => {
  for (const [name, value] of Object.entries(attributes)) span.attribute(name, value)
}

/**
 * The metrics and spans of one provider, and the way to its log. Each method stands around, or beside, the work that it
 * is about, which goes on as it would without.
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
  readonly #log = new TokenLog()

  constructor(options: Options, clock: Clock.Clock, labels: ReadonlyArray<MetricLabel.MetricLabel>) {
    this.#options = options
    this.#clock = clock
    this.#labels = labels
  }

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
            attributes: { "oauth.reason": reasons[reason] },
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
      attributes: { ...this.#identity, "oauth.reason": reasons[reason] }
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
    const now = this.#clock.unsafeCurrentTimeMillis()
    annotate(span, { ...outcome, ...source, ...(Exit.isSuccess(exit) ? factsOf(exit.value, now) : {}) })
    this.#measure(OAuthMetric.acquisitionDuration, seconds, { "oauth.reason": reasons[reason], ...outcome, ...source })
    if (this.#token !== undefined && reason !== "StepUp") {
      const left = Math.max(0, secondsToLive(this.#token, now))
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
    const request = { "oauth.grant.type": grantType, "oauth.reason": reasons[reason] }
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

  /** Tells those who watch, and writes to the log what somebody may want to read there. */
  readonly publish = (event: OAuthEvent.OAuthEvent): Effect.Effect<void> =>
    Effect.zipRight(
      this.#options.events.publish(event),
      Effect.suspend(() => {
        this.#note(event)
        const line = this.#log.write(event, this.#token, this.#clock.unsafeCurrentTimeMillis())
        return Effect.annotateLogs(line, this.#identity)
      })
    )

  /** What later spans and metrics depend on, and what is counted. */
  #note(event: OAuthEvent.OAuthEvent): void {
    switch (event._tag) {
      case "TokenObtained":
      case "TokenRenewed":
        this.#source = "authorization_server"
        return
      case "TokenLoaded":
        this.#source = "storage"
        return
      case "TokenRejected":
        if (this.#token !== undefined && AccessToken.isSame(this.#token, event.token)) this.#token = undefined
        return
      case "StorageFailed":
        this.#measure(OAuthMetric.storageFailures, 1, {
          "oauth.storage.operation": event.error.operation,
          "error.type": event.error.reason
        })
        return
      case "RenewalFailed":
      case "StorageRecovered":
      case "AuthorizationServerChanged":
        return
    }
  }

  get #identity(): Attributes {
    const { clientId, resource } = this.#options
    return clientId === ""
      ? { "oauth.resource": resource }
      : { "oauth.resource": resource, "oauth.client.id": clientId }
  }

  #secondsSince(startedAt: bigint): number {
    return Math.max(0, Number(this.#clock.unsafeCurrentTimeNanos() - startedAt) / 1e9)
  }
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
