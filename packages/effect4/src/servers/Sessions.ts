/**
 * The tools `report` and `follow` by the official SDK 1, which serves the protocol 2025-11-25 in sessions. In the middle of
 * `follow`, the server sends the client a ping and waits for its answer, which is a request of its own.
 */
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js"
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js"
import { EmptyResultSchema } from "@modelcontextprotocol/sdk/types.js"
import { randomUUID } from "node:crypto"
import { z } from "zod"
import * as Follow from "./follow.ts"
import type { Mcp } from "./Stateless.ts"

export const make = (gates: Follow.Gates): Mcp => {
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>()

  const open = async () => {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id)
    })
    await makeSession(gates).connect(transport)
    return transport
  }

  return {
    serve: async (request, options) => {
      const id = request.headers.get("mcp-session-id")
      const transport = id === null ? await open() : sessions.get(id)
      return transport?.handleRequest(request, options) ?? new Response("No such session\n", { status: 404 })
    },
    close: async () => {
      const open = [...sessions.values()]
      sessions.clear()
      await Promise.all(open.map((transport) => transport.close()))
    }
  }
}

const makeSession = (gates: Follow.Gates): McpServer => {
  const sdk = new McpServer({ name: "reports", version: "1.0.0" })
  sdk.registerTool("report", { inputSchema: { day: z.string() } }, ({ day }) => ({
    content: [{ type: "text", text: JSON.stringify({ day, orders: 1_204, returns: 17 }) }]
  }))
  sdk.registerTool(Follow.name, { description: Follow.description }, async ({ authInfo, sendRequest, signal }) => {
    const text = await Follow.follow(gates, authInfo?.expiresAt, signal)
    await sendRequest({ method: "ping" }, EmptyResultSchema)
    return { content: [{ type: "text", text }] }
  })
  return sdk
}
