import { TestServers } from "@effect-mcp-auth/testing"
import type { HttpClientError, HttpClientResponse } from "@effect/platform"
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { Effect, Redacted, Schema } from "effect"

const formEncode = (text: string): string => new URLSearchParams({ "": text }).toString().slice(1)

/** Form-url-encoded as RFC 6749 §2.3.1 wants it, then base64. */
export const basic = (clientId: string, clientSecret: string): string =>
  `Basic ${btoa(`${formEncode(clientId)}:${formEncode(clientSecret)}`)}`

export const postForm = (
  url: string,
  form: string | Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {}
): Effect.Effect<
  HttpClientResponse.HttpClientResponse,
  HttpClientError.HttpClientError,
  HttpClient.HttpClient
> =>
  HttpClient.execute(
    HttpClientRequest.post(url).pipe(
      HttpClientRequest.bodyText(
        typeof form === "string" ? form : new URLSearchParams(form).toString(),
        "application/x-www-form-urlencoded"
      ),
      HttpClientRequest.setHeaders(headers)
    )
  )

const TokenAnswer = Schema.Struct({ access_token: Schema.String })

/** A token for the MCP server of `TestServers`. */
export const obtainToken = (form: Readonly<Record<string, string>>) =>
  Effect.gen(function*() {
    const servers = yield* TestServers.TestServers
    const response = yield* postForm(
      servers.authorizationServer.tokenEndpoint,
      { grant_type: "client_credentials", resource: servers.mcpServer.resource, ...form },
      { authorization: basic(servers.clientId, Redacted.value(servers.clientSecret)) }
    )
    const { access_token } = yield* Schema.decodeUnknown(TokenAnswer)(yield* response.json)
    return access_token
  })

export const rpc = (token: string, message: string | object) =>
  Effect.gen(function*() {
    const servers = yield* TestServers.TestServers
    return yield* HttpClient.execute(
      HttpClientRequest.post(servers.serverUrl).pipe(
        HttpClientRequest.bodyText(typeof message === "string" ? message : JSON.stringify(message), "application/json"),
        HttpClientRequest.bearerToken(token)
      )
    )
  })

export const callTool = (token: string, name: string, args: object = {}) =>
  rpc(token, { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } })
