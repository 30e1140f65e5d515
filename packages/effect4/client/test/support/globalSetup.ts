/**
 * Starts the process of the real servers, which run on Effect 3, once for all test files. They are in the repository, and
 * this file is in the generated workspace.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import type { TestProject } from "vitest/node"

declare module "vitest" {
  interface ProvidedContext {
    /** The URL of the control server. */
    readonly control: string
  }
}

const program = fileURLToPath(new URL("../../../../../src/servers/main.ts", import.meta.url))

export default async (project: TestProject) => {
  const child = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] })
  const [line] = await once(child.stdout, "data")
  project.provide("control", String(line).trim())
  return async () => {
    child.stdin.end()
    await once(child, "exit")
  }
}
