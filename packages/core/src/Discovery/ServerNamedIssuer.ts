import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as CachedDocument from "../CachedDocument.ts"
import * as Challenge from "../Challenge.ts"
import { DiscoveryError, IssuerMismatch, isTransient } from "../OAuthError.ts"
import * as ProtectedResource from "../ProtectedResource.ts"
import { AuthorizationServerMemory, currentTime } from "./AuthorizationServerMemory.ts"
import type { Discovered, Discovery, Failure, Options } from "./Contract.ts"
import { type Recalled, Recollection } from "./Recollection.ts"

/** The metadata of the server, and the challenge with which it was found, if there was one. */
interface Found {
  readonly document: CachedDocument.CachedDocument<ProtectedResource.SearchResult>
  readonly protectedResource: ProtectedResource.ProtectedResource
  readonly challenge: Challenge.Challenge | undefined
}

/**
 * Discovery for `issuer: "discover"`: the server names its authorization server in its metadata. If the well-known
 * addresses have none, the challenge to a request without a token leads to the metadata.
 *
 * @internal
 */
export class ServerNamedIssuer implements Discovery {
  readonly #options: Options
  readonly #authorizationServer: AuthorizationServerMemory
  readonly #recollection: Recollection
  #found: Found | undefined
  /** The last metadata that led to no authorization server. The cache must not answer with it again. */
  #refused: CachedDocument.CachedDocument<ProtectedResource.SearchResult> | undefined
  /** The issuer to which credentials were sent. Another issuer is a change, even if the metadata was forgotten. */
  #chosen: string | undefined

  constructor(options: Options) {
    this.#options = options
    this.#authorizationServer = new AuthorizationServerMemory(options)
    this.#recollection = new Recollection(options)
  }

  readonly get: Effect.Effect<Discovered, Failure> = this.#remembering(
    Effect.flatMap(currentTime, (now) => {
      const before = this.#found
      const isKnown = before !== undefined && CachedDocument.isFresh(before.document, now)
      return this.#choose(isKnown ? Effect.succeed(before) : this.#readAgain(undefined))
    })
  )

  readonly reread: Discovery["reread"] = (challenge, issuer) =>
    this.#remembering(Effect.suspend(() => {
      this.#chosen ??= issuer
      return this.#choose(this.#readAgain(challenge))
    }))

  get forgetAuthorizationServer(): Effect.Effect<void> {
    this.#recollection.doubt("authorizationServer")
    return this.#authorizationServer.doubt
  }

  #remembering(discovery: Effect.Effect<Discovered, Failure>): Effect.Effect<Discovered, Failure> {
    return Effect.suspend(() => this.#recollection.before((recalled) => this.#recall(recalled), discovery))
  }

  /** The issuer of an earlier process is the chosen one. Its metadata must still list the issuer. */
  #recall({ authorizationServer, issuer, resource }: Recalled): void {
    this.#chosen ??= issuer
    this.#authorizationServer.recall(authorizationServer)
    const { challenge, document } = resource ?? {}
    if (document !== undefined && Either.isRight(document.value)) {
      this.#found ??= { document, protectedResource: document.value.right, challenge }
    }
  }

  #read(given: Challenge.Challenge | undefined): Effect.Effect<Found, Failure> {
    return Effect.gen(this, function*() {
      const { cache, client, limits, server } = this.#options
      let challenge = given
      let document = yield* cache.protectedResource(
        { client, server, challenge, limits },
        this.#found?.document ?? this.#refused
      )
      if (Either.isLeft(document.value) && challenge === undefined) {
        challenge = yield* cache.challenge({ client, server, limits })
        const named = challenge !== undefined && Challenge.resourceMetadata(challenge) !== undefined
        if (named) document = yield* cache.protectedResource({ client, server, challenge, limits })
      }
      if (Either.isLeft(document.value)) {
        return yield* new DiscoveryError({
          reason: "NotFound",
          url: server.resource,
          description: `No protected resource metadata for ${server.resource}: ${document.value.left.join("; ")}. ` +
            `Pin \`issuer\` to the authorization server that issues tokens for it.`
        })
      }
      return { document, protectedResource: document.value.right, challenge }
    })
  }

  /** Remembered metadata stays in use if the metadata cannot be read again. */
  #readAgain(challenge: Challenge.Challenge | undefined): Effect.Effect<Found, Failure> {
    const before = this.#found
    return before === undefined ? this.#read(challenge) : Effect.catchTag(
      this.#read(challenge ?? before.challenge),
      "DiscoveryError",
      () => Effect.map(currentTime, (now) => ({ ...before, document: CachedDocument.extended(before.document, now) }))
    )
  }

  /**
   * The authorization server that the metadata names. Metadata that leads to none is not remembered, since the server
   * may correct it.
   */
  #choose(read: Effect.Effect<Found, Failure>): Effect.Effect<Discovered, Failure> {
    return Effect.flatMap(read, (found) =>
      this.#findAuthorizationServer(found).pipe(
        Effect.tap(({ authorizationServer }) =>
          Effect.sync(() => {
            this.#found = found
            this.#recollection.keep({
              issuer: authorizationServer.issuer,
              resource: found.document,
              challenge: found.challenge,
              authorizationServer: this.#authorizationServer.document
            })
          })
        ),
        Effect.tapError(() => Effect.sync(() => this.#refused = found.document))
      )).pipe(
        Effect.tapError((error) =>
          Effect.sync(() => {
            if (isTransient(error)) return
            this.#found = undefined
            this.#recollection.doubt("protectedResource")
          })
        )
      )
  }

  #findAuthorizationServer({ challenge, protectedResource }: Found): Effect.Effect<Discovered, Failure> {
    return Effect.gen(this, function*() {
      const { follow, onChange, server } = this.#options
      const before = this.#chosen
      const stays = before !== undefined && ProtectedResource.lists(protectedResource, before)
      const issuer = stays ? before : protectedResource.authorizationServers[0]
      if (issuer === undefined) {
        return yield* new DiscoveryError({
          reason: "NoAuthorizationServer",
          url: protectedResource.url,
          description: `${protectedResource.url} names no authorization server. ` +
            `Pin \`issuer\` to the one that issues tokens for ${server.resource}.`
        })
      }
      if (before !== undefined && !stays && !follow) {
        return yield* new IssuerMismatch({
          reason: "Changed",
          expected: before,
          actual: protectedResource.authorizationServers,
          url: protectedResource.url
        })
      }
      const authorizationServer = yield* this.#authorizationServer.get(issuer, server.url)
      this.#chosen = authorizationServer.issuer
      if (before !== undefined && !stays) yield* onChange(before, authorizationServer.issuer)
      return { authorizationServer, protectedResource, challenge }
    })
  }
}
