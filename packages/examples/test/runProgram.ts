/**
 * Runs an example as its reader does: `node src/programs/….ts`, with its settings in the environment.
 */
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import type * as AuthorizationServer from "../src/servers/AuthorizationServer.ts"
import type * as McpServer from "../src/servers/McpServer.ts"
import * as Redacted from "effect/Redacted"

export interface Ended {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a file of `src` to its end. Settings of the test's own environment reach the program only if they are named. */
export const runProgram = (file: string, settings: Readonly<Record<string, string>>): Effect.Effect<Ended> =>
  Effect.async((resume, signal) => {
    const path = fileURLToPath(new URL(`../src/${file}`, import.meta.url))
    const env = { PATH: process.env["PATH"], NO_COLOR: "1", ...settings }
    const child = execFile(
      process.execPath,
      [path],
      { env, signal },
      (_error, stdout, stderr) => resume(Effect.succeed({ exitCode: child.exitCode ?? -1, stdout, stderr }))
    )
  })

/** The settings that most programs read from the environment. */
export const settingsOf = (
  { clients: [client], issuer }: AuthorizationServer.AuthorizationServer,
  { reportUrl, url }: McpServer.McpServer
) => ({
  MCP_SERVER_URL: url,
  MCP_ISSUER: issuer,
  MCP_CLIENT_ID: client.clientId,
  MCP_CLIENT_SECRET: Redacted.value(client.clientSecret),
  REPORT_URL: reportUrl
})
