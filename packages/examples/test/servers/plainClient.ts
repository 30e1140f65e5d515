/**
 * A client of plain `fetch`, so that no client library takes part in the tests of the servers.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { z } from "zod"
import * as AuthorizationServer from "../../src/servers/AuthorizationServer.ts"
import * as McpServer from "../../src/servers/McpServer.ts"

export const start = Effect.fnUntraced(function*(options: AuthorizationServer.Options = {}) {
  const authorizationServer = yield* AuthorizationServer.make({ accessTokenLifetime: 60, ...options })
  const mcpServer = yield* McpServer.make(authorizationServer)
  yield* authorizationServer.register({ identifier: mcpServer.url, scopes: McpServer.scopes })
  return { authorizationServer, mcpServer, client: authorizationServer.clients[0] }
})

export interface Answer {
  readonly status: number
  readonly challenge: string
  readonly body: unknown
}

export const send = (url: string, init?: RequestInit): Effect.Effect<Answer> =>
  Effect.promise(async () => {
    const response = await fetch(url, init)
    const text = await response.text()
    return {
      status: response.status,
      challenge: response.headers.get("www-authenticate") ?? "",
      body: response.headers.get("content-type")?.startsWith("application/json") === true ? JSON.parse(text) : text
    }
  })

export const formEncode = (text: string): string => new URLSearchParams({ "": text }).toString().slice(1)

export const basic = (clientId: string, clientSecret: string): string =>
  `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString("base64")}`

/** A token request as RFC 6749 §2.3.1 and §4.4.2 write it. */
export const tokenRequest = (
  { tokenEndpoint }: AuthorizationServer.AuthorizationServer,
  client: AuthorizationServer.Client,
  parameters: Readonly<Record<string, string>>
): Effect.Effect<Answer> => {
  const secret = Redacted.value(client.clientSecret)
  return send(tokenEndpoint, {
    method: "POST",
    ...(client.tokenEndpointAuthMethod === "client_secret_basic" ?
      {
        headers: { authorization: basic(formEncode(client.clientId), formEncode(secret)) },
        body: new URLSearchParams({ grant_type: "client_credentials", ...parameters })
      } :
      {
        body: new URLSearchParams({
          grant_type: "client_credentials",
          client_id: client.clientId,
          client_secret: secret,
          ...parameters
        })
      })
  })
}

export const tokenResponse = z.object({
  access_token: z.string(),
  token_type: z.literal("Bearer"),
  expires_in: z.number(),
  scope: z.string()
})

export const obtain = Effect.fnUntraced(function*(
  authorizationServer: AuthorizationServer.AuthorizationServer,
  resource: string,
  scope = "reports:read"
) {
  const answer = yield* tokenRequest(authorizationServer, authorizationServer.clients[0], { resource, scope })
  return tokenResponse.parse(answer.body).access_token
})

export const read = (mcpServer: McpServer.McpServer, token?: string): Effect.Effect<Answer> =>
  send(mcpServer.reportUrl, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })

export const callTool = (mcpServer: McpServer.McpServer, token: string, name: string): Effect.Effect<Answer> =>
  send(mcpServer.url, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream"
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name, arguments: { day: "today" } }
    })
  })
