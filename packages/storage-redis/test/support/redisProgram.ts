/** Which servers this machine has. */
import { spawnSync } from "node:child_process"

const isProgram = (program: string): boolean => spawnSync(program, ["--version"]).status === 0

/** Without a redis-server the tests that need one are skipped, which `.ci/run` counts as failed. */
export const isInstalled: boolean = isProgram("redis-server")

/** The servers that must pass the contract: Redis, and Valkey where it is installed. */
export const programs: ReadonlyArray<string> = ["redis-server", ...["valkey-server"].filter(isProgram)]
