/**
 * What `pnpm demo:fleet` and its workers say to each other.
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

/**
 * - `counts`: so far, since the worker began.
 * - `renewing`: the worker is about to ask for a token.
 */
export const Report = Schema.Union(
  Schema.TaggedStruct("counts", {
    calls: Schema.Number,
    failed: Schema.Number,
    /** What the last one that failed came to; none: empty. */
    failure: Schema.String,
    /** Milliseconds. */
    slowest: Schema.Number,
    /** Tokens that it asked for, and tokens that another had asked for. */
    obtained: Schema.Number,
    loaded: Schema.Number,
    storageFailures: Schema.Number
  }),
  Schema.TaggedStruct("renewing", {})
)
export type Report = typeof Report.Type
export type Counts = Extract<Report, { readonly _tag: "counts" }>
