/**
 * What `pnpm demo:fleet` and its workers say to each other: the settings once, and from then on the counts.
 */
import * as Schema from "effect/Schema"

export const Settings = Schema.Struct({
  name: Schema.String,
  fibers: Schema.Number,
  /** Milliseconds between two calls of a fiber. */
  pause: Schema.Number,
  /** Milliseconds. */
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

/** So far, since the worker began. */
export const Counts = Schema.Struct({
  calls: Schema.Number,
  failed: Schema.Number,
  /** What the last one that failed came to; none: empty. */
  failure: Schema.String,
  /** Milliseconds. */
  slowest: Schema.Number,
  /** Tokens that it asked for, and tokens that another had asked for. */
  obtained: Schema.Number,
  loaded: Schema.Number,
  storageFailures: Schema.Number,
  /** What the last of them was; none: empty. */
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
