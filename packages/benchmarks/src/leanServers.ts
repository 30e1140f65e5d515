/**
 * A program of its own: an authorization server and the MCP server that it protects, on two loopback ports, with
 * commands from its parent. Plain `node:http`, opaque tokens in a Map and answers that are ready to send.
 *
 * The servers of `@effect-mcp-auth/testing` listen on sockets as well, but they verify, record and script every
 * request: 32 callers at a time got 150 answers a second from them (3 ms of CPU each) where they got 1,500 from these,
 * on a busy machine. Waiting for those would be most of what the latencies here show.
 */
import * as Schema from "effect/Schema"
import { randomBytes } from "node:crypto"
import { createServer } from "node:http"
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http"
import { Answer, credentials, defaults, Envelope } from "./control.ts"
import type { Command, Counters, LogEntry, Settings, State } from "./control.ts"

const noCounts = {
  token: 0,
  resourceMetadata: 0,
  serverMetadata: 0,
  calls: 0,
  unauthorized: 0,
  forbidden: 0,
  notFound: 0,
  refused: 0
} satisfies Counters

const logLimit = 200
const refusedLimit = 10_000

let settings: Settings = defaults
let counters: Record<keyof Counters, number> = { ...noCounts }
let log: Array<LogEntry> = []
let refusedAt: Array<number> = []
let resetAt = performance.now()
let down = false

interface IssuedToken {
  readonly expiresAt: number
  readonly scope: string
}
const tokens = new Map<string, IssuedToken>()

const issueToken = (scope: string): string => {
  const token = randomBytes(24).toString("base64url")
  tokens.set(token, { expiresAt: Date.now() + settings.tokenLifetimeMillis, scope })
  return token
}

interface Reply {
  readonly status: number
  readonly headers: Record<string, string | number>
  readonly body: Buffer
}

const json = (status: number, value: unknown, headers: Record<string, string> = {}): Reply => {
  const body = Buffer.from(JSON.stringify(value))
  return { status, headers: { ...headers, "content-type": "application/json", "content-length": body.length }, body }
}

const send = (response: ServerResponse, reply: Reply): void => {
  response.sendDate = false
  response.writeHead(reply.status, reply.headers).end(reply.body)
}

/** Calls and sends `reply()` when the delay is over: the life of a token counts from when it is sent. */
const answer = (response: ServerResponse, endpoint: string, delayMillis: number, reply: () => Reply): void => {
  const from = performance.now() - resetAt
  const finish = () => {
    const made = reply()
    if (log.length < logLimit) log.push({ endpoint, status: made.status, from, to: performance.now() - resetAt })
    send(response, made)
  }
  if (delayMillis > 0) setTimeout(finish, delayMillis)
  else finish()
}

const notFound = json(404, { error: "not found" })

const answerNotFound = (response: ServerResponse): void => {
  counters.notFound++
  answer(response, "not found", settings.hopMillis, () => notFound)
}

const readBody = async (request: IncomingMessage): Promise<string> => {
  let body = ""
  for await (const chunk of request.setEncoding("utf8")) body += chunk
  return body
}

const basicCredentials = `Basic ${
  Buffer.from(`${credentials.clientId}:${credentials.clientSecret}`).toString("base64")
}`

const grantToken = (request: IncomingMessage, body: string): Reply => {
  const parameters = new URLSearchParams(body)
  const known = request.headers.authorization === basicCredentials
    || (parameters.get("client_id") === credentials.clientId
      && parameters.get("client_secret") === credentials.clientSecret)
  if (!known) return json(401, { error: "invalid_client" })
  if (parameters.get("grant_type") !== "client_credentials") return json(400, { error: "unsupported_grant_type" })
  const scope = parameters.get("scope") ?? ""
  return json(200, {
    access_token: issueToken(scope),
    token_type: "Bearer",
    expires_in: settings.tokenLifetimeMillis / 1000,
    scope
  }, { "cache-control": "no-store" })
}

