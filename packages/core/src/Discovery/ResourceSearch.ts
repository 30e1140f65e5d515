import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { CachedDocument } from "../CachedDocument.ts"
import type { Challenge } from "../Challenge.ts"
import type { DiscoveryCache } from "../DiscoveryCache.ts"
import { isInterrupted, type Miss } from "../MetadataSearch.ts"
import type { ResourceMismatch } from "../OAuthError.ts"
import { namedPlaces } from "./Place.ts"
import * as ProtectedResource from "../ProtectedResource.ts"
import type { Options } from "./Contract.ts"
import type { ServerAnswer } from "./ServerAnswer.ts"

/**
 * A document in the cache, or the absence of one.
 *
 * @internal
 */
export type Document = CachedDocument<DiscoveryCache.ResourceResult>

/**
 * The metadata of the server.
 *
 * @internal
 */
export interface Found {
  readonly document: Document
  readonly protectedResource: ProtectedResource.ProtectedResource
}

/**
 * One search for the metadata of the server, in steps. No address is asked twice, and each step adds to `misses` what
 * its addresses answered. If the caller gave the address, only that one is asked.
 *
 * @internal
 */
export class ResourceSearch {
  readonly #options: Options
  readonly #deadline: DiscoveryCache.Reader["deadline"]
  readonly #known: Document | undefined
  readonly #asked = new Set<string>()
  #misses: ReadonlyArray<Miss<ResourceMismatch>> = []
  #answer: ServerAnswer | undefined
  #last: Document | undefined

  /** @param known the document that the cache must not answer with again */
  constructor(options: Options, deadline: DiscoveryCache.Reader["deadline"], known: Document | undefined) {
    this.#options = options
    this.#deadline = deadline
    this.#known = known
  }

  /** The addresses without a usable document so far. */
  get misses(): ReadonlyArray<Miss<ResourceMismatch>> {
    return this.#misses
  }

  /** The server's answer to a request without a token, if it was asked. */
  get answer(): ServerAnswer | undefined {
    return this.#answer
  }

  /** The last step's result, if that step found nothing. */
  get last(): Document | undefined {
    return this.#last
  }

  /** Whether an address may have a document, and could not be read. */
  get isInterrupted(): boolean {
    return isInterrupted(this.#misses) || this.#answer?.outage !== undefined
  }

  /** Reads the addresses that challenges name (RFC 9728 §5.1). */
  named(challenges: Iterable<Challenge>): Effect.Effect<Found | undefined> {
    return this.#at(this.#isGiven ? [] : namedPlaces(challenges))
  }

  /** Reads the address that the caller gave, else the well-known address with the server's path. */
  get own(): Effect.Effect<Found | undefined> {
    const { resourceMetadataUrl: url, server } = this.#options
    return this.#at(
      url === undefined
        ? ProtectedResource.wellKnownPlaces(server.url).filter(({ source }) => source === "path")
        : [{ url, source: "option" }]
    )
  }

  /** Reads the well-known address at the root, where the metadata of another server of this origin may be. */
  get root(): Effect.Effect<Found | undefined> {
    const places = ProtectedResource.wellKnownPlaces(this.#options.server.url)
    return this.#at(this.#isGiven ? [] : places.filter(({ source }) => source === "root"))
  }

  /** Requests the server without a token, and reads the addresses that its challenges name. */
  get asked(): Effect.Effect<Found | undefined> {
    if (this.#isGiven) return Effect.succeed(undefined)
    const { cache, client, limits, server } = this.#options
    return Effect.flatMap(cache.serverAnswer({ client, limits, deadline: this.#deadline, server }), (answer) => {
      this.#answer = answer
      return this.named(answer.challenges)
    })
  }

  get #isGiven(): boolean {
    return this.#options.resourceMetadataUrl !== undefined
  }

  #at(all: ReadonlyArray<ProtectedResource.Place>): Effect.Effect<Found | undefined> {
    return Effect.suspend(() => {
      const places = all.filter(({ url }) => !this.#asked.has(url.href))
      if (places.length === 0) return Effect.succeed(undefined)
      for (const { url } of places) this.#asked.add(url.href)
      const { cache, client, limits, resourceMatch: match = "parent", server } = this.#options
      const isAfterOutage = this.isInterrupted
      const reader = { client, limits, deadline: this.#deadline, server, places, match, isAfterOutage }
      return Effect.map(cache.protectedResource(reader, this.#known), (document) => {
        if (Either.isRight(document.value)) return { document, protectedResource: document.value.right }
        this.#last = document
        this.#misses = [...this.#misses, ...document.value.left]
        return undefined
      })
    })
  }
}

/**
 * The result of the first step that finds something.
 *
 * @internal
 */
export const firstOf = (steps: Iterable<Effect.Effect<Found | undefined>>): Effect.Effect<Found | undefined> =>
  Effect.gen(function*() {
    for (const step of steps) {
      const found = yield* step
      if (found !== undefined) return found
    }
    return undefined
  })
