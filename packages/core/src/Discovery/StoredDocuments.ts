import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { check, parse } from "../authoring/SecureEndpoint.ts"
import * as AuthorizationServer from "../AuthorizationServer.ts"
import * as CachedDocument from "../CachedDocument.ts"
import * as Challenge from "../Challenge.ts"
import * as DiscoveryRecord from "../DiscoveryRecord.ts"
import * as ProtectedResource from "../ProtectedResource.ts"
import type { Options } from "./Contract.ts"
import type { Document } from "./ResourceSearch.ts"

type Record = DiscoveryRecord.DiscoveryRecord
type StoredResource = NonNullable<Record["protectedResource"]>
type StoredServer = NonNullable<Record["authorizationServer"]>

/** The longest stored document and the longest stored issuer, in bytes of JSON: two documents and an issuer fit. */
const MAX_DOCUMENT = 30 * 1024
const MAX_ISSUER = 2 * 1024

/** The stored form of each document, made once for all providers that share it. `undefined` if it cannot be stored. */
interface Made<A> {
  readonly stored: A | undefined
  readonly readAt: number
}
const storedResources = new WeakMap<object, Made<StoredResource> & { readonly challenge: string }>()
const storedServers = new WeakMap<object, Made<StoredServer>>()

const isMetadata = Schema.is(DiscoveryRecord.Metadata)

/** Metadata in memory holds named fields within their bounds, and perhaps `null` or `undefined` in place of some. */
const storable = (metadata: Readonly<{ [name: string]: unknown }>) => {
  const fields = Object.fromEntries(Object.entries(metadata).filter(([, value]) => value != null))
  return isMetadata(fields) ? fields : undefined
}

const unlessTooLong = <A>(document: A, limit = MAX_DOCUMENT): A | undefined =>
  DiscoveryRecord.sizeOf(document) <= limit ? document : undefined

const storedChallenge = (challenge: Challenge.Challenge | undefined): StoredResource["challenge"] =>
  challenge && {
    scope: challenge.parameters.get("scope"),
    resourceMetadata: Challenge.resourceMetadata(challenge)
  }

/** The time of the first reading, because the document may have been extended later. */
const storeResource = (
  { freshUntil, readAt, value }: Document,
  challenge: Challenge.Challenge | undefined
): Made<StoredResource> => {
  const cause = storedChallenge(challenge)
  const text = JSON.stringify(cause) ?? ""
  const known = storedResources.get(value)
  if (known?.challenge === text) return known
  const metadata = Either.isLeft(value) ? null : storable(value.right.metadata)
  const url = Either.isLeft(value) ? "" : value.right.url
  const stored = metadata === undefined
    ? undefined
    : unlessTooLong({ readAt, freshUntil, url, metadata, challenge: cause })
  const made = { stored, readAt, challenge: text }
  storedResources.set(value, made)
  return made
}

const storeServer = (
  { freshUntil, readAt, value }: CachedDocument.CachedDocument<AuthorizationServer.AuthorizationServer>,
  url: string
): Made<StoredServer> => {
  const known = storedServers.get(value)
  if (known !== undefined) return known
  const metadata = storable(value.metadata)
  const made = { stored: metadata && unlessTooLong({ readAt, freshUntil, url, metadata }), readAt }
  storedServers.set(value, made)
  return made
}

/**
 * The record of a discovery. A document whose fields are too long is left out, and the next process reads that document
 * again. `undefined` if the issuer is too long.
 *
 * @internal
 */
export const toRecord = (
  { authorizationServer, challenge, issuer, resource }: {
    readonly issuer: string
    readonly resource: Document | undefined
    readonly challenge: Challenge.Challenge | undefined
    readonly authorizationServer: CachedDocument.CachedDocument<AuthorizationServer.AuthorizationServer> | undefined
  },
  options: Pick<Options, "authorizationServerMetadataUrl">
): Record | undefined => {
  if (unlessTooLong(issuer, MAX_ISSUER) === undefined) return undefined
  const server = authorizationServer && storeServer(authorizationServer, givenUrl(options))
  const named = resource && storeResource(resource, challenge)
  return {
    issuer,
    confirmedAt: named?.readAt ?? server?.readAt ?? 0,
    protectedResource: named?.stored,
    authorizationServer: server?.stored
  }
}

