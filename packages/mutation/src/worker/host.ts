/** The process around one worker: vitest's server, which gives the worker instrumented code instead of the sources. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { createVitest } from "vitest/node"

const [directory, codeFile] = process.argv.slice(2)
if (directory === undefined || codeFile === undefined) throw new Error("usage: host.ts <package directory> <code file>")

const code = new Map<string, string>(Object.entries(JSON.parse(readFileSync(codeFile, "utf8"))))

const vitest = await createVitest("test", {
  root: directory,
  config: join(directory, "vitest.config.ts"),
  watch: false,
  reporters: [{}],
  silent: true,
  runner: join(import.meta.dirname, "runner.ts"),
  pool: "forks",
  isolate: false,
  fileParallelism: false,
  teardownTimeout: 1_000,
  // Vitest's own limits: those of the worker are shorter.
  testTimeout: 3_600_000,
  hookTimeout: 3_600_000
}, {
  plugins: [{ name: "mutation", enforce: "pre", load: (id) => code.get(id) }]
})
const control = vitest.getRootProject().createSpecification(join(import.meta.dirname, "control.test-file.ts"))
await vitest.runTestSpecifications([control])
await vitest.close()