const authorizationServer = (issuer: string): RequestListener => {
  const metadata = json(200, {
    issuer,
    token_endpoint: `${issuer}/token`,
    token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
    grant_types_supported: ["client_credentials"],
    // No machine needs these three; the official SDK cannot read metadata without the first two.
    authorization_endpoint: `${issuer}/authorize`,
    response_types_supported: ["code"],
    code_challenge_methods_supported: ["S256"]
  })
  return (request, response) => {
    switch (request.url ?? "") {
      case "/token": {
        counters.token++
        const body = readBody(request)
        const reply = (text: string) =>
          answer(response, "token", settings.hopMillis + settings.tokenMillis, () => grantToken(request, text))
        // An interrupted client closes the connection in the middle of its request.
        return void body.then(reply, () => response.destroy())
      }
      case "/.well-known/oauth-authorization-server":
      case "/.well-known/openid-configuration": {
        counters.serverMetadata++
        return answer(response, "AS metadata", settings.hopMillis, () => metadata)
      }
      default:
        return answerNotFound(response)
    }
  }
}

const resourcePath = "/mcp"
const resourceMetadataPath = `/.well-known/oauth-protected-resource${resourcePath}`

const protectedResource = (origin: string, issuer: string): RequestListener => {
  const metadata = json(200, {
    resource: `${origin}${resourcePath}`,
    authorization_servers: [issuer],
    scopes_supported: [credentials.scope],
    bearer_methods_supported: ["header"]
  })
  const challenge = `Bearer resource_metadata="${origin}${resourceMetadataPath}", scope="${credentials.scope}"`
  const missing = json(401, { error: "unauthorized" }, { "www-authenticate": challenge })
  const invalid = json(401, { error: "unauthorized" }, { "www-authenticate": `${challenge}, error="invalid_token"` })
  const insufficient = json(403, { error: "forbidden" }, {
    "www-authenticate": `${challenge}, error="insufficient_scope"`
  })
  const result = json(200, { jsonrpc: "2.0", id: 1, result: { content: [{ type: "text", text: "done" }] } })

  const admit = (authorization: string | undefined): Reply => {
    if (authorization === undefined) return missing
    const token = tokens.get(authorization.slice("Bearer ".length))
    if (token === undefined || token.expiresAt <= Date.now()) return invalid
    return token.scope === credentials.scope ? result : insufficient
  }

  return (request, response) => {
    request.resume()
    if (request.url === resourcePath) {
      const reply = admit(request.headers.authorization)
      if (reply.status === 200) counters.calls++
      else if (reply.status === 401) counters.unauthorized++
      else counters.forbidden++
      return answer(response, "call", settings.hopMillis, () => reply)
    }
    if (request.url === resourceMetadataPath) {
      counters.resourceMetadata++
      return answer(response, "resource metadata", settings.hopMillis, () => metadata)
    }
    return answerNotFound(response)
  }
}

/** Room for a thousand callers who connect at once, and no idle connection closed under a client's next request. */
const listen = (): Promise<{ readonly server: Server; readonly origin: string }> =>
  new Promise((resolve, reject) => {
    const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 })
    server.once("error", reject)
    server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
      const address = server.address()
      if (address === null || typeof address === "string") return reject(new Error("the server has no port"))
      resolve({ server, origin: `http://127.0.0.1:${address.port}` })
    })
  })

const [auth, mcp] = await Promise.all([listen(), listen()])
auth.server.on("request", authorizationServer(auth.origin))
mcp.server.on("request", protectedResource(mcp.origin, auth.origin))

auth.server.on("connection", (socket) => {
  if (!down) return
  counters.refused++
  if (refusedAt.length < refusedLimit) refusedAt.push(performance.now() - resetAt)
  socket.resetAndDestroy()
})

const obey = (command: Command): string => {
  switch (command._tag) {
    case "Reset":
      settings = command.settings
      counters = { ...noCounts }
      log = []
      refusedAt = []
      resetAt = performance.now()
      down = false
      tokens.clear()
      return ""
    case "Issue":
      return issueToken(credentials.scope)
    case "RevokeAll":
      tokens.clear()
      return ""
    case "SetDown":
      down = command.down
      if (down) auth.server.closeAllConnections()
      return ""
    case "Look":
      return ""
  }
}

const state = (token: string): State => ({
  resource: `${mcp.origin}${resourcePath}`,
  issuer: auth.origin,
  token,
  counters,
  log,
  refusedAt
})

process.on("message", (message: unknown) => {
  const { command, id } = Schema.decodeUnknownSync(Envelope)(message)
  process.send?.(Schema.encodeSync(Answer)({ id, state: state(obey(command)) }))
})
// The parent has ended.
process.on("disconnect", () => process.exit())
