import { assert, describe, expect, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

/** The most that both providers of the program may keep of servers, in bytes: 64 KiB a document and a header, and lists. */
const MAX_KEPT = 640 * 1024

/** The longest text that they may keep, in bytes, with the few bytes that the platform adds to it. */
const MAX_TEXT = 64 * 1024 + 64

const program = fileURLToPath(new URL("./retained/program.ts", import.meta.url))

describe("two providers of servers that answer with documents, tokens and errors of nearly 1 MiB", () => {
  it("keep less than 640 KiB of them, and no text of more than 64 KiB", { timeout: 300_000 }, async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [program, "1000000"], { maxBuffer: 2 ** 24 })
    const { issued, texts } = JSON.parse(stdout)
    assert.strictEqual(issued, 3)
    expect(texts.length).toBeGreaterThan(1000)
    expect(Math.max(...texts)).toBeLessThanOrEqual(MAX_TEXT)
    expect(texts.reduce((sum: number, size: number) => sum + size, 0)).toBeLessThan(MAX_KEPT)
  })
})
