import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as CachedDocument from "../CachedDocument.ts"
import type { Challenge } from "../Challenge.ts"
import { IssuerMismatch } from "../OAuthError.ts"
import * as ProtectedResource from "../ProtectedResource.ts"
import { AuthorizationServerMemory, currentTime } from "./AuthorizationServerMemory.ts"
import type { Discovered, Discovery, Failure } from "./Discovered.ts"
import type { Options } from "./Options.ts"

/** The server's metadata, or why no address has any. */
type Metadata = Either.Either<ProtectedResource.ProtectedResource, ReadonlyArray<string>>

/**
 * Discovery for an issuer that the caller pinned. The two documents do not depend on each other, so they are read at
 * once. The server's metadata must list the issuer, if there is any.
 *
 * @internal
 */
export class PinnedIssuer implements Discovery {
  readonly #options: Options
  readonly #authorizationServer: AuthorizationServerMemory
  #resource: CachedDocument.CachedDocument<Metadata> | undefined
  /** The last metadata that did not list the issuer. The cache must not answer with it again. */
  #refused: CachedDocument.CachedDocument<Metadata> | undefined

  constructor(options: Options) {
    this.#options = options
    this.#authorizationServer = new AuthorizationServerMemory(options)
  }

  readonly get: Effect.Effect<Discovered, Failure> = Effect.suspend(() => this.#find(this.#getResource()))

  readonly reread: Discovery["reread"] = (challenge) => this.#find(this.#readResource(challenge))

  get forgetAuthorizationServer(): Effect.Effect<void> {
    return this.#authorizationServer.doubt
  }

  #find(resource: Effect.Effect<Metadata, Failure>): Effect.Effect<Discovered, Failure> {
    return Effect.zipWith(
      resource,
      this.#authorizationServer.get(this.#options.issuer, undefined),
      (resource, authorizationServer) => ({
        authorizationServer,
        protectedResource: Either.getOrUndefined(resource),
        challenge: undefined
      }),
      { concurrent: true }
    )
  }

  #getResource(): Effect.Effect<Metadata, Failure> {
    return Effect.flatMap(
      currentTime,
      (now) =>
        this.#resource !== undefined && CachedDocument.isFresh(this.#resource, now)
          ? Effect.succeed(this.#resource.value)
          : this.#readResource(undefined)
    )
  }

  #readResource(challenge: Challenge | undefined): Effect.Effect<Metadata, Failure> {
    return Effect.flatMap(currentTime, (now) => {
      const { cache, client, limits, server } = this.#options
      const before = this.#resource
      return cache.protectedResource({ client, server, challenge, limits }, before ?? this.#refused).pipe(
        Effect.catchTag(
          "DiscoveryError",
          (error) => before === undefined ? Effect.fail(error) : Effect.succeed(CachedDocument.extended(before, now))
        ),
        Effect.flatMap((found) =>
          Either.match(found.value, {
            onLeft: () => Effect.succeed(this.#rememberNone(found, before, now)),
            onRight: (metadata) => this.#rememberListed(found, metadata)
          })
        )
      )
    })
  }

  /** Metadata that was found before stays in use if no address has any now. */
  #rememberNone(
    found: CachedDocument.CachedDocument<Metadata>,
    before: CachedDocument.CachedDocument<Metadata> | undefined,
    now: number
  ): Metadata {
    this.#resource = before !== undefined && Either.isRight(before.value)
      ? CachedDocument.extended(before, now)
      : found
    return this.#resource.value
  }

  #rememberListed(
    found: CachedDocument.CachedDocument<Metadata>,
    metadata: ProtectedResource.ProtectedResource
  ): Effect.Effect<Metadata, IssuerMismatch> {
    if (ProtectedResource.lists(metadata, this.#options.issuer)) {
      this.#resource = found
      return Effect.succeed(found.value)
    }
    this.#resource = undefined
    this.#refused = found
    return new IssuerMismatch({
      reason: "NotListed",
      expected: this.#options.issuer,
      actual: metadata.authorizationServers,
      url: metadata.url
    })
  }
}
