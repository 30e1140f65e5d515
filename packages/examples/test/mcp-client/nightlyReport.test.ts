/**
 * How a program that uses `McpClient` is tested without an authorization server, and without a network: one Layer of
 * production is replaced at a time, and the program stays as it is.
 */
import { OAuthError } from "@effect-mcp-auth/core"
import { TestOAuthProvider } from "@effect-mcp-auth/testing"
import { FetchHttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server"
import { Effect, Layer } from "effect"
import { z } from "zod"
import * as McpClient from "../../src/mcp-client/McpClient.ts"
import { nightlyReport } from "../../src/mcp-client/nightlyReport.ts"

const serverUrl = "https://mcp.example.com/mcp"

/** The program's own test double: no MCP, no HTTP, no token. */
const FakeMcpClient = Layer.succeed(McpClient.McpClient, {
  listTools: Effect.succeed([]),
  callTool: (name, { day } = {}) => Effect.succeed([{ type: "text", text: `${name} of ${String(day)}` }])
})

/** A real MCP server in the memory of the test. `accepted` names the only token that it accepts. */
const inMemoryServer = (accepted: string) => {
  const authorizations: Array<string | null> = []
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: "reports", version: "1.0.0" })
    const inputSchema = z.object({ day: z.string() })
    server.registerTool("report", { inputSchema }, ({ day }) => ({ content: [{ type: "text", text: `of ${day}` }] }))
    server.registerTool("publish", { inputSchema }, ({ day }) =>
      day === "tomorrow"
        ? { isError: true, content: [{ type: "text", text: "it is not over yet" }] }
        : { content: [{ type: "text", text: `published ${day}` }] })
    return server
  })
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init)
    const authorization = request.headers.get("authorization")
    authorizations.push(authorization)
    return authorization === `Bearer ${accepted}`
      ? handler.fetch(request)
      : new Response(null, { status: 401, headers: { "www-authenticate": "Bearer error=\"invalid_token\"" } })
  }
  return { authorizations, Fetch: Layer.succeed(FetchHttpClient.Fetch, fetch) }
}

/** The real `McpClient` on a test provider. */
const onTestProvider = (server: ReturnType<typeof inMemoryServer>) =>
  McpClient.layer({ serverUrl }).pipe(
    Layer.provideMerge(TestOAuthProvider.layer({ resource: serverUrl })),
    Layer.provide(server.Fetch)
  )

describe("a program that uses McpClient", () => {
  it.effect("runs on a fake McpClient", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* nightlyReport("today"), ["report of today", "publish of today"])
    }).pipe(Effect.provide(FakeMcpClient)))

  it.effect("runs on the real McpClient with TestOAuthProvider, and every request carries its token", () => {
    const server = inMemoryServer("test-token")
    return Effect.gen(function*() {
      assert.deepStrictEqual(yield* nightlyReport("today"), ["of today", "published today"])
      assert.isNotEmpty(server.authorizations)
      for (const authorization of server.authorizations) assert.strictEqual(authorization, "Bearer test-token")
      assert.deepStrictEqual(yield* Effect.flatMap(TestOAuthProvider.TestOAuthProvider, ({ renewals }) => renewals), [])
    }).pipe(Effect.provide(onTestProvider(server)))
  })

  it.effect("when the server refuses the first token, is served with the renewed one", () => {
    const server = inMemoryServer("test-token-1")
    return Effect.gen(function*() {
      assert.deepStrictEqual(yield* nightlyReport("today"), ["of today", "published today"])
      assert.deepStrictEqual([...new Set(server.authorizations)], ["Bearer test-token", "Bearer test-token-1"])
      const { renewals } = yield* TestOAuthProvider.TestOAuthProvider
      assert.lengthOf(yield* renewals, 1)
    }).pipe(Effect.provide(onTestProvider(server)))
  })

  it.effect("when no token can be obtained, fails with the OAuthError, caught by its tag", () => {
    const server = inMemoryServer("test-token")
    return Effect.gen(function*() {
      const { fail, recover } = yield* TestOAuthProvider.TestOAuthProvider
      yield* fail(
        new OAuthError.TokenEndpointError({
          reason: "Refused",
          url: "https://auth.example.com/token",
          description: "the client was removed",
          code: "invalid_client"
        })
      )
      const answered = yield* nightlyReport("today").pipe(
        Effect.catchTag("TokenEndpointError", ({ code }) => Effect.succeed([code]))
      )
      assert.deepStrictEqual(answered, ["invalid_client"])
      yield* recover
      assert.deepStrictEqual(yield* nightlyReport("today"), ["of today", "published today"])
    }).pipe(Effect.provide(onTestProvider(server)))
  })

  it.effect("when a tool reports an error, fails with a ToolError that names the tool", () => {
    const server = inMemoryServer("test-token")
    return Effect.gen(function*() {
      const error = yield* Effect.flip(nightlyReport("tomorrow"))
      assert.strictEqual(error._tag, "ToolError")
      assert.strictEqual(error.message, "The tool publish failed: it is not over yet")
    }).pipe(Effect.provide(onTestProvider(server)))
  })
})
