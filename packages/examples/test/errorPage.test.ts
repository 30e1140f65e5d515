/**
 * The page of errors, compared with the code: every error by tag and reason, every option, every code, every text.
 */
import { OAuthError } from "@effect-mcp-auth/core"
import { ERROR_PAGE, readErrorTexts, renderErrorPage } from "@effect-mcp-auth/tooling/errorPage"
import { assert, describe, it } from "@effect/vitest"
import * as SchemaAST from "effect/SchemaAST"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const page = readFileSync(join(root, ERROR_PAGE), "utf8")
const found = readErrorTexts(root)

/** The first column of the tables that are written by hand, in the section whose heading names the error. */
const namesIn = (tag: string): ReadonlyArray<string> => {
  const section = page.split(/^## /m).find((section) => section.split("\n")[0]?.includes(`\`${tag}\``)) ?? ""
  const byHand = section.split("<!-- texts of")[0] ?? ""
  return Array.from(byHand.matchAll(/^\| ([^|]*) \|/gm), ([, cell]) => cell ?? "")
    .flatMap((cell) => Array.from(cell.matchAll(/`([^`]+)`/g), ([, name]) => name ?? ""))
}

const literalsOf = (ast: SchemaAST.AST | SchemaAST.PropertySignature): ReadonlyArray<string> => {
  if (ast instanceof SchemaAST.PropertySignature) return literalsOf(ast.type)
  if (SchemaAST.isUnion(ast)) return ast.types.flatMap(literalsOf)
  if (SchemaAST.isLiteral(ast)) return [String(ast.literal)]
  return SchemaAST.isRefinement(ast) || SchemaAST.isTransformation(ast) ? literalsOf(ast.from) : []
}

/** The exported classes of errors, by tag, each with its reasons. */
const reasonsOfTags = Object.values(OAuthError).flatMap((value) => {
  if (typeof value !== "function" || !("fields" in value)) return []
  const properties = SchemaAST.getPropertySignatures(SchemaAST.typeAST(value.ast))
  const [tag] = properties.filter(({ name }) => name === "_tag").flatMap(literalsOf)
  const reasons = properties.filter(({ name }) => name === "reason").flatMap(literalsOf)
  return tag === undefined ? [] : [{ tag, reasons, prototype: value.prototype }]
})

describe("the page of errors", () => {
  it("is compared with all classes of errors that core exports", () => {
    assert.includeMembers(reasonsOfTags.map(({ tag }) => tag), [
      "DiscoveryError",
      "InvalidOptions",
      "TokenStorageError"
    ])
    assert.isAtLeast(reasonsOfTags.length, 8)
    assert.isAtLeast(reasonsOfTags.flatMap(({ reasons }) => reasons).length, 25)
  })

  it.each(reasonsOfTags)(
    "has a section for $tag, with a row for each of its reasons and for no other",
    ({ reasons, tag }) => {
      assert.include(page, `: \`${tag}\`\n`)
      if (reasons.length === 0) return
      const known = new Set<string>(reasons)
      assert.deepStrictEqual(
        namesIn(tag).filter((name) => /^[A-Z][a-z]+[A-Z]?/.test(name)).toSorted(),
        [...known].toSorted()
      )
    }
  )

  it("says that waiting helps for exactly the errors that are transient", () => {
    const transient = reasonsOfTags.flatMap(({ prototype, reasons, tag }) =>
      reasons.filter((reason) => Reflect.get(prototype, "transient", { reason }) === true).map((reason) =>
        `\`${tag}\` with \`${reason}\``
      )
    )
    const listed = Array.from(page.matchAll(/^\| (`\w+` with `\w+`) \| yes/gm), ([, error]) => error ?? "")
    assert.deepStrictEqual(listed.toSorted(), transient.toSorted())
  })

  it("explains every option that can be wrong", () => {
    assert.isAtLeast(found.options.length, 25)
    const explained = new Set(namesIn("InvalidOptions"))
    assert.deepStrictEqual(found.options.filter((option) => !explained.has(option)), [])
  })

  it("explains every code that the type of token errors names", () => {
    const source = readFileSync(join(root, "packages/core/src/OAuthError.ts"), "utf8")
    const [, union = ""] = /type TokenErrorCode =\n(.*?)\n\n/s.exec(source) ?? []
    const codes = Array.from(union.matchAll(/"(\w+)"/g), ([, code]) => code ?? "")
    assert.isAtLeast(codes.length, 9)
    const explained = new Set(namesIn("TokenEndpointError"))
    assert.deepStrictEqual(codes.filter((code) => !explained.has(code)), [])
  })

  it("has the texts of all errors and log lines (run `pnpm docs:errors` after a change of a text)", () => {
    assert.isAtLeast(found.texts.length, 200)
    assert.strictEqual(page, renderErrorPage(page, found.texts))
  })
})

describe("the page about problems", () => {
  it("explains every code of a failed connection that an error can show", () => {
    const source = readFileSync(join(root, "packages/core/src/internal/errors/connectionFailure.ts"), "utf8")
    const codes = Array.from(source.matchAll(/\bcodes:\s+((?:"[^"]*"[\s+]*)+),/g), ([, lists]) => lists ?? "")
      .flatMap((lists) => lists.match(/[\w/]+/g) ?? [])
    assert.isAtLeast(codes.length, 40)
    const troubleshooting = readFileSync(join(root, "packages/core/docs/troubleshooting.md"), "utf8")
    assert.deepStrictEqual(codes.filter((code) => !troubleshooting.includes(`\`${code}\``)), [])
  })
})
