import { assert, describe, it } from "@effect/vitest"
import { circles, makeGraph } from "../src/graph.ts"

describe("circles", () => {
  it("finds none in a graph in which all arrows point down", () => {
    assert.deepStrictEqual(circles(makeGraph([["a", "b"], ["a", "c"], ["b", "c"], ["c", "d"]])), [])
  })

  it("finds a node that points to itself", () => {
    assert.deepStrictEqual(circles(makeGraph([["a", "a"]])), [["a", "a"]])
  })

  it("finds the shortest circle of a group, and one circle in each group", () => {
    const graph = makeGraph([
      ["a", "b"],
      ["b", "c"],
      ["c", "a"],
      ["c", "b"],
      ["c", "x"],
      ["x", "y"],
      ["y", "x"],
      ["y", "z"]
    ])
    assert.deepStrictEqual(circles(graph), [["b", "c", "b"], ["x", "y", "x"]])
  })
})
