import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as CachedDocument from "../CachedDocument.ts"
import * as Challenge from "../Challenge.ts"
import { shown, withoutCredentials } from "../internal/text/resource.ts"
import { DiscoveryError, IssuerMismatch, isTransient } from "../OAuthError.ts"
import * as ProtectedResource from "../ProtectedResource.ts"
import type { Discovered, Discovery, Failure, Options } from "./Contract.ts"
import { type Deadline, patienceOf } from "./deadline.ts"
import { nothingFound } from "./nothingFound.ts"
import { type Document, type Found as FoundDocument, ResourceSearch } from "./ResourceSearch.ts"
import * as ServerAnswer from "./ServerAnswer.ts"
import { type Stored, StoredDiscovery } from "./StoredDiscovery.ts"
import { parseUrl } from "../internal/text/url.ts"

/** The metadata of the server, and the challenge with which it was found, if there was one. */
interface Found extends FoundDocument {
  readonly challenge: Challenge.Challenge | undefined
}

/**
 * Discovery for `issuer: "discover"`: the server names its authorization server in its metadata. An address in a
 * challenge always comes before the well-known ones. Without a challenge the well-known address with the server's path
 * comes first, so that most servers need no further request. The challenge to a request without a token comes second.
 * The well-known address at the root, where another server's metadata may be, comes last, and only if the challenge
 * named no other address.
 *
 * @internal
 */
export class ServerNamedIssuer implements Discovery {
  readonly #options: Options
  readonly #storedDiscovery: StoredDiscovery
  #found: Found | undefined
  /** The last metadata that led to no authorization server. The cache must not answer with it again. */
  #refused: Document | undefined
  /** The end of the pause after metadata could not be read, in milliseconds since the epoch. */
  #pausedUntil = 0
  /** The issuer to which credentials were sent. Another issuer is a change, even if the metadata was forgotten. */
  #chosen: string | undefined

  /** The issuer of an earlier token, which counts as the chosen issuer if no record names another. */
  #bound: string | undefined

  constructor(options: Options) {
    this.#options = options
    this.#storedDiscovery = new StoredDiscovery(options)
  }

