/**
 * The part of MCP that a test of authorization needs: JSON-RPC over POST, and an SSE stream.
 *
 * @internal
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { JsonObject } from "../Answer.ts"
import { jsonResponse } from "./web.ts"

const JsonObjectSchema = Schema.Record({ key: Schema.String, value: Schema.Unknown })

const Message = Schema.Struct({
  jsonrpc: Schema.Literal("2.0"),
  id: Schema.optional(Schema.Union(Schema.String, Schema.Number)),
  method: Schema.String,
  params: Schema.optional(JsonObjectSchema)
})

const ToolParams = Schema.Struct({
  name: Schema.String,
  arguments: Schema.optional(JsonObjectSchema)
})

/** @internal */
export type Message = typeof Message.Type

/** @internal */
export type Decoded = Either.Either<Message, { readonly code: number; readonly message: string }>

/** @internal */
export const decode = (body: string): Decoded =>
  Either.try({ try: (): unknown => JSON.parse(body), catch: () => ({ code: -32700, message: "Parse error" }) }).pipe(
    Either.flatMap((json) =>
      Either.mapLeft(
        Schema.decodeUnknownEither(Message)(json),
        () => ({ code: -32600, message: "Invalid Request" })
      )
    )
  )

/**
 * The call in a `tools/call` request of a tool that exists.
 *
 * @internal
 */
export const toolCall = (decoded: Decoded): { readonly tool: string; readonly arguments: JsonObject } | undefined => {
  if (Either.isLeft(decoded) || decoded.right.method !== "tools/call") {
    return undefined
  }
  const params = Either.getOrUndefined(Schema.decodeUnknownEither(ToolParams)(decoded.right.params))
  return params !== undefined && Object.hasOwn(tools, params.name)
    ? { tool: params.name, arguments: params.arguments ?? {} }
    : undefined
}

/** @internal */
export const answer = (decoded: Decoded): Response => {
  if (Either.isLeft(decoded)) {
    return jsonResponse({ jsonrpc: "2.0", id: null, error: decoded.left }, { status: 400 })
  }
  const { id, method, params = {} } = decoded.right
  if (id === undefined) {
    return new Response(null, { status: 202 })
  }
  const respond = Object.hasOwn(methods, method) ? methods[method] : undefined
  return jsonResponse({
    jsonrpc: "2.0",
    id,
    ...respond === undefined
      ? { error: { code: -32601, message: `Method not found: ${method}` } }
      : respond(params, decoded)
  })
}

const tools: Readonly<Record<string, { readonly description: string; readonly call: (_: JsonObject) => string }>> = {
  echo: {
    description: "Answers with the message it was given",
    call: ({ message }) => typeof message === "string" ? message : JSON.stringify(message ?? null)
  },
  admin: {
    description: "Stands for a tool that needs more than an ordinary scope",
    call: () => "done"
  }
}

const protocolVersions = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"]

const methods: Readonly<Record<string, (params: JsonObject, decoded: Decoded) => JsonObject>> = {
  initialize: ({ protocolVersion }) => ({
    result: {
      protocolVersion: protocolVersions.find((version) => version === protocolVersion) ?? "2025-11-25",
      capabilities: { tools: {} },
      serverInfo: { name: "test-mcp-server", version: "0.1.0" }
    }
  }),
  ping: () => ({ result: {} }),
  "tools/list": () => ({
    result: {
      tools: Object.entries(tools).map(([name, { description }]) => ({
        name,
        description,
        inputSchema: { type: "object", properties: { message: { type: "string" } } }
      }))
    }
  }),
  "tools/call": (_, decoded) => {
    const call = toolCall(decoded)
    return call === undefined
      ? { error: { code: -32602, message: "Unknown tool" } }
      : { result: { content: [{ type: "text", text: tools[call.tool]?.call(call.arguments) }] } }
  }
}

/** @internal */
export const makeStreams = () => {
  const open = new Set<ReadableStreamDefaultController<Uint8Array>>()
  const encoder = new TextEncoder()
  return {
    open: (): Response => {
      let mine: ReadableStreamDefaultController<Uint8Array> | undefined
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          mine = controller
          open.add(controller)
          controller.enqueue(encoder.encode(": open\n\n"))
        },
        cancel() {
          if (mine !== undefined) {
            open.delete(mine)
          }
        }
      })
      return new Response(body, { headers: { "content-type": "text/event-stream", "cache-control": "no-cache" } })
    },
    count: (): number => open.size,
    send: (message: JsonObject): void => {
      for (const stream of open) {
        stream.enqueue(encoder.encode(`data: ${JSON.stringify(message)}\n\n`))
      }
    },
    close: (): void => {
      for (const stream of open) {
        stream.close()
      }
      open.clear()
    }
  }
}
