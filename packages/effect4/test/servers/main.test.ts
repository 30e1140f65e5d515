/**
 * The servers for the tests of clients, controlled by another process, with a client of plain `fetch`.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import type { Settings, State } from "../../src/servers/Stage.ts"

const start = Effect.map(
  Effect.acquireRelease(
    Effect.promise(async () => {
      const program = fileURLToPath(new URL("../../src/servers/main.ts", import.meta.url))
      const child = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] })
      const [line] = await once(child.stdout, "data")
      return { child, url: String(line).trim() }
    }),
    ({ child }) =>
      Effect.promise(async () => {
        child.stdin.end()
        const [code] = await once(child, "exit")
        assert.strictEqual(code, 0)
      })
  ),
  ({ url }) => url
)

const send = async (url: string, method: string, body?: unknown) => {
  const response = await fetch(url, { method, ...body === undefined ? {} : { body: JSON.stringify(body) } })
  return response.ok ? await response.json() : response.status
}

const tokenFor = async ({ clientId, clientSecret, issuer, serverUrl }: Settings): Promise<string> => {
  const response = await fetch(`${issuer}/token`, {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString("base64")}` },
    body: new URLSearchParams({ grant_type: "client_credentials", scope: "reports:read", resource: serverUrl })
  })
  const answer: { readonly access_token?: string; readonly error?: string } = JSON.parse(await response.text())
  return answer.access_token ?? `error: ${answer.error}`
}

const callTool = async ({ serverUrl }: Settings, token: string, name: string) => {
  const response = await fetch(serverUrl, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream"
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: { day: "today" } } })
  })
  return { status: response.status, body: await response.text() }
}

describe("the servers for the tests of clients", () => {
  it.scopedLive("do what the switches of the control server say", () =>
    Effect.gen(function*() {
      const control = yield* start
      yield* Effect.promise(async () => {
        const { id, settings }: { readonly id: string; readonly settings: Settings } = await send(
          `${control}/stages`,
          "POST",
          { tokenLifetime: 2 }
        )
        const stage = `${control}/stages/${id}`
        const press = (name: string) => send(`${stage}/${name}`, "POST")
        const state = async (): Promise<State> => await send(stage, "GET")

        const first = await tokenFor(settings)
        assert.include((await callTool(settings, first, "report")).body, "1204")

        // The tool `follow` ends after its token has expired.
        const following = callTool(settings, first, "follow")
        await press("following")
        await press("release")
        assert.include((await following).body, "Followed until the token had expired")
        assert.strictEqual((await callTool(settings, first, "report")).status, 401)

        const second = await tokenFor(settings)
        assert.strictEqual((await callTool(settings, second, "report")).status, 200)
        await press("revoke-all")
        assert.strictEqual((await callTool(settings, second, "report")).status, 401)

        await press("authorization-server-away")
        assert.strictEqual(await tokenFor(settings).catch(() => "no connection"), "no connection")
        await press("authorization-server-back")
        assert.match(await tokenFor(settings), /^ey/)
        await press("remove-client")
        assert.strictEqual(await tokenFor(settings), "error: invalid_client")

        const { accepted, refused, tokenRequests } = await state()
        assert.deepStrictEqual(accepted.map(({ method }) => method), ["POST", "POST", "POST"])
        assert.deepStrictEqual([accepted[0]?.token === accepted[1]?.token, accepted[1]?.token === accepted[2]?.token], [
          true,
          false
        ])
        assert.deepStrictEqual(refused, { 401: 2, 403: 0 })
        assert.isAtLeast(tokenRequests, 4)

        assert.strictEqual(await press("no-such-switch"), 404)
        assert.strictEqual(await send(`${control}/stages/none`, "GET"), 404)
        assert.isNull(await send(stage, "DELETE"))
        assert.strictEqual(await tokenFor(settings).catch(() => "no connection"), "no connection")
      })
    }))
})
