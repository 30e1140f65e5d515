/**
 * The program of the demo, as its author would write it: it calls an MCP server, and nothing in it knows about tokens.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** A call through the official client failed. */
export class CallFailed extends Data.TaggedError("CallFailed")<{ readonly what: string; readonly cause: unknown }> {
  override get message(): string {
    return `${this.what} failed: ${String(this.cause)}`
  }
}

/** Calls the tools of an MCP server through the official client, which is given a `fetch` that knows about tokens. */
export const connect = Effect.fnUntraced(function*(serverUrl: string, fetch: typeof globalThis.fetch) {
  const client = new Client({ name: "nightly-report", version: "1.0.0" }, { versionNegotiation: { mode: "auto" } })
  const transport = new StreamableHTTPClientTransport(new URL(serverUrl), { fetch })
  yield* Effect.acquireRelease(
    attempt("connect", (signal) => client.connect(transport, { signal })),
    () => Effect.promise(() => client.close())
  )
  return {
    listTools: attempt("tools/list", async (signal) => {
      const { tools } = await client.listTools({}, { signal })
      return tools.map((tool) => tool.name)
    }),
    call: (tool: string): Effect.Effect<string, CallFailed> =>
      attempt(tool, async (signal) => {
        const { content, isError } = await client.callTool({ name: tool, arguments: { day: "today" } }, { signal })
        const text = content.map((part) => part.type === "text" ? part.text : part.type).join(" ")
        if (isError === true) throw new Error(text)
        return text
      })
  }
})

export const Report = Schema.Struct({
  day: Schema.String,
  orders: Schema.Int,
  returns: Schema.Int,
  /** For whom the server takes the caller. */
  reader: Schema.String
})

/** Reads a report with the `HttpClient` of the context, which knows about tokens. */
export const read = Effect.fnUntraced(function*(url: string) {
  const response = yield* HttpClient.get(url)
  return yield* HttpClientResponse.schemaBodyJson(Report)(response)
})

const attempt = <A>(what: string, f: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, CallFailed> =>
  Effect.tryPromise({ try: f, catch: (cause) => new CallFailed({ what, cause }) })
