/**
 * From a server's URL to its authorization server, found once and remembered.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as AuthorizationServer from "./AuthorizationServer.ts"
import * as Challenge from "./Challenge.ts"
import type { Limits } from "./internal/exchange.ts"
import {
  DiscoveryError,
  type InsecureEndpoint,
  IssuerMismatch,
  isTransient,
  type ResourceMismatch
} from "./OAuthError.ts"
import * as ProtectedResource from "./ProtectedResource.ts"

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
  /** What is remembered; what is not is looked for first. */
  readonly get: Effect.Effect<Discovered, Failure>
  /**
   * After the server rejected a token that `issuer` had issued: reads its metadata again, where its challenge says, since
   * it may have changed its authorization server. If it cannot be read, what is remembered goes on being used.
   */
  readonly reread: (
    challenge: Challenge.Challenge | undefined,
    issuer: string
  ) => Effect.Effect<Discovered, Failure>
  /** The authorization server's metadata is looked for again the next time. */
  readonly forgetAuthorizationServer: Effect.Effect<void>
}

/**
 * - `issuer`: the one that the caller pinned, or `discover`.
 * - `authorizationServer`: given by the caller, so that nothing is looked for.
 * - `follow`: whether an unpinned server may change its authorization server.
 * - `onChange`: called when it did.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly client: HttpClient.HttpClient
  readonly server: { readonly url: URL; readonly resource: string }
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

const lists = (resource: ProtectedResource.ProtectedResource, issuer: string): boolean =>
  resource.authorizationServers.some((listed) => AuthorizationServer.isSameIssuer(listed, issuer))

/** The two documents do not depend on each other, so they are fetched at once. */
const makePinned = ({ client, issuer, limits, server }: Options): Discovery => {
  let resource: Either.Either<ProtectedResource.ProtectedResource, ReadonlyArray<string>> | undefined
  let authorizationServer: AuthorizationServer.AuthorizationServer | undefined

  const findResource = (challenge: Challenge.Challenge | undefined) =>
    ProtectedResource.discover(client, server, { challenge, limits }).pipe(
      Effect.tap((found) =>
        Either.isRight(found) && !lists(found.right, issuer)
          ? new IssuerMismatch({
            reason: "NotListed",
            expected: issuer,
            actual: found.right.authorizationServers,
            url: found.right.url
          })
          : Effect.void
      ),
      Effect.tap((found) =>
        Effect.sync(() => {
          // Metadata that has gone for a moment is no reason to forget what it said.
          if (Either.isRight(found) || resource === undefined) resource = found
        })
      ),
      // What it said before no longer holds.
      Effect.tapErrorTag("IssuerMismatch", () => Effect.sync(() => resource = undefined))
    )
  const findAuthorizationServer = AuthorizationServer.discover(client, issuer, { limits }).pipe(
    Effect.tap((found) => Effect.sync(() => authorizationServer = found))
  )
  const get: Effect.Effect<Discovered, Failure> = Effect.suspend(() =>
    Effect.all([
      resource === undefined ? findResource(undefined) : Effect.succeed(resource),
      authorizationServer === undefined ? findAuthorizationServer : Effect.succeed(authorizationServer)
    ], { concurrency: 2 })
  ).pipe(
    Effect.map(([resource, authorizationServer]) => ({
      authorizationServer,
      protectedResource: Either.getOrUndefined(resource),
      challenge: undefined
    }))
  )
  return {
    get,
    reread: (challenge) =>
      findResource(challenge).pipe(
        Effect.catchIf((error) => resource !== undefined && isTransient(error), () => Effect.void),
        Effect.zipRight(get)
      ),
    forgetAuthorizationServer: Effect.sync(() => authorizationServer = undefined)
  }
}

interface Resource {
  readonly protectedResource: ProtectedResource.ProtectedResource
  readonly challenge: Challenge.Challenge | undefined
}

/** The server's word decides: its metadata first, and if it publishes none, the challenge to a request without a token. */
const makeUnpinned = ({ client, follow, limits, onChange, server }: Options): Discovery => {
  let discovered: Resource | undefined
  let authorizationServer: AuthorizationServer.AuthorizationServer | undefined
  /** Where credentials have gone so far; another one is a change, even if its metadata was forgotten. */
  let chosen: string | undefined

  const findResource = (given: Challenge.Challenge | undefined) =>
    Effect.gen(function*() {
      let challenge = given
      let found = yield* ProtectedResource.discover(client, server, { challenge, limits })
      if (Either.isLeft(found) && challenge === undefined) {
        challenge = yield* ProtectedResource.probe(client, server, limits)
        const named = challenge !== undefined && Challenge.resourceMetadata(challenge) !== undefined
        if (named) found = yield* ProtectedResource.discover(client, server, { challenge, limits })
      }
      if (Either.isLeft(found)) {
        return yield* new DiscoveryError({
          reason: "NotFound",
          url: server.resource,
          description: `No protected resource metadata for ${server.resource}: ${found.left.join("; ")}. ` +
            `Pin \`issuer\` to the authorization server that issues tokens for it.`
        })
      }
      return { protectedResource: found.right, challenge }
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
      if (authorizationServer === undefined || !stays) {
        authorizationServer = yield* AuthorizationServer.discover(client, issuer, { namedBy: server.url, limits })
        chosen = authorizationServer.issuer
        if (before !== undefined && !stays) yield* onChange(before, chosen)
      }
      return { authorizationServer, protectedResource, challenge }
    })

  /** What led to no authorization server is not remembered: it may be mended. */
  const remember = (find: Effect.Effect<Resource, Failure>): Effect.Effect<Discovered, Failure> =>
    Effect.flatMap(find, (resource) =>
      findAuthorizationServer(resource).pipe(
        Effect.tap(() => Effect.sync(() => discovered = resource))
      )).pipe(
        Effect.tapError((error) =>
          Effect.sync(() => {
            if (!isTransient(error)) discovered = undefined
          })
        )
      )

  return {
    get: Effect.suspend(() =>
      remember(discovered === undefined ? findResource(undefined) : Effect.succeed(discovered))
    ),
    reread: (challenge, issuer) =>
      Effect.suspend(() => {
        chosen ??= issuer
        const before = discovered
        return remember(
          before === undefined
            ? findResource(challenge)
            : Effect.catchTag(
              findResource(challenge ?? before.challenge),
              "DiscoveryError",
              () => Effect.succeed(before)
            )
        )
      }),
    forgetAuthorizationServer: Effect.sync(() => authorizationServer = undefined)
  }
}
