/**
 * An `McpClient` on our packages, as the scenarios use it.
 */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { OAuthHttpClient, OAuthProvider, TokenStorage } from "@effect-mcp-auth/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { McpClient, type McpClientError, McpProtocol, type McpSchema } from "effect/ai"
import { FetchHttpClient } from "effect/http"
import type { Servers } from "./Servers.ts"

/** A protocol, and the official SDK that serves it. */
export interface Line {
  readonly protocol: McpProtocol.ProtocolAdapter<McpClient.ProtocolVersion>
  readonly sdk: 1 | 2
}

export const lines: ReadonlyArray<Line> = [
  { protocol: McpProtocol.v2025_11_25, sdk: 1 },
  { protocol: McpProtocol.v2025_11_25, sdk: 2 },
  { protocol: McpProtocol.v2026_07_28, sdk: 2 }
]

export const nameOf = ({ protocol, sdk }: Line): string => `${protocol.protocolVersion}, official SDK ${sdk}`

export interface Connection {
  readonly client: McpClient.McpClient
  readonly provider: OAuthProvider.OAuthProvider.Service
  /** The tools of the server. */
  readonly tools: ReadonlyArray<McpSchema.Tool>
  /** Calls a tool with the day of today. The result is the text of its answer. */
  readonly call: (name: string) => Effect.Effect<string, McpClientError.McpClientError>
}

/** Connects and lists the tools. The connection lasts as long as the scope. */
export const make = Effect.fnUntraced(function*(
  { settings: { clientSecret, ...settings } }: Servers,
  { protocol }: Line,
  options: Partial<ClientSecret.Options> = {}
) {
  const Auth = ClientSecret.layer({
    ...settings,
    clientSecret: Redacted.make(clientSecret),
    scopes: ["reports:read"],
    stepUp: { allow: ["reports:write"] },
    ...options
  }).pipe(Layer.provide(TokenStorage.layerMemory))
  const Client = McpClient.layerHttp({ name: "scenarios", version: "1.0.0", protocol, url: settings.serverUrl })
  const context = yield* Layer.build(
    Client.pipe(
      Layer.provide(OAuthHttpClient.layer),
      Layer.provideMerge(Auth),
      Layer.provide(FetchHttpClient.layer)
    )
  )
  const client = Context.get(context, McpClient.McpClient)
  const tools = yield* client.listTools()
  return {
    client,
    provider: Context.get(context, OAuthProvider.OAuthProvider),
    tools,
    call: Effect.fnUntraced(function*(name: string) {
      const tool = tools.find((tool) => tool.name === name)
      if (tool === undefined) return yield* Effect.die(new Error(`The server has no tool ${name}`))
      const { content: [first] } = yield* client.callTool({ tool, arguments: { day: "today" } })
      return first?.type === "text" ? first.text : `(${first?.type})`
    })
  }
})
