/**
 * The tools of the reports server, and `follow`, by the official SDK 2: the protocols 2025-11-25, without sessions, and
 * 2026-07-28. Every answer is an event stream.
 */
import { makeSession } from "@effect-mcp-auth/examples/servers/McpServer"
import type { McpHttpHandler } from "@modelcontextprotocol/server"
import { createMcpHandler } from "@modelcontextprotocol/server"
import * as Follow from "./follow.ts"

/** An MCP implementation behind the check of tokens. */
export interface Mcp {
  readonly serve: McpHttpHandler["fetch"]
  /** Ends what is open: requests in flight, and sessions. */
  readonly close: () => Promise<void>
}

export const make = (gates: Follow.Gates): Mcp => {
  const { close, fetch } = createMcpHandler(() => {
    const sdk = makeSession()
    sdk.server.registerCapabilities({ logging: {} })
    sdk.registerTool(Follow.name, { description: Follow.description }, async ({ http, mcpReq }) => {
      await mcpReq.notify({ method: "notifications/message", params: { level: "info", data: "following" } })
      const text = await Follow.follow(gates, http?.authInfo?.expiresAt, mcpReq.signal)
      return { content: [{ type: "text", text }] }
    })
    return sdk
  }, { responseMode: "sse" })
  return { serve: fetch, close }
}