/** The address of the authorization server's metadata that the caller gave. Empty if it is a well-known one. */
const givenUrl = ({ authorizationServerMetadataUrl: url }: Pick<Options, "authorizationServerMetadataUrl">): string =>
  url?.href ?? ""

/**
 * The server's metadata of the record and the challenge that led to it, if they pass every check of metadata that was
 * just read.
 *
 * @internal
 */
export const resourceOf = ({ protectedResource: stored }: Record, options: Options, now: number): {
  readonly document: Document
  readonly challenge: Challenge.Challenge | undefined
} | undefined => {
  if (stored === undefined) return undefined
  const freshUntil = DiscoveryRecord.freshUntil(stored)
  if (!CachedDocument.isFresh({ ...stored, value: undefined, freshUntil }, now)) return undefined
  const value = resultOf(stored, options)
  if (value === undefined) return undefined
  const challenge = stored.challenge && challengeOf(stored.challenge)
  const text = JSON.stringify(storedChallenge(challenge)) ?? ""
  storedResources.set(value, { stored, readAt: stored.readAt, challenge: text })
  return { document: { value, readAt: stored.readAt, freshUntil }, challenge }
}

const resultOf = ({ metadata, url }: StoredResource, options: Options): Document["value"] | undefined => {
  if (metadata === null) return Either.left([])
  const { resourceMatch, server } = options
  const decoded = Schema.decodeUnknownOption(ProtectedResource.Metadata)(metadata)
  if (!isAllowed(url, options) || Option.isNone(decoded)) return undefined
  const document = decoded.value
  if (!ProtectedResource.covers(document.resource, server.url, resourceMatch)) return undefined
  return Either.right(ProtectedResource.fromMetadata(document, url))
}

/** If the caller gives the address of the metadata, no other address is right. */
const isAllowed = (url: string, { limits, resourceMetadataUrl, server }: Options): boolean => {
  if (resourceMetadataUrl !== undefined) return url === resourceMetadataUrl.href
  const address = parse(url)
  return address !== undefined && Either.isRight(check(address, "protected resource metadata", server.url, limits))
}

const challengeOf = ({ resourceMetadata, scope }: NonNullable<StoredResource["challenge"]>): Challenge.Challenge => ({
  scheme: "bearer",
  token68: undefined,
  parameters: new Map([
    ...(scope === undefined ? [] : [["scope", scope] as const]),
    ...(resourceMetadata === undefined ? [] : [["resource_metadata", resourceMetadata] as const])
  ])
})

/**
 * The authorization server of the record, if its metadata passes every check of metadata that was just read.
 *
 * @param namedBy the server that named the issuer; `undefined` if the caller did
 *
 * @internal
 */
export const authorizationServerOf = (
  { authorizationServer: stored, issuer }: Record,
  options: Options,
  namedBy: URL | undefined,
  now: number
): CachedDocument.CachedDocument<AuthorizationServer.AuthorizationServer> | undefined => {
  if (stored === undefined || stored.url !== givenUrl(options)) return undefined
  const freshUntil = DiscoveryRecord.freshUntil(stored)
  if (!CachedDocument.isFresh({ ...stored, value: undefined, freshUntil }, now)) return undefined
  const checked = AuthorizationServer.checkIssuer(issuer, namedBy, options.limits)
  const metadata = Schema.decodeUnknownOption(AuthorizationServer.Metadata)(stored.metadata)
  if (Either.isLeft(checked) || Option.isNone(metadata)) return undefined
  const value = AuthorizationServer.fromMetadata(metadata.value, issuer, issuer, options.limits)
  if (Either.isLeft(value)) return undefined
  storedServers.set(value.right, { stored, readAt: stored.readAt })
  return { value: value.right, readAt: stored.readAt, freshUntil }
}
