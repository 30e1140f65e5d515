/**
 * `pnpm demo:servers`: the two servers of the demo, to be called by hand until Ctrl-C stops them.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { parseArgs } from "node:util"
import * as AuthorizationServer from "./AuthorizationServer.ts"
import type { TrustedIssuer } from "./JwtBearerGrant.ts"
import * as KeyPair from "./KeyPair.ts"
import * as McpServer from "./McpServer.ts"
import { runMain } from "../runMain.ts"

const usage = `Usage: pnpm demo:servers [options]

Starts the authorization server and the MCP server of the demo and leaves them running.

  --auth-port <port>           of the authorization server; default: $AUTH_PORT, else 4100
  --mcp-port <port>            of the MCP server; default: $MCP_PORT, else 4101
  --token-lifetime <seconds>   of an access token; default: $TOKEN_LIFETIME, else 5
  --help
`

const program = Effect.gen(function*() {
  const settings = yield* readSettings
  if (settings.help) return console.log(usage)
  return yield* servers(settings)
})

interface Settings {
  readonly help: boolean
  readonly authPort: number
  readonly mcpPort: number
  readonly tokenLifetime: number
}

const servers = Effect.fnUntraced(function*({ authPort, mcpPort, tokenLifetime }: Settings) {
  const signers = {
    client: { clientId: "signer", ...(yield* KeyPair.generate("ES256")) },
    employer: { issuer: "https://idp.example.com", ...(yield* KeyPair.generate("EdDSA")) }
  }
  const authorizationServer = yield* AuthorizationServer.make({
    port: authPort,
    accessTokenLifetime: tokenLifetime,
    keyClients: [signers.client],
    trustedIssuers: [signers.employer]
  })
  const mcpServer = yield* McpServer.make({ ...authorizationServer, port: mcpPort })
  yield* authorizationServer.register({ identifier: mcpServer.url, scopes: McpServer.scopes })
  console.log(instructions(authorizationServer, mcpServer, signers, tokenLifetime))
  return yield* Effect.never
}, Effect.scoped)

const instructions = (
  { clients, issuer, tokenEndpoint }: AuthorizationServer.AuthorizationServer,
  mcpServer: McpServer.McpServer,
  signers: {
    readonly client: AuthorizationServer.KeyClient & KeyPair.KeyPair
    readonly employer: TrustedIssuer & KeyPair.KeyPair
  },
  tokenLifetime: number
): string => {
  const [client] = clients
  return `The servers are running; Ctrl-C stops them.

  MCP server      ${mcpServer.url}
  JSON resource   ${mcpServer.reportUrl}
  issuer          ${issuer}
  scopes          ${McpServer.scopes.join(" ")}
  tokens expire   after ${tokenLifetime} s
${
    clients.map(({ clientId, clientSecret, tokenEndpointAuthMethod }) => `
  client id       ${clientId}   (${tokenEndpointAuthMethod})
  client secret   ${Redacted.value(clientSecret)}
`).join("")
  }
  client id       ${signers.client.clientId}   (private_key_jwt, ${signers.client.signingAlgorithm})
  private key     ${privateKey(signers.client)}

  issuer          ${signers.employer.issuer}   (trusted, for jwt-bearer, ${signers.employer.signingAlgorithm})
  private key     ${privateKey(signers.employer)}

Without a token, the challenge says where to find the metadata:

  curl -i ${mcpServer.url}

With a token (paste all of it: it is short-lived; --token-lifetime 300 gives you more time):

  TOKEN=$(curl -s -u '${client.clientId}:${Redacted.value(client.clientSecret)}' \\
    -d grant_type=client_credentials -d scope=reports:read \\
    -d resource=${mcpServer.url} ${tokenEndpoint} \\
    | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
  curl -s ${mcpServer.reportUrl} -H "Authorization: Bearer $TOKEN"; echo
  curl -s ${mcpServer.url} -H "Authorization: Bearer $TOKEN" \\
    -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' \\
    -d '{"jsonrpc":"2.0","id":1,"method":"tools/call",
         "params":{"name":"report","arguments":{"day":"today"}}}'

The tool "publish" answers 403 until the scope is "reports:read reports:write".

For the short programs of packages/examples/README.md, paste their settings in another terminal:

  export MCP_SERVER_URL=${mcpServer.url} REPORT_URL=${mcpServer.reportUrl}
  export MCP_ISSUER=${issuer} MCP_CLIENT_ID=${client.clientId}
  export MCP_CLIENT_SECRET=${Redacted.value(client.clientSecret)}

and for 02-private-key.ts, in addition:

  export MCP_CLIENT_ID=${signers.client.clientId} MCP_PRIVATE_KEY='${Redacted.value(signers.client.pem)}'
`
}

const privateKey = (pair: KeyPair.KeyPair): string => JSON.stringify(Redacted.value(pair.privateKey))

class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {}

const readSettings: Effect.Effect<Settings, UsageError> = Effect.try({
  try: () => {
    const { values } = parseArgs({
      options: {
        "auth-port": { type: "string", default: process.env["AUTH_PORT"] ?? "4100" },
        "mcp-port": { type: "string", default: process.env["MCP_PORT"] ?? "4101" },
        "token-lifetime": { type: "string", default: process.env["TOKEN_LIFETIME"] ?? "5" },
        help: { type: "boolean", default: false }
      }
    })
    return {
      help: values.help,
      authPort: wholeNumber("--auth-port", values["auth-port"], 65_535),
      mcpPort: wholeNumber("--mcp-port", values["mcp-port"], 65_535),
      tokenLifetime: wholeNumber("--token-lifetime", values["token-lifetime"], 86_400)
    }
  },
  catch: (error) => new UsageError({ message: `${error instanceof Error ? error.message : String(error)}\n\n${usage}` })
})

const wholeNumber = (name: string, text: string, max: number): number => {
  const number = Number(text)
  if (Number.isInteger(number) && number > 0 && number <= max) return number
  throw new RangeError(`${name} must be a whole number from 1 to ${max}, not "${text}"`)
}

runMain(program, { whenInterrupted: 0 })
