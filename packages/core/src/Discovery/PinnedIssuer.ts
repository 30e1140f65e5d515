import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as CachedDocument from "../CachedDocument.ts"
import * as Challenge from "../Challenge.ts"
import { withoutCredentials } from "../internal/text/resource.ts"
import { listed, retryAfter } from "../MetadataSearch.ts"
import { IssuerMismatch } from "../OAuthError.ts"
import * as ProtectedResource from "../ProtectedResource.ts"
import type { Discovered, Discovery, Failure, Options } from "./Contract.ts"
import { currentTime, type Deadline, patienceOf } from "./deadline.ts"
import { type Document, firstOf, type Found, ResourceSearch } from "./ResourceSearch.ts"
import { type Stored, StoredDiscovery } from "./StoredDiscovery.ts"

/** The longest wait for metadata that could not be read the last time. */
const SHORT = Duration.seconds(1)

/** The first pause after metadata could not be read, doubled with each failure up to the longest, in milliseconds. */
const PAUSE = { first: 60_000, longest: 60 * 60_000 }

/**
 * Discovery for an issuer that the caller pinned. The two documents do not depend on each other, so they are read at
 * once. The server's metadata confirms and completes the caller's options: if the metadata lists authorization servers,
 * the issuer must be among them. Metadata that cannot be read delays no token for long: the token is requested without
 * it, and the metadata is read again later.
 *
 * @internal
 */
export class PinnedIssuer implements Discovery {
  readonly #options: Options
  readonly #storedDiscovery: StoredDiscovery
  /** The metadata in use, or its absence. */
  #resource: Document | undefined
  /** The last metadata that did not list the issuer. The cache must not answer with it again. */
  #refused: Document | undefined
  /** How many times in a row the metadata could not be read. */
  #outages = 0

  constructor(options: Options) {
    this.#options = options
    this.#storedDiscovery = new StoredDiscovery(options)
  }

  readonly get: Discovery["get"] = Effect.suspend(() =>
    this.#find((deadline) => this.#isCurrent(deadline) ? this.#known : this.#read(deadline))
  )

