/**
 * From a server's URL to its authorization server, found once and remembered for as long as it is fresh.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as AuthorizationServer from "./AuthorizationServer.ts"
import * as Challenge from "./Challenge.ts"
import type * as DiscoveryCache from "./DiscoveryCache.ts"
import type { Limits } from "./authoring/HttpExchange.ts"
import { isFresh } from "./internal/http/sharedDocuments.ts"
import {
  DiscoveryError,
  type InsecureEndpoint,
  IssuerMismatch,
  isTransient,
  type ResourceMismatch
} from "./OAuthError.ts"
import type * as ProtectedResource from "./ProtectedResource.ts"
import type { ResourceIdentifier } from "./ResourceIdentifier.ts"

/**
 * What a token request needs to know. `protectedResource` is `undefined` where the server publishes nothing and the
 * issuer is pinned, `challenge` where the server was not asked.
 *
 * @since 0.1.0
 * @category models
 */
export interface Discovered {
  readonly authorizationServer: AuthorizationServer.AuthorizationServer
  readonly protectedResource: ProtectedResource.ProtectedResource | undefined
  readonly challenge: Challenge.Challenge | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export type Failure = DiscoveryError | InsecureEndpoint | IssuerMismatch | ResourceMismatch

/**
 * @since 0.1.0
 * @category models
 */
export interface Discovery {
  /** What is remembered; what is not, or is stale, is looked for first. What is stale goes on being used if need be. */
  readonly get: Effect.Effect<Discovered, Failure>
  /**
   * After the server rejected a token that `issuer` had issued: reads its metadata again, where its challenge says, since
   * it may have changed its authorization server. If it cannot be read, what is remembered goes on being used.
   */
  readonly reread: (
    challenge: Challenge.Challenge | undefined,
    issuer: string
  ) => Effect.Effect<Discovered, Failure>
  /** The authorization server's metadata is looked for again the next time, and used if it can be read. */
  readonly forgetAuthorizationServer: Effect.Effect<void>
}

/**
 * - `cache`: where documents are looked for.
 * - `issuer`: the one that the caller pinned, or `discover`.
 * - `authorizationServer`: given by the caller, so that nothing is looked for.
 * - `follow`: whether an unpinned server may change its authorization server.
 * - `onChange`: called when it did.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly cache: DiscoveryCache.DiscoveryCache.Service
  readonly client: HttpClient.HttpClient
  readonly server: ResourceIdentifier
  readonly issuer: string
  readonly authorizationServer?: AuthorizationServer.AuthorizationServer | undefined
  readonly follow: boolean
  readonly onChange: (from: string, to: string) => Effect.Effect<void>
  readonly limits: Limits
}

/**
 * A discovery is used by one flight at a time.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Discovery => {
  if (options.authorizationServer !== undefined) {
    const given: Discovered = {
      authorizationServer: options.authorizationServer,
      protectedResource: undefined,
      challenge: undefined
    }
    return {
      get: Effect.succeed(given),
      reread: () => Effect.succeed(given),
      forgetAuthorizationServer: Effect.void
    }
  }
  return options.issuer === "discover" ? makeUnpinned(options) : makePinned(options)
}

type Document<A> = DiscoveryCache.DiscoveryCache.Document<A>

const lists = (resource: ProtectedResource.ProtectedResource, issuer: string): boolean =>
  resource.authorizationServers.some((listed) => AuthorizationServer.isSameIssuer(listed, issuer))

/** In milliseconds: what could not be read again is not tried before. */
const RETRY = 60_000

/** Goes on being used, since nothing better is to be had. */
const kept = <A>({ value }: Document<A>, now: number): Document<A> => ({ value, readAt: now, freshUntil: now + RETRY })

const currentTime = Effect.clockWith((clock) => Effect.sync(() => clock.unsafeCurrentTimeMillis()))

/** Once it is stale or there seems to be something wrong with it, the next token request looks for another. */
const makeAuthorizationServer = ({ cache, client, limits }: Options) => {
  let document: Document<AuthorizationServer.AuthorizationServer> | undefined
  let suspect = false

  const get = (
    issuer: string,
    namedBy: URL | undefined
  ): Effect.Effect<AuthorizationServer.AuthorizationServer, Failure> =>
    Effect.flatMap(currentTime, (now) => {
      const known = document !== undefined && AuthorizationServer.isSameIssuer(document.value.issuer, issuer)
        ? document
        : undefined
      if (known !== undefined && !suspect && isFresh(known, now)) return Effect.succeed(known.value)
      return cache.authorizationServer({ client, issuer, limits, namedBy }, known).pipe(
        Effect.catchTag("DiscoveryError", (error) => {
          // Where both are away, to ask the one and then the other is one request too many.
          const both = suspect
          suspect = false
          return known === undefined || both ? Effect.fail(error) : Effect.succeed(kept(known, now))
        }),
        Effect.map((found) => {
          document = found
          suspect = false
          return found.value
        })
      )
    })
  return { get, forget: Effect.sync(() => void (suspect = true)) }
}

type MaybeResource = Either.Either<ProtectedResource.ProtectedResource, ReadonlyArray<string>>

/** The two documents do not depend on each other, so they are fetched at once. */
const makePinned = (options: Options): Discovery => {
  const { cache, client, issuer, limits, server } = options
  const authorizationServer = makeAuthorizationServer(options)
  let resource: Document<MaybeResource> | undefined
  /** The last one that did not list the issuer, in case it is mended. */
  let refused: Document<MaybeResource> | undefined

  const findResource = (challenge: Challenge.Challenge | undefined): Effect.Effect<MaybeResource, Failure> =>
    Effect.flatMap(currentTime, (now) => {
      const before = resource
      return cache.protectedResource({ client, server, challenge, limits }, before ?? refused).pipe(
        Effect.catchTag(
          "DiscoveryError",
          (error) => before === undefined ? Effect.fail(error) : Effect.succeed(kept(before, now))
        ),
        Effect.flatMap((found) => {
          if (Either.isLeft(found.value)) {
            // Metadata that has gone for a moment is no reason to forget what it said.
            resource = before !== undefined && Either.isRight(before.value) ? kept(before, now) : found
            return Effect.succeed(resource.value)
          }
          const { right } = found.value
          if (!lists(right, issuer)) {
            // What it said before no longer holds.
            resource = undefined
            refused = found
            return new IssuerMismatch({
              reason: "NotListed",
              expected: issuer,
              actual: right.authorizationServers,
              url: right.url
            })
          }
          resource = found
          return Effect.succeed(resource.value)
        })
      )
    })

  const getResource = () =>
    Effect.flatMap(
      currentTime,
      (now) =>
        resource !== undefined && isFresh(resource, now) ? Effect.succeed(resource.value) : findResource(undefined)
    )
  const find = (resource: Effect.Effect<MaybeResource, Failure>): Effect.Effect<Discovered, Failure> =>
    Effect.zipWith(
      resource,
      authorizationServer.get(issuer, undefined),
      (resource, authorizationServer) => ({
        authorizationServer,
        protectedResource: Either.getOrUndefined(resource),
        challenge: undefined
      }),
      { concurrent: true }
    )
  return {
    get: Effect.suspend(() => find(getResource())),
    reread: (challenge) => find(findResource(challenge)),
    forgetAuthorizationServer: authorizationServer.forget
  }
}

interface Resource {
  readonly document: Document<MaybeResource>
  readonly protectedResource: ProtectedResource.ProtectedResource
  readonly challenge: Challenge.Challenge | undefined
}

/** The server's word decides: its metadata first, and if it publishes none, the challenge to a request without a token. */
const makeUnpinned = (options: Options): Discovery => {
  const { cache, client, follow, limits, onChange, server } = options
  const authorizationServer = makeAuthorizationServer(options)
  let discovered: Resource | undefined
  /** The last one that led to no authorization server, in case it is mended. */
  let refused: Document<MaybeResource> | undefined
  /** Where credentials have gone so far; another one is a change, even if its metadata was forgotten. */
  let chosen: string | undefined

  const findResource = (given: Challenge.Challenge | undefined): Effect.Effect<Resource, Failure> =>
    Effect.gen(function*() {
      let challenge = given
      let document = yield* cache.protectedResource(
        { client, server, challenge, limits },
        discovered?.document ?? refused
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

  const findAuthorizationServer = ({ challenge, protectedResource }: Resource): Effect.Effect<Discovered, Failure> =>
    Effect.gen(function*() {
      const before = chosen
      const stays = before !== undefined && lists(protectedResource, before)
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
      const found = yield* authorizationServer.get(issuer, server.url)
      chosen = found.issuer
      if (before !== undefined && !stays) yield* onChange(before, chosen)
      return { authorizationServer: found, protectedResource, challenge }
    })

  /** What led to no authorization server is not remembered: it may be mended. */
  const remember = (find: Effect.Effect<Resource, Failure>): Effect.Effect<Discovered, Failure> =>
    Effect.flatMap(find, (resource) =>
      findAuthorizationServer(resource).pipe(
        Effect.tap(() => Effect.sync(() => discovered = resource)),
        Effect.tapError(() => Effect.sync(() => refused = resource.document))
      )).pipe(
        Effect.tapError((error) =>
          Effect.sync(() => {
            if (!isTransient(error)) discovered = undefined
          })
        )
      )

  /** Looks again, and if that leads nowhere, goes on with what is known. */
  const findAgain = (before: Resource, challenge: Challenge.Challenge | undefined) =>
    Effect.catchTag(
      findResource(challenge ?? before.challenge),
      "DiscoveryError",
      () => Effect.map(currentTime, (now): Resource => ({ ...before, document: kept(before.document, now) }))
    )

  return {
    get: Effect.flatMap(currentTime, (now) => {
      const before = discovered
      if (before === undefined) return remember(findResource(undefined))
      return remember(isFresh(before.document, now) ? Effect.succeed(before) : findAgain(before, undefined))
    }),
    reread: (challenge, issuer) =>
      Effect.suspend(() => {
        chosen ??= issuer
        const before = discovered
        return remember(before === undefined ? findResource(challenge) : findAgain(before, challenge))
      }),
    forgetAuthorizationServer: authorizationServer.forget
  }
}
