import { join } from "node:path"
import { repository } from "@effect-mcp-auth/tooling/packages"
import { describe, expect, it } from "vitest"
import { makeExists } from "../src/effect4Exports.ts"
import { names } from "../src/tables/names.ts"
import { merged } from "../src/tables/tables.ts"
import { oneLine, rewritten } from "./support/rewritten.ts"

describe("tables of names", () => {
  const exists = makeExists(join(repository, "packages/effect4/node_modules"), "dist/dts")
  const rows = names.flatMap(({ name, rows: own }) =>
    Object.entries(own).map(([from, to]) => ({ from, table: name, to }))
  )

  it.each(rows.filter(({ from }) => !from.split("#")[1]?.includes(".")))(
    "$from is an export of Effect 3",
    ({ from }) => {
      const [module = "", name = ""] = from.split("#")
      expect(exists(module, name)).toBe(true)
    }
  )

  it.each(rows)("$from: the row changes the name or the module", ({ from, to }) => {
    expect(to).not.toBe(from)
  })

  it("refuses a name that stands in two tables", () => {
    const table = { name: "one", reason: "", rows: { "effect/Effect#a": "effect/Effect#b" } }
    expect(() => merged([table, { ...table, name: "two" }])).toThrow(/stands in two tables; the second one is "two"/)
  })
})

describe("names without a rule", () => {
  it("lets a name stand that Effect 4 has", () => {
    const [result] = rewritten([{ before: "Effect.succeed(1)" }])
    expect(result).toMatchObject({ text: "Effect.succeed(1)", uncovered: [] })
  })

  it("reports file, line and name of what Effect 4 does not have", () => {
    const [result] = rewritten([{ before: "Effect.succeed(1)" }], () => false)
    expect(result?.uncovered).toEqual([
      expect.objectContaining({ key: "effect/Effect#succeed", line: expect.any(Number) })
    ])
  })

  it("imports the module of a rewritten name, and no module that is not needed any more", () => {
    const [result] = rewritten([{ before: "Deferred.unsafeMake<number>(FiberId.none)" }])
    expect(result?.imports).toEqual([`import * as Deferred from "effect/Deferred"`])
  })

  it("renames the property of a pattern and keeps its variable", () => {
    const [result] = rewritten([{
      given: `declare const found: Extract<Either.Either<number>, { _tag: "Right" }>`,
      before: "const { right: value } = found"
    }])
    expect(result?.text).toBe(oneLine("const { success: value } = found"))
  })
})
