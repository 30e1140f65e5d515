/**
 * The work of a nightly job: it calls the tools of an MCP server, and nothing in it knows about tokens.
 */
import { Effect } from "effect"
import { McpClient, textOf } from "./McpClient.ts"

/** Fetches the figures of a day and publishes them. The result is what the tools answered. */
export const nightlyReport = Effect.fn("nightlyReport")(function*(day: string) {
  const mcp = yield* McpClient
  const tools = yield* mcp.listTools
  yield* Effect.logInfo(`The server has the tools ${tools.map(({ name }) => name).join(", ")}`)
  const figures = yield* mcp.callTool("report", { day })
  const published = yield* mcp.callTool("publish", { day })
  return [textOf(figures), textOf(published)]
})
