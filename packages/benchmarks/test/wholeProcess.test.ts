import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as WholeProcess from "../src/wholeProcess.ts"

describe("WholeProcess.run", () => {
  let directory = ""
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "whole-process-"))
  })
  afterAll(() => rm(directory, { recursive: true }))

  const run = async (source: string, args: ReadonlyArray<string> = []) => {
    const program = join(directory, "program.mjs")
    await writeFile(program, source)
    return WholeProcess.run(program, args)
  }

  it("counts the CPU time that a program spends after its start, and the arguments reach it", async () => {
    const spin = "const until = process.cpuUsage().user + Number(process.argv[2]) * 1000\n" +
      "while (process.cpuUsage().user < until);"
    const { cpuMillis, wallMillis } = await run(spin, ["300"])
    expect(cpuMillis).toBeGreaterThanOrEqual(300)
    expect(wallMillis).toBeGreaterThan(0)
  })

  it("rejects when the program exits with another code than 0", async () => {
    await expect(run("process.exitCode = 1")).rejects.toThrow("program.mjs")
  })
})
