/** The program, run as its reader runs it: with `node`, and its settings in the environment. */
import { assert, describe, inject, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as Servers from "../src/Servers.ts"

const file = fileURLToPath(new URL("../src/program.ts", import.meta.url))

const run = (settings: Servers.Settings) =>
  Effect.callback<{ readonly exitCode: number | null; readonly stdout: string; readonly stderr: string }>((resume) => {
    const env = {
      PATH: process.env["PATH"],
      NO_COLOR: "1",
      MCP_SERVER_URL: settings.serverUrl,
      MCP_ISSUER: settings.issuer,
      MCP_CLIENT_ID: settings.clientId,
      MCP_CLIENT_SECRET: settings.clientSecret
    }
    const child = execFile(
      process.execPath,
      [file],
      { env },
      (_, stdout, stderr) => resume(Effect.succeed({ exitCode: child.exitCode, stdout, stderr }))
    )
  })

describe("program.ts", () => {
  it("has at most 40 lines", () => {
    assert.isAtMost(readFileSync(file, "utf8").trimEnd().split("\n").length, 40)
  })

  it.live("prints what the tool answered, after one token request", () =>
    Effect.gen(function*() {
      const servers = yield* Servers.make(inject("control"), { sdk: 1 })
      const { exitCode, stderr, stdout } = yield* run(servers.settings)
      assert.deepStrictEqual({ exitCode, stderr }, { exitCode: 0, stderr: "" })
      assert.deepStrictEqual(JSON.parse(stdout), [
        { type: "text", text: JSON.stringify({ day: "today", orders: 1_204, returns: 17 }) }
      ])
      assert.strictEqual((yield* servers.state).tokenRequests, 1)
    }))

  it.live("with a wrong secret, fails and says why without the secret", () =>
    Effect.gen(function*() {
      const servers = yield* Servers.make(inject("control"), { sdk: 2 })
      const { exitCode, stderr, stdout } = yield* run({ ...servers.settings, clientSecret: "guessed-and-wrong" })
      assert.strictEqual(exitCode, 1)
      assert.include(stderr, "invalid_client")
      assert.notInclude(stdout + stderr, "guessed-and-wrong")
    }))
})