  readonly get: Discovery["get"] = Effect.suspend(() =>
    this.#withDeadline((deadline) => {
      const before = this.#found
      const isKnown = before !== undefined && CachedDocument.isFresh(before.document, deadline.startedAt)
      return this.#choose(isKnown ? Effect.succeed(before) : this.#readAgain(undefined, deadline), deadline)
    })
  )

  readonly reread: Discovery["reread"] = (challenge, issuer) =>
    this.#withDeadline((deadline) => {
      this.#chosen ??= issuer
      return this.#choose(this.#readAgain(challenge, deadline), deadline)
    })

  bind(issuer: string): void {
    this.#bound = issuer
  }

  get forgetAuthorizationServer(): Effect.Effect<void> {
    return this.#storedDiscovery.forgetAuthorizationServer
  }

  #withDeadline(discovery: (deadline: Deadline) => Effect.Effect<Discovered, Failure>) {
    return this.#storedDiscovery.discover((stored) => this.#restore(stored), discovery)
  }

  /** The issuer that an earlier process has chosen still holds. The server's metadata must list it. */
  #restore({ issuer, resource }: Stored): void {
    this.#chosen ??= issuer
    if (resource === undefined) return
    const { challenge, document } = resource
    if (Either.isRight(document.value)) {
      this.#found ??= { document, protectedResource: document.value.right, challenge }
    }
  }

  #read(given: Challenge.Challenge | undefined, deadline: Deadline): Effect.Effect<Found, Failure> {
    return Effect.gen(this, function*() {
      const before = this.#found
      const search = new ResourceSearch(this.#options, deadline, before?.document ?? this.#refused)
      const inHand = [given, before?.challenge].filter((challenge) => challenge !== undefined)
      let found = (yield* search.named(inHand)) ?? (yield* search.own)
      // A challenge without an address may be about the rejected token alone, and a remembered one may be out of date.
      const names = given !== undefined && Challenge.resourceMetadata(given) !== undefined
      if (!names && (found === undefined || found.protectedResource.authorizationServers.length === 0)) {
        found = (yield* search.asked) ?? found
      }
      found ??= yield* search.root
      if (found === undefined) {
        const { resourceMetadataUrl, server } = this.#options
        return yield* nothingFound(server, search.misses, search.answer, resourceMetadataUrl !== undefined)
      }
      const { url } = found.protectedResource
      const challenges = [...inHand, ...(search.answer?.challenges ?? [])]
      const challenge = challenges.find((challenge) => namesAddress(challenge, url)) ?? given ??
        (search.answer && ServerAnswer.challengeOf(search.answer)) ?? before?.challenge
      return { ...found, challenge }
    })
  }

  /**
   * Remembered metadata stays in use if it cannot be read again in time. After an outage it is read again a minute later
   * at the earliest, unless a challenge names an address.
   */
  #readAgain(challenge: Challenge.Challenge | undefined, deadline: Deadline): Effect.Effect<Found, Failure> {
    const before = this.#found
    if (before === undefined) return this.#read(challenge, deadline)
    const names = challenge !== undefined && Challenge.resourceMetadata(challenge) !== undefined
    if (deadline.startedAt < this.#pausedUntil && !names) return Effect.succeed(before)
    const keep = (isOutage: boolean) => {
      const kept = { ...before, document: CachedDocument.extended(before.document, deadline.startedAt) }
      if (isOutage) this.#pausedUntil = kept.document.freshUntil
      return Effect.succeed(kept)
    }
    return this.#read(challenge, deadline).pipe(
      Effect.timeoutOption(patienceOf(this.#options)),
      Effect.flatMap(Option.match({ onNone: () => keep(true), onSome: Effect.succeed })),
      Effect.catchTags({
        DiscoveryError: (error) => keep(error.transient),
        ResourceMismatch: () => keep(false)
      })
    )
  }

  /**
   * The authorization server that the metadata names. Metadata that leads to none is not remembered, since the server
   * may correct it.
   */
  #choose(read: Effect.Effect<Found, Failure>, deadline: Deadline): Effect.Effect<Discovered, Failure> {
    return Effect.flatMap(read, (found) =>
      this.#findAuthorizationServer(found, deadline).pipe(
        Effect.tap(({ authorizationServer }) => Effect.sync(() => this.#remember(found, authorizationServer.issuer))),
        Effect.tapError(() => Effect.sync(() => this.#refused = found.document))
      )).pipe(
        Effect.tapError((error) => {
          if (isTransient(error)) return Effect.void
          this.#found = undefined
          return this.#storedDiscovery.doubt("protectedResource")
        })
      )
  }

  #remember(found: Found, issuer: string): void {
    this.#found = found
    this.#storedDiscovery.keep(issuer, found.document, found.challenge)
  }

  #findAuthorizationServer(
    { challenge, protectedResource }: Found,
    deadline: Deadline
  ): Effect.Effect<Discovered, Failure> {
    return Effect.gen(this, function*() {
      const { follow, onChange, server } = this.#options
      const before = this.#chosen ?? this.#bound
      const stays = before !== undefined && ProtectedResource.lists(protectedResource, before)
      const issuer = stays ? before : protectedResource.authorizationServers[0]
      if (issuer === undefined) {
        return yield* new DiscoveryError({
          reason: "NoAuthorizationServer",
          url: protectedResource.url,
          description: `${shown(protectedResource.url)} names no authorization server. ` +
            `Pin \`issuer\` to the one that issues tokens for ${shown(server.resource)}.`
        })
      }
      if (before !== undefined && !stays && !follow) {
        return yield* new IssuerMismatch({
          reason: "Changed",
          expected: before,
          actual: protectedResource.authorizationServers.map(withoutCredentials),
          url: protectedResource.url
        })
      }
      const authorizationServer = yield* this.#storedDiscovery.authorizationServer.get(issuer, server.url, deadline)
      this.#chosen = authorizationServer.issuer
      if (before !== undefined && !stays) yield* onChange(before, authorizationServer.issuer)
      return { authorizationServer, protectedResource, challenge }
    })
  }
}

const namesAddress = (challenge: Challenge.Challenge, url: string): boolean =>
  parseUrl(Challenge.resourceMetadata(challenge) ?? "")?.href === url
