/**
 * The report that the MCP server serves as plain JSON, behind the same tokens as its tools.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export const Report = Schema.Struct({
  day: Schema.String,
  orders: Schema.Int,
  returns: Schema.Int,
  /** The subject of the token: the client, or the user on whose behalf it reads. */
  reader: Schema.String
})

/** Reads a report with the `HttpClient` of the context. */
export const read = Effect.fnUntraced(function*(url: string) {
  const response = yield* HttpClient.get(url)
  return yield* HttpClientResponse.schemaBodyJson(Report)(response)
})