  readonly reread: Discovery["reread"] = (challenge) =>
    this.#find((deadline) => {
      // A pause after an outage holds, unless the challenge names an address.
      const isPaused = this.#outages > 0 && this.#isCurrent(deadline)
      const names = challenge !== undefined && Challenge.resourceMetadata(challenge) !== undefined
      return isPaused && !names ? this.#known : this.#read(deadline, challenge)
    })

  /** The caller has chosen the issuer. */
  bind(): void {}

  get forgetAuthorizationServer(): Effect.Effect<void> {
    return this.#storedDiscovery.forgetAuthorizationServer
  }

  #find(
    resource: (deadline: Deadline) => Effect.Effect<Discovered["protectedResource"], Failure>
  ): Effect.Effect<Discovered, Failure> {
    return this.#storedDiscovery.discover((stored) => this.#restore(stored), (deadline) =>
      Effect.zipWith(
        resource(deadline),
        // A failure here must not end the other reading: an issuer that the server does not list says more.
        Effect.either(this.#storedDiscovery.authorizationServer.get(this.#options.issuer, undefined, deadline)),
        (protectedResource, found) =>
          Either.map(found, (authorizationServer): Discovered => {
            this.#remember(authorizationServer.issuer)
            return { authorizationServer, protectedResource, challenge: undefined }
          }),
        { concurrent: true }
      ).pipe(Effect.flatMap((found) => found)))
  }

  #restore({ resource }: Stored): void {
    const value = resource?.document.value
    if (value !== undefined && (Either.isLeft(value) || this.#confirms(value.right))) {
      this.#resource ??= resource?.document
    }
  }

  /** An outage is not remembered: the next process asks again. */
  #remember(issuer: string): void {
    const isOutage = this.#outages > 0 && this.#resource !== undefined && Either.isLeft(this.#resource.value)
    this.#storedDiscovery.keep(issuer, isOutage ? undefined : this.#resource)
  }

  #isCurrent({ startedAt }: Deadline): boolean {
    return this.#resource !== undefined && CachedDocument.isFresh(this.#resource, startedAt)
  }

  readonly #known = Effect.sync(() =>
    this.#resource === undefined ? undefined : Either.getOrUndefined(this.#resource.value)
  )

  #read(deadline: Deadline, challenge?: Challenge.Challenge): Effect.Effect<Discovered["protectedResource"], Failure> {
    const search = new ResourceSearch(this.#options, deadline, this.#resource ?? this.#refused)
    const steps = [search.named(challenge === undefined ? [] : [challenge]), search.own, search.root]
    const patience = patienceOf(this.#options)
    return firstOf(steps).pipe(
      Effect.timeoutOption(this.#outages === 0 ? patience : Duration.min(patience, SHORT)),
      Effect.zip(currentTime),
      Effect.flatMap(([found, now]) => {
        if (Option.isSome(found) && found.value !== undefined) {
          return Effect.flatMap(this.#moreExact(found.value, search), (found) => this.#accept(found))
        }
        const isFirst = this.#resource === undefined
        this.#keep(search, Option.isNone(found) || search.isInterrupted, now)
        return isFirst ? Effect.zipRight(this.#report(search), this.#known) : this.#known
      })
    )
  }

  /**
   * Metadata of a parent that does not list the issuer may be about another API of the host. The challenge to a request
   * without a token may name the server's own metadata.
   */
  #moreExact(found: Found, search: ResourceSearch): Effect.Effect<Found> {
    const { metadata } = found.protectedResource
    const isOwn = ProtectedResource.covers(metadata.resource, this.#options.server.url, "identical")
    if (isOwn || this.#confirms(found.protectedResource)) return Effect.succeed(found)
    return Effect.map(
      Effect.timeoutOption(search.asked, patienceOf(this.#options)),
      (named) => Option.getOrUndefined(named) ?? found
    )
  }

  #accept({ document, protectedResource }: Found): Effect.Effect<ProtectedResource.ProtectedResource, IssuerMismatch> {
    this.#outages = 0
    if (this.#confirms(protectedResource)) {
      this.#resource = document
      return Effect.succeed(protectedResource)
    }
    this.#resource = undefined
    this.#refused = document
    const error = new IssuerMismatch({
      reason: "NotListed",
      expected: this.#options.issuer,
      actual: protectedResource.authorizationServers.map(withoutCredentials),
      url: protectedResource.url
    })
    return Effect.zipRight(this.#storedDiscovery.doubt("protectedResource"), error)
  }

  /** An empty list confirms any issuer, because the list is optional (RFC 9728 §2). */
  #confirms(metadata: ProtectedResource.ProtectedResource): boolean {
    return metadata.authorizationServers.length === 0 || ProtectedResource.lists(metadata, this.#options.issuer)
  }

  /** A missing document is a warning only at an address that the caller gave: servers without metadata are common. */
  #report({ misses }: ResourceSearch): Effect.Effect<void> {
    const [log, subject] = this.#options.resourceMetadataUrl === undefined
      ? [Effect.logDebug, "The metadata of the MCP server was not used"]
      : [Effect.logWarning, "The metadata at `resourceMetadataUrl` was not used"]
    const why = misses.length === 0 ? "there was no complete answer in time" : listed(misses)
    return log(`${subject}: ${why}. The token is requested from the pinned \`issuer\` without it.`)
  }

  /** Ends a search that found nothing. Metadata that was found before stays in use. */
  #keep(search: ResourceSearch, isOutage: boolean, now: number): void {
    const before = this.#resource
    if (isOutage) {
      const pause = Math.min(PAUSE.first * 2 ** this.#outages++, PAUSE.longest)
      const asked = retryAfter(search.misses.flatMap(({ outage }) => outage ?? [])) ?? 0
      const value = before?.value ?? Either.left(search.misses)
      this.#resource = { value, readAt: now, freshUntil: now + Math.max(pause, Math.min(asked, PAUSE.longest)) }
      return
    }
    this.#outages = 0
    this.#resource = before !== undefined && Either.isRight(before.value)
      ? CachedDocument.extended(before, now)
      : search.last
  }
}
