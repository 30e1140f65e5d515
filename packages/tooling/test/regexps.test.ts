import { assert, describe, expect, it } from "@effect/vitest"
import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { isPublished, readPackages, repository } from "../src/packages.ts"
import { checkExpressions, findExpressions } from "../src/regexps.ts"
import { isThorough } from "../src/thorough.ts"
import { packagesWith } from "./support.ts"

const check = (source: string, reasons: Readonly<Record<string, string>> = {}) =>
  checkExpressions(findExpressions(packagesWith({ "src/A.ts": source })), new Map(Object.entries(reasons)))

describe("checkExpressions", () => {
  it("allows expressions that need linear time", () => {
    assert.deepStrictEqual(check("export const a = [/^a+$/, /\"[^\"]*\"/g, /a+b?$/y.source]"), [])
  })

  it.each([
    ["nested repetitions", "/^(a+)+$/", "exponential"],
    ["two repetitions of the same characters", "/^\\s*\\w*\\s*\\s*$/", "polynomial"],
    ["a repetition at the end, which is tried at each place of the text", "/\\s+$/", "polynomial"],
    ["a search that goes to the end of the text from each place", "/a.*b/s", "polynomial"]
  ])("reports %s", (_, expression, complexity) => {
    const [fault = "", ...others] = check(`\nexport const a = ${expression}`)
    assert.deepStrictEqual(others, [])
    assert.include(fault, `packages/a/src/A.ts:2: ${expression} needs more than linear time`)
    assert.include(fault, complexity)
  })

  it("reports an expression without a proof, unless a reason is given", () => {
    const source = "export const a = /(?<=a)b+c/"
    assert.deepStrictEqual(check(source), [
      "packages/a/src/A.ts:1: /(?<=a)b+c/ has no proof (unsupported), and no reason says why it needs linear time"
    ])
    assert.deepStrictEqual(check(source, { "/(?<=a)b+c/": "the reason" }), [])
  })

  it("reports an expression that is built at run time, unless a reason is given", () => {
    assert.deepStrictEqual(check("export const a = (b) => new RegExp(b)"), [
      "packages/a/src/A.ts:1: new RegExp(b) is built at run time, and no reason says why it needs linear time"
    ])
    assert.deepStrictEqual(check("export const a = (b) => new RegExp(b)", { "new RegExp(b)": "the reason" }), [])
  })

  it("reports no literal that has a proof already, and every expression that is built at run time", () => {
    const source = "export const a = [/(?<=a)b+c/, new RegExp(b)]"
    const expressions = findExpressions(packagesWith({ "src/A.ts": source }))
    const faults = checkExpressions(expressions, new Map(), new Set(["/(?<=a)b+c/", "new RegExp(b)"]))
    assert.lengthOf(faults, 1)
    assert.include(faults[0] ?? "", "new RegExp(b) is built at run time")
  })

  it("reports a reason that no expression needs", () => {
    assert.deepStrictEqual(check("", { "/a/": "the reason" }), ["the reason for /a/ belongs to no expression"])
  })
})

/** Why these expressions need linear time. */
const reasons = new Map([
  [
    "/^([^/]*\\/\\/[^/]*)\\/(?=$|[?#])/",
    "The expression is tried at the beginning only, each repetition ends at a slash, and the look-ahead reads one " +
    "character."
  ],
  [
    "/(?<=:\\/\\/)[^\\s/@\"'?#]*@/g",
    "The repetition begins after `://` only and reads no slash, so that no character is read for two beginnings."
  ],
  [
    "new RegExp(`\\\\b(?:${[...registeredCodes].join(\"|\")})\\\\b`, \"g\")",
    "The expression has no repetition: it is a list of codes."
  ],
  [
    "new RegExp(escapes.join(\"|\"), \"gi\")",
    "The expression is a list of escapes, and each of them has a largest length."
  ]
])

/** The literals of the published packages that are proved to need linear time, one a line. */
const proved = fileURLToPath(new URL("./regexps/proved.txt", import.meta.url))

describe("the published packages", () => {
  // Most of the proofs take minutes together. Thorough tests do all of them anew.
  it("have no regular expression that needs more than linear time", { timeout: 300_000 }, async () => {
    const expressions = findExpressions(readPackages(repository).filter(isPublished))
    assert.isAbove(expressions.length, 100)
    const known = new Set(isThorough || !existsSync(proved) ? [] : readFileSync(proved, "utf8").split("\n"))
    assert.deepStrictEqual(checkExpressions(expressions, reasons, known), [])
    const literals = expressions.filter(({ literal, text }) => literal !== undefined && !reasons.has(text))
    const texts = [...new Set(literals.map(({ text }) => text))].toSorted()
    // The proofs of a few new literals are quick. When there are more, `vitest run --update` adds them to the file.
    if (!isThorough && texts.filter((text) => !known.has(text)).length > 20) {
      // oxlint-disable-next-line vitest/no-conditional-expect -- thorough tests need no list
      await expect(texts.join("\n") + "\n").toMatchFileSnapshot(proved)
    }
  })
})
