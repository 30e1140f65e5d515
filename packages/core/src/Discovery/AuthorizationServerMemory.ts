import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as AuthorizationServer from "../AuthorizationServer.ts"
import * as CachedDocument from "../CachedDocument.ts"
import type { Failure, Options } from "./Contract.ts"
import { type Deadline, patienceOf } from "./deadline.ts"

/**
 * The authorization server of one provider: remembered until its metadata is stale, or in doubt after a failed token
 * request.
 *
 * @internal
 */
export class AuthorizationServerMemory {
  readonly #options: Options
  #document: CachedDocument.CachedDocument<AuthorizationServer.AuthorizationServer> | undefined
  #inDoubt = false

  constructor(options: Options) {
    this.#options = options
  }

  /** The metadata in use. */
  get document(): CachedDocument.CachedDocument<AuthorizationServer.AuthorizationServer> | undefined {
    return this.#document
  }

  /** Uses metadata that an earlier process has read. */
  restore(document: CachedDocument.CachedDocument<AuthorizationServer.AuthorizationServer> | undefined): void {
    this.#document ??= document
  }

  /** The next `get` reads the metadata again. */
  readonly doubt: Effect.Effect<void> = Effect.sync(() => void (this.#inDoubt = true))

  /**
   * The authorization server of an issuer.
   *
   * @param namedBy the server that named the issuer; `undefined` if the caller did
   */
  get(
    issuer: string,
    namedBy: URL | undefined,
    deadline: Deadline
  ): Effect.Effect<AuthorizationServer.AuthorizationServer, Failure> {
    return Effect.suspend(() => {
      const { authorizationServerMetadataUrl: metadataUrl, cache, client, limits } = this.#options
      const now = deadline.startedAt
      const last = this.#document
      const known = last !== undefined && AuthorizationServer.isSameIssuer(last.value.issuer, issuer) ? last : undefined
      if (known !== undefined && !this.#inDoubt && CachedDocument.isFresh(known, now)) {
        return Effect.succeed(known.value)
      }
      const reading = cache.authorizationServer({ client, issuer, limits, deadline, namedBy, metadataUrl }, known)
      const kept = known && CachedDocument.extended(known, now)
      // A token request waits only for metadata that is not known or may be wrong.
      const inTime = kept === undefined || this.#inDoubt
        ? reading
        : Effect.map(Effect.timeoutOption(reading, patienceOf(this.#options)), Option.getOrElse(() => kept))
      return inTime.pipe(
        Effect.catchTag("DiscoveryError", (error) => {
          // If the token endpoint and the metadata both fail, one request to the authorization server is enough.
          const failsToo = this.#inDoubt
          this.#inDoubt = false
          return kept === undefined || failsToo ? Effect.fail(error) : Effect.succeed(kept)
        }),
        Effect.map((found) => {
          this.#document = found
          this.#inDoubt = false
          return found.value
        })
      )
    })
  }
}
