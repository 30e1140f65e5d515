/** A script ends when its work is done, although it did not close its provider and a token is to be renewed later. */
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { createServer } from "node:http"
import { fileURLToPath } from "node:url"

/** A script that has ended by itself was not killed. */
const KILL = 30_000

const run = (settings: Readonly<Record<string, string>>) =>
  new Promise<{ readonly code: number | null; readonly killed: boolean; readonly stdout: string }>((resolve) => {
    const child = execFile(
      process.execPath,
      ["--no-warnings", fileURLToPath(new URL("script.ts", import.meta.url))],
      { env: { PATH: process.env["PATH"], ...settings }, timeout: KILL, killSignal: "SIGKILL" },
      (_error, stdout) => resolve({ code: child.exitCode, killed: child.killed, stdout })
    )
  })

/** An authorization server that leaves the first `unanswered` token requests open for two seconds, and refuses them. */
const withServer = async <A>(unanswered: number, use: (issuer: string) => Promise<A>): Promise<A> => {
  let requests = 0
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "application/json")
    if (requests++ >= unanswered) {
      response.end(JSON.stringify({ access_token: `canary-token-${requests}`, token_type: "Bearer", expires_in: 3600 }))
      return
    }
    setTimeout(() => {
      response.statusCode = 503
      response.end("{}")
    }, 2000)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("The server has no port.")
  try {
    return await use(`http://127.0.0.1:${address.port}`)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

describe("a script that does not close its provider", () => {
  it.each([
    { name: "has its token at once", unanswered: 0 },
    { name: "waits for the next attempt after a failed one", unanswered: 1 }
  ])("ends by itself, with its token, if it $name", async ({ unanswered }) => {
    const ended = await withServer(unanswered, (issuer) => run({ ISSUER: issuer }))
    assert.deepStrictEqual(ended, { code: 0, killed: false, stdout: "has a token\n" })
  })
})
