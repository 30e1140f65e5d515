import { describe, expect, it } from "vitest"
import { rules, wraps } from "../src/rules/index.ts"
import { oneLine, rewritten } from "./support/rewritten.ts"

describe("rules", () => {
  const all = [...rules, ...wraps]
  const results = rewritten(all.map(({ example }) => example))

  it.each(all.map(({ example, name }, index) => ({ name, after: example.after, text: results[index]?.text })))(
    "$name: the example before is rewritten to the example after",
    ({ after, text }) => {
      expect(text).toBe(oneLine(after))
    }
  )

  it.each(all)("$name: the example before and the example after differ", ({ example }) => {
    expect(oneLine(example.before)).not.toBe(oneLine(example.after))
  })

  it("gives each rule a name of its own", () => {
    const names = all.map(({ name }) => name)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  })
})
