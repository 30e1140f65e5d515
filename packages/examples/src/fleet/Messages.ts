/**
 * The messages between `pnpm demo:fleet` and its workers: settings go to a worker once, counts come back from then on.
 */
import * as Schema from "effect/Schema"

export const Settings = Schema.Struct({
  name: Schema.String,
  fibers: Schema.Number,
  /** Time between two calls of a fiber, in milliseconds. */
  pause: Schema.Number,
  /** How long a lease lasts, in milliseconds. */
  leaseDuration: Schema.Number,
  serverUrl: Schema.String,
  issuer: Schema.String,
  clientId: Schema.String,
  clientSecret: Schema.String,
  encryptionKey: Schema.String,
  storage: Schema.Union(
    Schema.TaggedStruct("memory", {}),
    Schema.TaggedStruct("file", { directory: Schema.String }),
    Schema.TaggedStruct("redis", { url: Schema.String })
  )
})
export type Settings = typeof Settings.Type

/** The counts of a worker since it started. */
export const Counts = Schema.Struct({
  calls: Schema.Number,
  failed: Schema.Number,
  /** The message of the last failed call. Empty if none failed. */
  failure: Schema.String,
  /** Duration of the slowest call, in milliseconds. */
  slowest: Schema.Number,
  /** Tokens that the worker requested. */
  obtained: Schema.Number,
  /** Tokens that another worker had requested. */
  loaded: Schema.Number,
  storageFailures: Schema.Number,
  /** The message of the last failure of the storage. Empty if there was none. */
  storageFailure: Schema.String
})
export type Counts = typeof Counts.Type

export const none: Counts = {
  calls: 0,
  failed: 0,
  failure: "",
  slowest: 0,
  obtained: 0,
  loaded: 0,
  storageFailures: 0,
  storageFailure: ""
}
