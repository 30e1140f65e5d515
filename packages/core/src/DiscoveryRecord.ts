/**
 * The record of a discovery in a storage: the issuer that was chosen, and the two metadata documents for as long as
 * they are fresh. With this record, a process that starts again sends its token request immediately, and for 30 days a
 * server cannot name another authorization server unnoticed while no process runs.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { bounded, MAX_TEXT } from "./internal/text/bounds.ts"

/** The longest record, in bytes of its JSON. */
const MAX_SIZE = 64 * 1024

const Text = Schema.String.pipe(Schema.maxLength(MAX_TEXT))

const List = Schema.Array(Schema.String).pipe(Schema.filter((entries) => bounded(entries).length === entries.length))

/**
 * The named fields of a metadata document (RFC 8414 §2, RFC 9728 §2), as the server wrote them.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Metadata = Schema.Record({
  key: Schema.String,
  value: Schema.Union(Text, Schema.Boolean, List, Schema.Record({ key: Schema.String, value: Text }))
})

/**
 * When a document was read and how long it is fresh, in milliseconds since the epoch. A document is used for a day at
 * most, whatever its record says.
 */
const times = { readAt: Schema.Finite, freshUntil: Schema.Finite }

/**
 * @since 0.1.0
 * @category schemas
 */
export const DiscoveryRecord = Schema.Struct({
  /** The issuer to which credentials were sent first, character by character as in its own metadata. */
  issuer: Text,
  /**
   * When the MCP server last named the issuer, in milliseconds since the epoch. From then on, the issuer is valid for
   * 30 days.
   */
  confirmedAt: Schema.Finite,
  /** The metadata of the MCP server (RFC 9728). */
  protectedResource: Schema.optional(Schema.Struct({
    ...times,
    /** The address of the document. */
    url: Text,
    /** `null` if no address had the document. */
    metadata: Schema.NullOr(Metadata),
    /** The challenge that led to the document, if there was one (RFC 9728 §5.1). */
    challenge: Schema.optional(Schema.Struct({
      scope: Schema.optional(Text),
      resourceMetadata: Schema.optional(Text)
    }))
  })),
  /** The metadata of the authorization server (RFC 8414). */
  authorizationServer: Schema.optional(Schema.Struct({
    ...times,
    /** The address of the document. */
    url: Text,
    metadata: Metadata
  }))
}).pipe(Schema.filter((record) => sizeOf(record) <= MAX_SIZE))

/**
 * @since 0.1.0
 * @category models
 */
export type DiscoveryRecord = typeof DiscoveryRecord.Type

/**
 * The bytes of a value as JSON.
 *
 * @internal
 */
export const sizeOf = (record: unknown): number => new TextEncoder().encode(JSON.stringify(record)).length

/**
 * Whether a value is a record within its bounds: 64 KiB in all, 1,000 entries and 16 KiB in each list.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isDiscoveryRecord: (value: unknown) => value is DiscoveryRecord = Schema.is(DiscoveryRecord)

/** How long the chosen issuer is valid after the server last named it, in milliseconds. */
const HOLDS_FOR = Duration.toMillis("30 days")

/** How long a document can be fresh, in milliseconds. */
const FRESH_FOR = Duration.toMillis("1 day")

/**
 * The time from which the record has no use, in milliseconds since the epoch. A storage may remove the record then.
 *
 * @since 0.1.0
 * @category getters
 */
export const usefulUntil = ({ confirmedAt }: DiscoveryRecord): number => confirmedAt + HOLDS_FOR

/**
 * Whether the chosen issuer is still valid. A clock that was set back makes no difference.
 *
 * @param now in milliseconds since the epoch
 *
 * @since 0.1.0
 * @category predicates
 */
export const isCurrent = ({ confirmedAt }: Pick<DiscoveryRecord, "confirmedAt">, now: number): boolean =>
  Math.abs(now - confirmedAt) < HOLDS_FOR

/**
 * The end of the time in which a stored document need not be read again, in milliseconds since the epoch: a day after
 * it was read at the latest.
 *
 * @since 0.1.0
 * @category getters
 */
export const freshUntil = (document: { readonly readAt: number; readonly freshUntil: number }): number =>
  Math.min(document.freshUntil, document.readAt + FRESH_FOR)

/**
 * The record without its documents. A place that others can write to must store nothing else: a document from there
 * could name another token endpoint, to which the secret would then be sent.
 *
 * @since 0.1.0
 * @category getters
 */
export const withoutDocuments = ({ confirmedAt, issuer }: DiscoveryRecord): DiscoveryRecord => ({ issuer, confirmedAt })
