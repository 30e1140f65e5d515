import { repository } from "@effect-mcp-auth/tooling/packages"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { checkVariants } from "../src/variants.ts"

describe("checkVariants", () => {
  let folder = ""
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "variants-"))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }

  const faults = () => checkVariants(join(folder, "variants"), join(folder, "packages"))

  it("accepts a variant with the exports of the module that it replaces", () => {
    write("packages/core/src/a.ts", "export const a = 1\nexport interface B {}\n")
    write("variants/core/src/a.ts", "export interface B {}\nexport const a = 2\n")
    expect(faults()).toEqual([])
  })

  it("names the exports that differ", () => {
    write("packages/core/src/a.ts", "export const a = 1\n")
    write("variants/core/src/a.ts", "export const b = 2\n")
    expect(faults()).toEqual(["the variant core/src/a.ts exports b, and the module that it replaces exports a"])
  })

  it("refuses a variant that replaces no module", () => {
    write("variants/core/src/a.ts", "export const b = 2\n")
    expect(faults()).toEqual(["the variant core/src/a.ts replaces no module"])
  })

  it("refuses a variant of 120 lines", () => {
    write("packages/core/src/a.ts", "export const a = 1\n")
    write("variants/core/src/a.ts", `export const a = 1\n${"\n".repeat(119)}`)
    expect(faults()).toEqual(["the variant core/src/a.ts has 120 lines, and must have fewer than 120"])
  })

  it("refuses a thirteenth variant", () => {
    for (let index = 0; index < 13; index++) {
      write(`packages/core/src/${index}.ts`, "export const a = 1\n")
      write(`variants/core/src/${index}.ts`, "export const a = 1\n")
    }
    expect(faults()).toEqual(["there are 13 variants, and 12 are allowed"])
  })

  it("finds no fault in the variants of this repository", () => {
    expect(checkVariants(join(repository, "packages/effect4/variants"), join(repository, "packages"))).toEqual([])
  })
})
