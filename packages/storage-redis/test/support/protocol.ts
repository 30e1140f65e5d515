/**
 * The messages between a test and its worker processes: the settings first, then commands and reports.
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
 * - `renew`: so many fibers report at once that their token was rejected.
 * - `stopAtWrite`: from now on the worker stops before a file that it has written becomes the record.
 */
export const Command = Schema.Union(
  Schema.TaggedStruct("call", { fibers: Schema.Number }),
  Schema.TaggedStruct("renew", { fibers: Schema.Number }),
  Schema.TaggedStruct("stopAtWrite", {})
)
export type Command = typeof Command.Type

/**
 * - `done`: the fibers of a command have ended, with these different tokens (as fingerprints) and these failures.
 * - `storage`: the worker is about to do this with its storage, or has stored a token (`stored`).
 * - `event`: the provider published an event.
 */
export const Report = Schema.Union(
  Schema.TaggedStruct("ready", {}),
  Schema.TaggedStruct("done", { tokens: Schema.Array(Schema.String), failures: Schema.Array(Schema.String) }),
  Schema.TaggedStruct("storage", { operation: Schema.Literal("lease", "set", "link", "stored") }),
  Schema.TaggedStruct("event", { tag: Schema.String, description: Schema.String })
)
export type Report = typeof Report.Type
