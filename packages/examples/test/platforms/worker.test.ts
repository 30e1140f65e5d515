/**
 * A Worker that keeps its runtime in a global answers every request. Workers end the timers and fetches of a request
 * together with it, so no request may depend on the work of another one.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { build } from "esbuild"
import { Miniflare } from "miniflare"
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http"
import { fileURLToPath } from "node:url"

const listen = (listener: RequestListener) =>
  new Promise<{ readonly server: Server; readonly url: string }>((resolve, reject) => {
    const server = createServer(listener)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      if (address === null || typeof address === "string") reject(new Error("The server has no port."))
      else resolve({ server, url: `http://127.0.0.1:${address.port}` })
    })
  })

/** Servers whose tokens expire after so many seconds, by the test's own account. */
const startServers = async () => {
  const state = { lifetime: 3600, requests: 0, delay: 0, valid: new Set<string>() }
  const authorizationServer = await listen((request, response) => {
    response.setHeader("content-type", "application/json")
    if (request.url !== "/token") {
      response.end(
        JSON.stringify({ issuer: authorizationServer.url, token_endpoint: `${authorizationServer.url}/token` })
      )
      return
    }
    const token = `canary-token-${++state.requests}`
    state.valid.add(token)
    setTimeout(
      () => response.end(JSON.stringify({ access_token: token, token_type: "Bearer", expires_in: state.lifetime })),
      state.delay
    )
  })
  const resource = await listen((request: IncomingMessage, response) => {
    response.setHeader("content-type", "application/json")
    if (request.url?.startsWith("/.well-known/") === true) {
      response.end(
        JSON.stringify({ resource: `${resource.url}/mcp`, authorization_servers: [authorizationServer.url] })
      )
      return
    }
    const token = request.headers.authorization?.replace("Bearer ", "") ?? ""
    response.statusCode = state.valid.has(token) ? 200 : 401
    response.end("{}")
  })
  const close = () => {
    for (const { server } of [authorizationServer, resource]) {
      server.closeAllConnections()
      server.close()
    }
  }
  return { state, issuer: authorizationServer.url, serverUrl: `${resource.url}/mcp`, close }
}

let script = ""
beforeAll(async () => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("worker.ts", import.meta.url))],
    bundle: true,
    format: "esm",
    platform: "browser",
    conditions: ["workerd", "worker", "browser"],
    external: ["node:*"],
    write: false
  })
  script = outputFiles[0]?.text ?? ""
})

const opened: Array<() => unknown> = []
afterAll(() => Promise.all(opened.map((close) => close())))

const start = async () => {
  const servers = await startServers()
  const worker = new Miniflare({
    modules: true,
    script,
    compatibilityDate: "2026-04-01",
    bindings: { SERVER_URL: servers.serverUrl, ISSUER: servers.issuer }
  })
  opened.push(() => worker.dispose(), servers.close)
  await worker.ready
  /** The status of the answer. A request that hangs is cancelled by the platform, with 500. */
  const call = async (path = "/"): Promise<number> => {
    const { status } = await worker.dispatchFetch(`http://localhost${path}`)
    return status
  }
  return { ...servers, call }
}

const both = (call: () => Promise<number>) => Promise.all([call(), call()])

describe("a Worker with one runtime for all requests", () => {
  it("two requests at a time are answered, across expiries and a revocation", async () => {
    const { call, state } = await start()
    state.lifetime = 1
    for (let round = 0; round < 4; round++) {
      assert.deepStrictEqual(await both(call), [200, 200])
      assert.deepStrictEqual(await both(call), [200, 200])
      await new Promise((resolve) => setTimeout(resolve, 1100))
    }
    state.lifetime = 3600
    assert.deepStrictEqual(await both(call), [200, 200])
    state.valid.clear()
    assert.deepStrictEqual(await both(call), [200, 200])
    assert.isAtMost(state.requests, 10)
  })

  it("requests are answered although the request that began the token request has ended", async () => {
    const { call, state } = await start()
    state.delay = 500
    assert.strictEqual(await call("/leave"), 200)
    assert.deepStrictEqual(await both(call), [200, 200])
    state.valid.clear()
    assert.deepStrictEqual(await both(call), [200, 200])
  })
})
