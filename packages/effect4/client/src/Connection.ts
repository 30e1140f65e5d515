/**
 * An `McpClient` on our packages, as the scenarios use it.
 */
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { OAuthHttpClient, OAuthProvider, TokenStorage } from "@effect-mcp-auth/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { McpClient, McpProtocol } from "effect/ai"
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

/** The provider of a scenario's client. It needs an `HttpClient`. */
export const layerAuth = (
  { settings: { clientSecret, ...settings } }: Servers,
  options: Partial<ClientSecret.Options> = {}
) =>
  ClientSecret.layer({
    ...settings,
    clientSecret: Redacted.make(clientSecret),
    scopes: ["reports:read"],
    stepUp: { allow: ["reports:write"] },
    ...options
  }).pipe(Layer.provide(TokenStorage.layerMemory))

/** The client, on top of a provider and an `HttpClient`. */
export const layerClient = ({ settings: { serverUrl } }: Servers, { protocol }: Line) =>
  McpClient.layerHttp({ name: "scenarios", version: "1.0.0", protocol, url: serverUrl }).pipe(
    Layer.provide(OAuthHttpClient.layer)
  )

/** Connects and lists the tools. The connection lasts as long as the scope. */
export const make = Effect.fnUntraced(function*(
  servers: Servers,
  line: Line,
  options: Partial<ClientSecret.Options> = {}
) {
  const context = yield* Layer.build(
    layerClient(servers, line).pipe(
      Layer.provideMerge(layerAuth(servers, options)),
      Layer.provide(FetchHttpClient.layer)
    )
  )
  const connection = yield* fromClient.pipe(Effect.provideContext(context))
  return { ...connection, provider: Context.get(context, OAuthProvider.OAuthProvider) }
})

/** Lists the tools of the `McpClient` of the context. */
export const fromClient = Effect.gen(function*() {
  const client = yield* McpClient.McpClient
  const tools = yield* client.listTools()
  return {
    client,
    tools,
    call: Effect.fnUntraced(function*(name: string) {
      const tool = tools.find((tool) => tool.name === name)
      if (tool === undefined) return yield* Effect.die(new Error(`The server has no tool ${name}`))
      const { content: [first] } = yield* client.callTool({ tool, arguments: { day: "today" } })
      return first?.type === "text" ? first.text : `(${first?.type})`
    })
  }
})
