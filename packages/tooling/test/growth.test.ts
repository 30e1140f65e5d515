import { assert, describe, it } from "@effect/vitest"
import { isLinear, measureModule, sizes } from "../src/growth.ts"
import { folderWith } from "./support.ts"

/** Kinds of work on `text`, whose length is a part of each size, and on `list`, its entries. */
const linear: Readonly<Record<string, string>> = {
  "a loop": "let count = 0; for (const character of text) count += character.length",
  "a callback for each entry": "list.map((entry) => entry.length).filter((length) => length > 1)",
  "a set of the entries": "const known = new Set(list); list.filter((entry) => !known.has(entry))",
  "an expression that is applied everywhere": "text.replaceAll(/a/g, 'b')",
  "a search from the last place on": "for (let at = 0; at >= 0;) at = text.indexOf('a', at + 1)",
  "a constant": "text.slice(0, 10)"
}

const quadratic: Readonly<Record<string, string>> = {
  "a loop in a loop": "for (const a of list) for (const b of list) if (a > b) break; else if (b > a) return",
  "`includes` for each entry": "list.filter((entry, index) => !list.includes(entry + index))",
  "`indexOf` for each character": "for (const character of text) text.indexOf('b')",
  "a copy for each entry": "let all = []; for (const entry of list) all = [...all, entry]",
  "`shift` for each entry": "while (list.length > 0) list.shift()",
  "the rest of the text for each character": "for (let rest = text; rest !== ''; rest = rest.slice(1));",
  "an expression that finds nothing, for each entry": "for (const entry of list) /b/.test(text)",
  "keys of an object that grows": "const o = {}; for (const i of list.keys()) { o[i] = 1; Object.keys(o) }"
}

/** All kinds of work are measured in one process, since starting one takes longer than the work. */
const measure = async () =>
  measureModule(`file://${
    folderWith({
      "inputs.ts": `export const inputs = [${
        Object.entries({ ...linear, ...quadratic }).map(([name, work]) =>
          `{
        name: ${JSON.stringify(name)},
        prepare: (bytes) => {
          const text = "a ".repeat(bytes / 64)
          const list = text.split(" ")
          return () => { ${work} }
        }
      }`
        ).join(",\n")
      }]`
    })
  }/inputs.ts`)

let measured: ReturnType<typeof measure> | undefined

const growthOf = async (name: string) => {
  const growth = (await (measured ??= measure())).get(name)
  assert(growth !== undefined)
  return growth
}

describe("the steps of linear work", () => {
  it.each(Object.keys(linear))("grow like the input: %s", async (name) => {
    const growth = await growthOf(name)
    assert.isTrue(isLinear(growth), growth.steps.join(", "))
    assert.lengthOf(growth.steps, sizes.length)
  })
})

describe("the steps of quadratic work", () => {
  it.each(Object.keys(quadratic))("grow faster than the input: %s", async (name) => {
    const growth = await growthOf(name)
    assert.isFalse(isLinear(growth), growth.steps.join(", "))
  })
})
