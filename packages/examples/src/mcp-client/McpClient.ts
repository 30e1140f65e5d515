/**
 * An MCP client as an Effect service, over the official client and our authenticated `fetch`.
 *
 * Programs depend on `McpClient` and know nothing about tokens. An `OAuthProvider` supplies the tokens: the Layer of
 * `ClientSecret`, `PrivateKeyJwt` or `JwtBearer` in production, the Layer of `TestOAuthProvider` in tests.
 */
import { McpExtension, OAuthError, OAuthFetch, type OAuthProvider } from "@effect-mcp-auth/core"
import { type CallToolResult, Client, StreamableHTTPClientTransport, type Tool } from "@modelcontextprotocol/client"
import { Context, Data, Effect, Layer, Option, type Scope } from "effect"

/** The MCP server could not be reached, or answered with a protocol error. */
export class McpError extends Data.TaggedError("McpError")<{
  readonly operation: "connect" | "listTools" | "callTool"
  readonly cause: unknown
}> {
  override get message(): string {
    return `${this.operation} failed: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

/** The tool ran, and its result says that it failed (`isError` in MCP, section "Tools"). */
export class ToolError extends Data.TaggedError("ToolError")<{
  readonly tool: string
  readonly content: CallToolResult["content"]
}> {
  override get message(): string {
    return `The tool ${this.tool} failed: ${textOf(this.content)}`
  }
}

/** A failed call is an `OAuthError` if no token could be obtained, and else an `McpError`. */
export type CallError = McpError | OAuthError.OAuthError

export class McpClient extends Context.Tag("@effect-mcp-auth/examples/McpClient")<McpClient, McpClient.Service>() {}

export declare namespace McpClient {
  export interface Service {
    readonly listTools: Effect.Effect<ReadonlyArray<Tool>, CallError>
    readonly callTool: (
      name: string,
      input?: Readonly<Record<string, unknown>>
    ) => Effect.Effect<CallToolResult["content"], CallError | ToolError>
  }

  export interface Options {
    /** The MCP endpoint, as in `https://mcp.example.com/mcp`. */
    readonly serverUrl: string
    /** Default: `OAuthFetch.make`. */
    readonly fetch?: typeof globalThis.fetch | undefined
  }
}

/** Connects, and closes the connection when the scope closes. */
export const make = Effect.fnUntraced(function*({ fetch, serverUrl }: McpClient.Options): Effect.fn.Return<
  McpClient.Service,
  CallError,
  OAuthProvider.OAuthProvider | Scope.Scope
> {
  const client = yield* Effect.acquireRelease(
    Effect.sync(() =>
      new Client({ name: "nightly-report", version: "1.0.0" }, {
        versionNegotiation: { mode: "auto" },
        capabilities: { extensions: McpExtension.clientCredentials }
      })
    ),
    (client) => Effect.promise(() => client.close())
  )
  const transport = new StreamableHTTPClientTransport(new URL(serverUrl), { fetch: fetch ?? (yield* OAuthFetch.make) })
  yield* attempt("connect", (signal) => client.connect(transport, { signal }))
  return {
    listTools: Effect.map(attempt("listTools", (signal) => client.listTools({}, { signal })), ({ tools }) => tools),
    callTool: (name, input = {}) =>
      attempt("callTool", (signal) => client.callTool({ name, arguments: input }, { signal })).pipe(
        Effect.flatMap(({ content, isError }) =>
          isError === true ? new ToolError({ tool: name, content }) : Effect.succeed(content)
        )
      )
  }
})

/** A connection for as long as the Layer is in use. */
export const layer = (
  options: McpClient.Options
): Layer.Layer<McpClient, CallError, OAuthProvider.OAuthProvider> => Layer.scoped(McpClient, make(options))

/** The text of a tool's result. */
export const textOf = (content: CallToolResult["content"]): string =>
  content.map((part) => part.type === "text" ? part.text : `(${part.type})`).join(" ")

/**
 * When the Effect is interrupted, the official client cancels the request: in the protocol 2026-07-28 by closing its
 * connection, before that by a notification.
 */
const attempt = <A>(
  operation: McpError["operation"],
  call: (signal: AbortSignal) => Promise<A>
): Effect.Effect<A, CallError> =>
  Effect.tryPromise({
    try: call,
    // Our `fetch` rejects with an `OAuthError`. The official client passes the error on, or wraps it as a `cause`.
    catch: (cause) => Option.getOrElse(OAuthError.fromUnknown(cause), () => new McpError({ operation, cause }))
  })
