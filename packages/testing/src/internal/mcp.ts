/**
 * The part of MCP that a test of authorization needs: JSON-RPC over POST, in the protocols with sessions and in
 * 2026-07-28, and an SSE stream.
 *
 * @internal
 */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
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
  const requested = namedVersion(params)
  const { status, ...outcome } = requested === undefined
    ? sessionAnswer(method, params, decoded)
    : requested === statelessVersion
    ? statelessAnswer(method, params, decoded)
    : { status: 400, error: unsupportedVersion(requested) }
  return jsonResponse({ jsonrpc: "2.0", id, ...outcome }, { status })
}

type Outcome = { readonly result: JsonObject } | {
  readonly error: { readonly code: number; readonly message: string; readonly data?: JsonObject }
}

type Method = (params: JsonObject, decoded: Decoded) => Outcome

/** The protocol without sessions: each request names the version and the client in its `_meta`. */
const statelessVersion = "2026-07-28"

const versionKey = "io.modelcontextprotocol/protocolVersion"

const namedVersion = ({ _meta }: JsonObject): unknown =>
  Predicate.hasProperty(_meta, versionKey) ? _meta[versionKey] : undefined

const unsupportedVersion = (requested: unknown) => ({
  code: -32022,
  message: `Unsupported protocol version: ${String(requested)}`,
  data: { supported: [statelessVersion], requested }
})

const methodNotFound = (method: string) => ({ code: -32601, message: `Method not found: ${method}` })

const find = (methods: Readonly<Record<string, Method>>, method: string): Method | undefined =>
  Object.hasOwn(methods, method) ? methods[method] : undefined

const sessionAnswer = (method: string, params: JsonObject, decoded: Decoded) => ({
  status: 200,
  ...find(sessionMethods, method)?.(params, decoded) ?? { error: methodNotFound(method) }
})

const statelessAnswer = (method: string, params: JsonObject, decoded: Decoded) => {
  const outcome = find(statelessMethods, method)?.(params, decoded)
  if (outcome === undefined) return { status: 404, error: methodNotFound(method) }
  if ("error" in outcome) return { status: 200, ...outcome }
  const _meta = { "io.modelcontextprotocol/serverInfo": serverInfo }
  return { status: 200, result: { ...outcome.result, resultType: "complete", _meta } }
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

const serverInfo = { name: "test-mcp-server", version: "0.1.0" }

const capabilities = { tools: {} }

const listedTools = Object.entries(tools).map(([name, { description }]) => ({
  name,
  description,
  inputSchema: { type: "object", properties: { message: { type: "string" } } }
}))

const callTool: Method = (_, decoded) => {
  const call = toolCall(decoded)
  return call === undefined
    ? { error: { code: -32602, message: "Unknown tool" } }
    : { result: { content: [{ type: "text", text: tools[call.tool]?.call(call.arguments) }] } }
}

const sessionVersions = ["2025-11-25", "2025-06-18", "2025-03-26"]

const sessionMethods: Readonly<Record<string, Method>> = {
  initialize: ({ protocolVersion }) => ({
    result: {
      protocolVersion: sessionVersions.find((version) => version === protocolVersion) ?? "2025-11-25",
      capabilities,
      serverInfo
    }
  }),
  ping: () => ({ result: {} }),
  "tools/list": () => ({ result: { tools: listedTools } }),
  "tools/call": callTool
}

/** No client may keep these results for another one. */
const notCached = { ttlMs: 0, cacheScope: "private" }

const statelessMethods: Readonly<Record<string, Method>> = {
  "server/discover": () => ({ result: { supportedVersions: [statelessVersion], capabilities, ...notCached } }),
  "tools/list": () => ({ result: { tools: listedTools, ...notCached } }),
  "tools/call": callTool
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
