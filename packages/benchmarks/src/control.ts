/**
 * The messages between the benchmark and the process with the servers, over the IPC channel of `fork`.
 */
import * as Schema from "effect/Schema"

/** How the servers behave until the next reset. */
export const Settings = Schema.Struct({
  /** Delay before every answer, by either server, in milliseconds. */
  hopMillis: Schema.Number,
  /** Delay of the token endpoint on top of that. */
  tokenMillis: Schema.Number,
  /** Lifetime of the tokens that are issued; `expires_in` is this in seconds. */
  tokenLifetimeMillis: Schema.Number
})
export type Settings = typeof Settings.Type

export const defaults: Settings = { hopMillis: 0, tokenMillis: 0, tokenLifetimeMillis: 3_600_000 }

/** Counts of requests, by kind and outcome. A request is counted when it arrives. */
export const Counters = Schema.Struct({
  /** Requests at the token endpoint. */
  token: Schema.Number,
  /** RFC 9728 documents served. */
  resourceMetadata: Schema.Number,
  /** RFC 8414 or OpenID discovery documents served. */
  serverMetadata: Schema.Number,
  /** Calls of the protected resource that were answered with 200. */
  calls: Schema.Number,
  unauthorized: Schema.Number,
  forbidden: Schema.Number,
  /** Requests to addresses that the servers do not serve. */
  notFound: Schema.Number,
  /** Connections to the authorization server that were reset while it was down. */
  refused: Schema.Number
})
export type Counters = typeof Counters.Type

/** One request as the servers recorded it. Times are in milliseconds since the reset. */
export const LogEntry = Schema.Struct({
  endpoint: Schema.String,
  status: Schema.Number,
  from: Schema.Number,
  to: Schema.Number
})
export type LogEntry = typeof LogEntry.Type

export const Command = Schema.Union(
  /** Clear tokens, counters and log, and use these settings. */
  Schema.TaggedStruct("Reset", { settings: Settings }),
  /** Issue a token without a request, for clients whose header is set by hand. */
  Schema.TaggedStruct("Issue", {}),
  Schema.TaggedStruct("RevokeAll", {}),
  /** Connections to the authorization server are reset while it is down; the resource stays up. */
  Schema.TaggedStruct("SetDown", { down: Schema.Boolean }),
  Schema.TaggedStruct("Look", {})
)
export type Command = typeof Command.Type

export const Envelope = Schema.Struct({ id: Schema.Number, command: Command })

/** The answer to every command. */
export const State = Schema.Struct({
  /** URL of the protected MCP server. */
  resource: Schema.String,
  issuer: Schema.String,
  /** The token of `Issue`, otherwise empty. */
  token: Schema.String,
  counters: Counters,
  /** The first requests since the reset, in order of arrival. */
  log: Schema.Array(LogEntry),
  /** When connections were reset while the authorization server was down, in milliseconds since the reset. */
  refusedAt: Schema.Array(Schema.Number)
})
export type State = typeof State.Type

export const Answer = Schema.Struct({ id: Schema.Number, state: State })

/**
 * The only client of the authorization server. Letters only, since the libraries encode other characters differently.
 */
export const credentials = { clientId: "bench", clientSecret: "secret", scope: "bench:call" } as const
