/**
 * Every short program, run as its reader runs it, against a real authorization server and a real MCP server.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { randomBytes } from "node:crypto"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as AuthorizationServer from "../../src/servers/AuthorizationServer.ts"
import * as KeyPair from "../../src/servers/KeyPair.ts"
import * as McpServer from "../../src/servers/McpServer.ts"
import * as RedisServer from "../../src/servers/RedisServer.ts"
import { type Ended, runProgram, settingsOf } from "../runProgram.ts"

const folder = fileURLToPath(new URL("../../src/programs", import.meta.url))
const programs = readdirSync(folder)

const start = Effect.fnUntraced(function*(options: AuthorizationServer.Options = {}) {
  const authorizationServer = yield* AuthorizationServer.make({ accessTokenLifetime: 60, ...options })
  const mcpServer = yield* McpServer.make(authorizationServer)
  yield* authorizationServer.register({ identifier: mcpServer.url, scopes: McpServer.scopes })
  return {
    authorizationServer,
    mcpServer,
    settings: settingsOf(authorizationServer, mcpServer),
    tokenRequests: () => authorizationServer.requests("POST /token")
  }
})

const wrongSecret = "guessed-and-wrong"

const assertReported = ({ exitCode, stderr, stdout }: Ended, reader: string): void => {
  assert.deepStrictEqual({ exitCode, stderr }, { exitCode: 0, stderr: "" })
  assert.deepStrictEqual(JSON.parse(stdout), { day: "today", orders: 1204, returns: 17, reader })
}

/** The output says that the client was refused, and does not contain the secret. */
const assertRefused = ({ exitCode, stderr, stdout }: Ended): void => {
  assert.strictEqual(exitCode, 1)
  assert.include(stdout + stderr, "invalid_client")
  assert.notInclude(stdout + stderr, wrongSecret)
}

describe("the short programs", () => {
  it("have at most 40 lines each", () => {
    assert.isNotEmpty(programs)
    for (const file of programs) {
      assert.isAtMost(readFileSync(join(folder, file), "utf8").trimEnd().split("\n").length, 40, file)
    }
  })

  it("are all in the table of the README", () => {
    const readme = readFileSync(fileURLToPath(new URL("../../README.md", import.meta.url)), "utf8")
    for (const file of programs) assert.include(readme, `(src/programs/${file})`)
  })
})

describe("01-client-secret.ts", () => {
  it.scopedLive("prints the report after one token request", () =>
    Effect.gen(function*() {
      const { settings, tokenRequests } = yield* start()
      assertReported(yield* runProgram("programs/01-client-secret.ts", settings), settings.MCP_CLIENT_ID)
      assert.strictEqual(tokenRequests(), 1)
    }))

  it.scopedLive("with a wrong secret, exits 1 and says why without the secret", () =>
    Effect.gen(function*() {
      const { settings } = yield* start()
      const ended = yield* runProgram("programs/01-client-secret.ts", { ...settings, MCP_CLIENT_SECRET: wrongSecret })
      assertRefused(ended)
      assert.include(ended.stderr, "No token: Token endpoint")
    }))

  it.scopedLive("without its settings, exits 1 and names the missing one", () =>
    Effect.gen(function*() {
      const { exitCode, stderr, stdout } = yield* runProgram("programs/01-client-secret.ts", {})
      assert.strictEqual(exitCode, 1)
      assert.include(stdout + stderr, "MCP_SERVER_URL")
    }))
})

describe("02-private-key.ts", () => {
  const clientId = "nightly-report-signer"

  const withKey = Effect.fnUntraced(function*(registered: KeyPair.KeyPair, used: KeyPair.KeyPair) {
    const { mcpServer, settings: { MCP_SERVER_URL, REPORT_URL } } = yield* start({
      keyClients: [{ clientId, ...registered }]
    })
    const settings = { MCP_SERVER_URL, REPORT_URL, MCP_CLIENT_ID: clientId, MCP_PRIVATE_KEY: Redacted.value(used.pem) }
    return { mcpServer, ended: yield* runProgram("programs/02-private-key.ts", settings) }
  })

  it.scopedLive("prints the report", () =>
    Effect.gen(function*() {
      const key = yield* KeyPair.generate("ES256")
      assertReported((yield* withKey(key, key)).ended, clientId)
    }))

  it.scopedLive("with a key that is not registered, exits 1 and does not call the MCP server", () =>
    Effect.gen(function*() {
      const { ended, mcpServer } = yield* withKey(yield* KeyPair.generate("ES256"), yield* KeyPair.generate("ES256"))
      assert.strictEqual(ended.exitCode, 1)
      assert.include(ended.stderr, "The authorization server said: invalid_client")
      assert.strictEqual(mcpServer.requests("GET /reports/today"), 0)
    }))
})

