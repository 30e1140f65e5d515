import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Tracer from "effect/Tracer"
import * as AccessToken from "../../AccessToken.ts"
import type { OAuthError } from "../../OAuthError.ts"
import type * as OAuthEvent from "../../OAuthEvent.ts"
import * as OAuthMetric from "../../OAuthMetric.ts"
import { type Attributes, factsOf, outcomeOf, reasons, secondsToLive } from "./attributes.ts"
import * as Metrics from "../effect/metrics.ts"
import * as Spans from "../effect/spans.ts"
import { oneLine } from "../text/clean.ts"
import type { EventHub } from "./eventHub.ts"
import { TokenLog } from "./tokenLog.ts"

/** @internal */
export interface Options {
  /** The MCP server, without its query, which may hold what must not be shown. */
  readonly resource: string
  readonly clientId: string
  readonly events: EventHub<OAuthEvent.OAuthEvent>
}

/** The reason for an acquisition. Each `Demand` of the lifecycle has it. */
interface Demand {
  readonly reason: OAuthEvent.Reason
}

/** An acquisition that has not delivered a token yet. */
interface Acquisition extends Demand {
  readonly span: Tracer.Span
  /** When the acquisition started, in nanoseconds by the monotonic clock. */
  readonly startedAt: bigint
  /** Whether the token came from the storage. */
  isLoaded: boolean
}

/**
 * The spans, metrics, log lines and events of one provider. The methods that take an effect run that effect unchanged.
 *
 * @internal
 */
export class Telemetry {
  readonly #options: Options
  readonly #clock: Clock.Clock
  readonly #meter: Metrics.Meter
  readonly #log = new TokenLog()
  /** The acquisition in flight, until it has delivered a token or has ended. */
  #acquisition: Acquisition | undefined
  /** The held token, as the events have it. */
  #token: AccessToken.AccessToken | undefined

  constructor(options: Options, clock: Clock.Clock, meter: Metrics.Meter) {
    this.#options = options
    this.#clock = clock
    this.#meter = meter
  }

  /** A call was served from memory. This method is on the path of every request, and costs some nanoseconds. */
  hit(): void {
    this.#meter.add(OAuthMetric.cacheHits, 1)
  }

