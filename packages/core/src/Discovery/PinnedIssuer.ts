import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as CachedDocument from "../CachedDocument.ts"
import type { Challenge } from "../Challenge.ts"
import { IssuerMismatch } from "../OAuthError.ts"
import { isSameIssuer } from "../internal/text/issuer.ts"
import * as ProtectedResource from "../ProtectedResource.ts"
import { AuthorizationServerMemory, currentTime } from "./AuthorizationServerMemory.ts"
import type { Discovered, Discovery, Failure, Options } from "./Contract.ts"
import { type Recalled, Recollection } from "./Recollection.ts"

/**
 * Discovery for an issuer that the caller pinned. The two documents do not depend on each other, so they are read at
 * once. The server's metadata must list the issuer, if there is any.
 *
 * @internal
 */
export class PinnedIssuer implements Discovery {
  readonly #options: Options
  readonly #authorizationServer: AuthorizationServerMemory
  readonly #recollection: Recollection
  #resource: CachedDocument.CachedDocument<ProtectedResource.SearchResult> | undefined
  /** The last metadata that did not list the issuer. The cache must not answer with it again. */
  #refused: CachedDocument.CachedDocument<ProtectedResource.SearchResult> | undefined

  constructor(options: Options) {
    this.#options = options
    this.#authorizationServer = new AuthorizationServerMemory(options)
    this.#recollection = new Recollection(options)
  }

  readonly get: Effect.Effect<Discovered, Failure> = Effect.suspend(() => this.#find(this.#getResource()))

  readonly reread: Discovery["reread"] = (challenge) => this.#find(this.#readResource(challenge))

  get forgetAuthorizationServer(): Effect.Effect<void> {
    this.#recollection.doubt("authorizationServer")
    return this.#authorizationServer.doubt
  }

  #find(resource: Effect.Effect<ProtectedResource.SearchResult, Failure>): Effect.Effect<Discovered, Failure> {
    const found = Effect.zipWith(
      resource,
      Effect.suspend(() => this.#authorizationServer.get(this.#options.issuer, undefined)),
      (resource, authorizationServer) => {
        this.#recollection.keep({
          issuer: authorizationServer.issuer,
          resource: this.#resource,
          challenge: undefined,
          authorizationServer: this.#authorizationServer.document
        })
        return { authorizationServer, protectedResource: Either.getOrUndefined(resource), challenge: undefined }
      },
      { concurrent: true }
    )
    return this.#recollection.before((recalled) => this.#recall(recalled), found)
  }

  #recall({ authorizationServer, issuer, resource }: Recalled): void {
    if (!isSameIssuer(issuer, this.#options.issuer)) return
    this.#authorizationServer.recall(authorizationServer)
    const value = resource?.document.value
    const isConfirmed = value !== undefined &&
      (Either.isLeft(value) || ProtectedResource.lists(value.right, this.#options.issuer))
    if (isConfirmed) this.#resource ??= resource?.document
  }

  #getResource(): Effect.Effect<ProtectedResource.SearchResult, Failure> {
    return Effect.flatMap(
      currentTime,
      (now) =>
        this.#resource !== undefined && CachedDocument.isFresh(this.#resource, now)
          ? Effect.succeed(this.#resource.value)
          : this.#readResource(undefined)
    )
  }

  #readResource(challenge: Challenge | undefined): Effect.Effect<ProtectedResource.SearchResult, Failure> {
    return Effect.flatMap(currentTime, (now) => {
      const { cache, client, limits, server } = this.#options
      const before = this.#resource
      return cache.protectedResource({ client, server, challenge, limits }, before ?? this.#refused).pipe(
        Effect.catchTag(
          "DiscoveryError",
          (error) => before === undefined ? Effect.fail(error) : Effect.succeed(CachedDocument.extended(before, now))
        ),
        Effect.flatMap((found) => {
          if (Either.isLeft(found.value)) {
            // Metadata that was found before stays in use if no address has any now.
            const isKnown = before !== undefined && Either.isRight(before.value)
            this.#resource = isKnown ? CachedDocument.extended(before, now) : found
            return Effect.succeed(this.#resource.value)
          }
          const metadata = found.value.right
          if (ProtectedResource.lists(metadata, this.#options.issuer)) {
            this.#resource = found
            return Effect.succeed(found.value)
          }
          this.#resource = undefined
          this.#refused = found
          this.#recollection.doubt("protectedResource")
          return new IssuerMismatch({
            reason: "NotListed",
            expected: this.#options.issuer,
            actual: metadata.authorizationServers,
            url: metadata.url
          })
        })
      )
    })
  }
}