describe("03-official-mcp-sdk.ts", () => {
  it.scopedLive("prints what the tool answered", () =>
    Effect.gen(function*() {
      const { settings, tokenRequests } = yield* start()
      const { exitCode, stderr, stdout } = yield* runProgram("programs/03-official-mcp-sdk.ts", settings)
      assert.deepStrictEqual({ exitCode, stderr }, { exitCode: 0, stderr: "" })
      assert.deepStrictEqual(JSON.parse(stdout), [
        { type: "text", text: JSON.stringify({ day: "today", orders: 1204, returns: 17 }) }
      ])
      assert.strictEqual(tokenRequests(), 1)
    }))

  it.scopedLive("with a wrong secret, exits 1 and says why without the secret", () =>
    Effect.gen(function*() {
      const { settings } = yield* start()
      const wrong = { ...settings, MCP_CLIENT_SECRET: wrongSecret }
      const ended = yield* runProgram("programs/03-official-mcp-sdk.ts", wrong)
      assertRefused(ended)
      assert.include(ended.stderr, "No token: Token endpoint")
    }))
})

describe("04-plain-fetch.ts", () => {
  it.scopedLive("prints the report, and ends", () =>
    Effect.gen(function*() {
      const { settings } = yield* start()
      assertReported(yield* runProgram("programs/04-plain-fetch.ts", settings), settings.MCP_CLIENT_ID)
    }))

  it.scopedLive("with a wrong secret, exits 1 and says why without the secret", () =>
    Effect.gen(function*() {
      const { settings } = yield* start()
      const ended = yield* runProgram("programs/04-plain-fetch.ts", { ...settings, MCP_CLIENT_SECRET: wrongSecret })
      assertRefused(ended)
      assert.match(ended.stderr, /^No token: /)
    }))
})

describe("05-many-servers-and-tenants.ts", () => {
  const twoServers = Effect.gen(function*() {
    const clients = [AuthorizationServer.generateClient(), AuthorizationServer.generateClient()] as const
    const { authorizationServer, mcpServer, settings: { MCP_ISSUER }, tokenRequests } = yield* start({ clients })
    const other = yield* McpServer.make(authorizationServer)
    yield* authorizationServer.register({ identifier: other.url, scopes: McpServer.scopes })
    const [acme, globex] = clients
    return {
      acme,
      globex,
      tokenRequests,
      settings: {
        MCP_ISSUER,
        MCP_SERVER_URLS: `${mcpServer.url},${other.url}`,
        TENANTS: "acme,globex",
        ACME_CLIENT_ID: acme.clientId,
        ACME_CLIENT_SECRET: Redacted.value(acme.clientSecret),
        GLOBEX_CLIENT_ID: globex.clientId,
        GLOBEX_CLIENT_SECRET: Redacted.value(globex.clientSecret)
      }
    }
  })

  /** The tenants that got a report, each with the client that the server saw. */
  const readersOf = (stdout: string): ReadonlyArray<string> =>
    Array.from(stdout.matchAll(/^(\w+): .*"reader":"([^"]+)"/gm), ([, tenant, reader]) => `${tenant} as ${reader}`)
      .toSorted()

  it.scopedLive("reads each tenant's report from each server, with one token for each pair", () =>
    Effect.gen(function*() {
      const { acme, globex, settings, tokenRequests } = yield* twoServers
      const { exitCode, stderr, stdout } = yield* runProgram("programs/05-many-servers-and-tenants.ts", settings)
      assert.deepStrictEqual({ exitCode, stderr }, { exitCode: 0, stderr: "" })
      const expected = [`acme as ${acme.clientId}`, `globex as ${globex.clientId}`]
      assert.deepStrictEqual(readersOf(stdout), expected.flatMap((line) => [line, line]))
      assert.strictEqual(tokenRequests(), 4)
    }))

  it.scopedLive("when one tenant's secret is wrong, the other tenant gets its reports", () =>
    Effect.gen(function*() {
      const { globex, settings } = yield* twoServers
      const { exitCode, stderr, stdout } = yield* runProgram("programs/05-many-servers-and-tenants.ts", {
        ...settings,
        ACME_CLIENT_SECRET: wrongSecret
      })
      assert.strictEqual(exitCode, 0)
      assert.deepStrictEqual(readersOf(stdout), [`globex as ${globex.clientId}`, `globex as ${globex.clientId}`])
      assert.lengthOf(stderr.match(/^acme: .*invalid_client/gm) ?? [], 2)
      assert.notInclude(stderr, wrongSecret)
    }))
})

/** The second run uses the token of the first. */
const runTwice = Effect.fnUntraced(function*(file: string, where: Readonly<Record<string, string>>) {
  const { settings, tokenRequests } = yield* start()
  const all = { ...settings, ...where, TOKEN_ENCRYPTION_KEY: randomBytes(32).toString("base64") }
  assertReported(yield* runProgram(file, all), settings.MCP_CLIENT_ID)
  assertReported(yield* runProgram(file, all), settings.MCP_CLIENT_ID)
  assert.strictEqual(tokenRequests(), 1)
})

describe("06-tokens-in-files.ts", () => {
  it.scopedLive("run twice, makes one token request", () =>
    Effect.gen(function*() {
      const directory = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "tokens-in-files-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
      )
      yield* runTwice("programs/06-tokens-in-files.ts", { TOKEN_DIRECTORY: join(directory, "tokens") })
    }))
})

describe.skipIf(!RedisServer.isInstalled())(
  "07-tokens-in-redis.ts (skipped where no redis-server is installed)",
  () => {
    it.scopedLive("run twice, makes one token request", () =>
      Effect.gen(function*() {
        yield* runTwice("programs/07-tokens-in-redis.ts", { REDIS_URL: yield* RedisServer.make })
      }))
  }
)