  /**
   * A caller's wait for an acquisition. If the caller has a trace, the wait has a span there, linked to the
   * acquisition.
   */
  waiting<A, E>(wait: Effect.Effect<A, E>, { reason }: Demand): Effect.Effect<A, E> {
    // No caller waits for a renewal in the background.
    if (reason === "Scheduled") return wait
    return Effect.acquireUseRelease(
      Effect.sync(() => this.#meter.add(OAuthMetric.waitingCallers, 1)),
      () =>
        Effect.suspend(() =>
          Spans.current() === undefined ? wait : Spans.use("oauth.client.token.wait", {
            attributes: { "oauth.reason": reasons[reason] },
            linkedTo: this.#acquisition?.span
          }, () => wait)
        ),
      () => Effect.sync(() => this.#meter.add(OAuthMetric.waitingCallers, -1))
    )
  }

  /**
   * An acquisition. Its trace is its own, because the acquisition belongs to none of its callers and may outlive them.
   * The span is linked to the caller that starts the acquisition, so call this in the fiber of that caller. The events
   * `TokenObtained` and `TokenRenewed` end the measurement, because the token is delivered then and stored afterwards.
   */
  acquisition<R>(
    work: Effect.Effect<AccessToken.AccessToken, OAuthError, R>,
    { reason }: Demand
  ): Effect.Effect<AccessToken.AccessToken, OAuthError, R> {
    const options: Spans.Options = {
      root: true,
      linkedTo: reason === "Scheduled" ? undefined : Spans.current(),
      attributes: { ...this.#identity, "oauth.reason": reasons[reason] }
    }
    return Spans.use("oauth.client.token.acquire", options, (span) => {
      const acquisition: Acquisition = {
        reason,
        span,
        startedAt: this.#clock.unsafeCurrentTimeNanos(),
        isLoaded: false
      }
      this.#acquisition = acquisition
      return work.pipe(
        Spans.withParent(span),
        Effect.annotateLogs(this.#identity),
        Effect.onExit((exit) => {
          if (this.#acquisition === acquisition) this.#settle(exit, acquisition.isLoaded ? "storage" : undefined)
          // The fiber ends here. Its failure is for the waiters.
          return Spans.endWithoutReport
        })
      )
    })
  }

  /** The acquisition in flight has delivered a token, or has ended. */
  #settle(exit: Exit.Exit<AccessToken.AccessToken, OAuthError>, source?: "authorization_server" | "storage"): void {
    if (this.#acquisition === undefined) return
    const { reason, span, startedAt } = this.#acquisition
    this.#acquisition = undefined
    const outcome: Attributes = source === undefined || Exit.isFailure(exit)
      ? outcomeOf(exit)
      : { ...outcomeOf(exit), "oauth.token.source": source }
    const now = this.#clock.unsafeCurrentTimeMillis()
    annotate(span, { ...outcome, ...(Exit.isSuccess(exit) ? factsOf(exit.value, now) : {}) })
    const acquisition = { "oauth.reason": reasons[reason], ...outcome }
    this.#meter.update(OAuthMetric.acquisitionDuration, this.#secondsSince(startedAt), acquisition)
    if (this.#token !== undefined && reason !== "StepUp") {
      const left = Math.max(0, secondsToLive(this.#token, now))
      this.#meter.update(OAuthMetric.timeToExpiry, left, { "oauth.outcome": outcome["oauth.outcome"] ?? "" })
    }
    if (Exit.isSuccess(exit)) this.#token = exit.value
  }

  /** A request to a token endpoint, the making of the client's proof included. */
  request(
    grantType: string,
    reason: OAuthEvent.Reason,
    { issuer, tokenEndpoint }: { readonly issuer: string; readonly tokenEndpoint: URL }
  ): <A, E extends OAuthError, R>(work: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> {
    const request = { "oauth.grant.type": grantType, "oauth.reason": reasons[reason] }
    const options: Spans.Options = {
      attributes: {
        ...request,
        "oauth.issuer": issuer,
        "server.address": tokenEndpoint.hostname,
        ...(tokenEndpoint.port === "" ? {} : { "server.port": Number(tokenEndpoint.port) })
      }
    }
    return (work) =>
      Spans.use("oauth.client.token.request", options, (span) => {
        const startedAt = this.#clock.unsafeCurrentTimeNanos()
        return work.pipe(
          Spans.withParent(span),
          Effect.onExit((exit) =>
            Effect.sync(() => {
              const outcome = outcomeOf(exit)
              annotate(span, outcome)
              this.#meter.update(OAuthMetric.tokenRequests, 1, { ...request, ...outcome })
              this.#meter.update(OAuthMetric.tokenRequestDuration, this.#secondsSince(startedAt), {
                ...request,
                ...outcome
              })
            })
          )
        )
      })
  }

  /**
   * Passes an event to subscribers, measures it, and logs it.
   *
   * @param callersWait whether callers wait for the next attempt after a failure
   */
  readonly publish = (event: OAuthEvent.OAuthEvent, callersWait = false): Effect.Effect<void> =>
    Effect.zipRight(
      this.#options.events.publish(event),
      Effect.suspend(() => {
        this.#measure(event)
        const line = this.#log.write(event, this.#token, this.#clock.unsafeCurrentTimeMillis(), callersWait)
        return Effect.annotateLogs(line, this.#identity)
      })
    )

  /** A 403 needs scopes that the options do not permit. */
  scopesForbidden(scopes: ReadonlyArray<string>, token: AccessToken.AccessToken): Effect.Effect<void> {
    return Effect.suspend(() =>
      Effect.annotateLogs(
        this.#log.scopesForbidden(scopes, token, this.#clock.unsafeCurrentTimeMillis()),
        this.#identity
      )
    )
  }

  #measure(event: OAuthEvent.OAuthEvent): void {
    switch (event._tag) {
      case "TokenObtained":
      case "TokenRenewed":
        return this.#settle(Exit.succeed(event.token), "authorization_server")
      case "TokenLoaded":
        // The waiters get a loaded token only when the acquisition ends, after the lease was released.
        if (this.#acquisition !== undefined) this.#acquisition.isLoaded = true
        return
      case "TokenRejected":
        if (this.#token !== undefined && AccessToken.isSame(this.#token, event.token)) this.#token = undefined
        return
      case "StorageFailed":
        return this.#meter.update(OAuthMetric.storageFailures, 1, {
          "oauth.storage.operation": event.error.operation,
          "error.type": event.error.reason
        })
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

/** @internal */
export const make = (options: Options): Effect.Effect<Telemetry> =>
  Effect.zipWith(
    Effect.clock,
    Metrics.makeMeter,
    (clock, meter) => new Telemetry({ ...options, clientId: oneLine(options.clientId) }, clock, meter)
  )

/**
 * The search for a document about a server (RFC 9728, RFC 8414), in a span of its own.
 *
 * @internal
 */
export const discovery = (document: "protected_resource" | "authorization_server") =>
<A, E, R>(
  search: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Spans.use("oauth.client.discovery", {
    attributes: { "oauth.discovery.document": document }
  }, (span) => Spans.withParent(span)(search))

const annotate = (span: Tracer.Span, attributes: Readonly<Record<string, unknown>>): void => {
  for (const [name, value] of Object.entries(attributes)) span.attribute(name, value)
}
