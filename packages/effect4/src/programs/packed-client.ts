/**
 * `pnpm effect4:packed`: installs the packed packages in an empty folder with nothing but `effect` beside them, compiles
 * the programs with `McpClient`, and runs them on Node 22 and 24 against real servers. Prints a line for each step.
 */
import { runMain } from "@effect-mcp-auth/examples/runMain"
import { withTemporaryFolder } from "@effect-mcp-auth/tooling/packing"
import { report } from "@effect-mcp-auth/tooling/report"
import * as Effect from "effect/Effect"
import { join } from "node:path"
import { compile, install, installNode, run } from "../packedClient.ts"
import * as Control from "../servers/Control.ts"
import * as Stage from "../servers/Stage.ts"

const packed = join(import.meta.dirname, "..", "..", "packed")

const nodes = ["22.23.3", "24.15.0"]

const step = <A>(name: string, result: A): A => {
  console.log(name)
  return result
}

const runAll = Effect.fnUntraced(function*(folder: string) {
  const control = yield* Control.make
  const { settings } = yield* Stage.make()
  const env = {
    CONTROL_URL: control.url,
    MCP_SERVER_URL: settings.serverUrl,
    MCP_ISSUER: settings.issuer,
    MCP_CLIENT_ID: settings.clientId,
    MCP_CLIENT_SECRET: settings.clientSecret
  }
  const faults: Array<string> = []
  for (const version of nodes) {
    const node = installNode(join(folder, "node"), version)
    for (const program of ["program", "runScenarios"]) {
      const { failed, output } = yield* Effect.promise(() => run(node, folder, program, env))
      console.log(`${node.name} runs ${program}.js\n${output.trimEnd().replaceAll(/^/gm, "  ")}`)
      if (failed) faults.push(`${node.name}: ${program}.js failed`)
    }
  }
  return faults
})

const program = Effect.promise(() =>
  withTemporaryFolder(async (folder) => {
    const foreign = step("npm installs the packages", install(folder, packed))
    const errors = step("TypeScript 5.9 and 7 compile the programs", compile(folder))
    const before = [...foreign.map((path) => `installed besides: ${path}`), ...errors]
    return before.length > 0 ? before : Effect.runPromise(Effect.scoped(runAll(folder)))
  })
)

runMain(Effect.map(program, (faults) => report("packed client", faults)))
