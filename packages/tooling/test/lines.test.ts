import { assert, it } from "@effect/vitest"
import { countLines, lineTable } from "../src/lines.ts"
import { packagesWith } from "./support.ts"

it("the table of lines has a row for each package and a sum", () => {
  const packages = packagesWith({
    "src/A.ts": "// comment\nconst a = 1\n\n",
    "src/internal/b.ts": "const b = 1\nconst c = 2\n",
    "test/A.test.ts": "const test = 1\n"
  })
  assert.strictEqual(
    lineTable([...packages.map(countLines), { name: "b", files: 10, code: 100, comment: 20, blank: 3 }]),
    [
      "package  files  code lines  comment lines  blank lines",
      "a            2           3              1            1",
      "b           10         100             20            3",
      "all         12         103             21            4"
    ].join("\n")
  )
})
