/** The work of a program that uses an MCP server. The work does not handle tokens. */
import { Effect } from "effect"
import { McpClient } from "effect/ai"

/** Looks a tool up in the list of the server, and calls it. */
export const callTool = Effect.fn("callTool")(function*(name: string, input: Readonly<Record<string, unknown>>) {
  const mcp = yield* McpClient.McpClient
  const tools = yield* mcp.listTools()
  const tool = yield* Effect.fromNullishOr(tools.find((tool) => tool.name === name))
  const { content } = yield* mcp.callTool({ tool, arguments: input })
  return content
})
