/**
 * What the test and its worker processes say to each other: the settings, and then commands and reports.
 */
import * as Schema from "effect/Schema"

export const Settings = Schema.Struct({
  name: Schema.String,
  serverUrl: Schema.String,
  issuer: Schema.String,
  leaseDuration: Schema.Number,
  storage: Schema.Union(
    Schema.TaggedStruct("redis", { url: Schema.String }),
    Schema.TaggedStruct("file", { directory: Schema.String })
  )
})
export type Settings = typeof Settings.Type

/**
 * - `call`: so many fibers ask for the token at once.
 * - `renew`: so many fibers say that the token in hand was rejected.
 * - `stopAtWrite`: from now on, a file is written, and never becomes the record.
 */
export const Command = Schema.Union(
  Schema.TaggedStruct("call", { fibers: Schema.Number }),
  Schema.TaggedStruct("renew", { fibers: Schema.Number }),
  Schema.TaggedStruct("stopAtWrite", {})
)
export type Command = typeof Command.Type

/**
 * - `done`: what came of the fibers of a command: the different tokens, by their fingerprints, and the failures.
 * - `storage`: the worker is about to do this with its storage, or a token is `stored`.
 * - `event`: of the provider.
 */
export const Report = Schema.Union(
  Schema.TaggedStruct("ready", {}),
  Schema.TaggedStruct("done", { tokens: Schema.Array(Schema.String), failures: Schema.Array(Schema.String) }),
  Schema.TaggedStruct("storage", { operation: Schema.Literal("lease", "set", "link", "stored") }),
  Schema.TaggedStruct("event", { tag: Schema.String, description: Schema.String })
)
export type Report = typeof Report.Type
