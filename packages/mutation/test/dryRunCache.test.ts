import { assert, describe, expect, it } from "@effect/vitest"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { onTestFinished } from "vitest"
import { DryRunCache } from "../src/dryRunCache.ts"
import { packageWith } from "./support.ts"

const run = { tests: [], hits: {}, collecting: ["1"], loading: [], failures: [] }

const temporary = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "mutation-cache-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

describe("DryRunCache", () => {
  it("returns what was kept for a test file until the file or a shared file of the tests changes", () => {
    const root = temporary()
    const directory = packageWith({ "test/A.test.ts": "1", "test/B.test.ts": "1", "test/support.ts": "1" })
    const file = join(directory, "test/A.test.ts")
    const get = () => new DryRunCache(directory, root).get(file)
    expect(get()).toBeUndefined()
    new DryRunCache(directory, root).set(file, run)
    assert.deepStrictEqual(get(), run)
    writeFileSync(join(directory, "test/B.test.ts"), "2")
    assert.deepStrictEqual(get(), run)
    writeFileSync(file, "2")
    expect(get()).toBeUndefined()
    writeFileSync(file, "1")
    assert.deepStrictEqual(get(), run)
    writeFileSync(join(directory, "test/support.ts"), "2")
    expect(get()).toBeUndefined()
  })
})
