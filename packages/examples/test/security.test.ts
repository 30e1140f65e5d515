/**
 * SECURITY.md, compared with the repository: each link leads to a file, and each defence names tests that exist.
 */
import { HostileServersContract } from "@effect-mcp-auth/testing"
import { assert, describe, it } from "@effect/vitest"
import { existsSync, readFileSync } from "node:fs"
import { basename, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const page = readFileSync(join(root, "SECURITY.md"), "utf8")

/** A reference to a test: [`File.test.ts`](path/File.test.ts) "title". An ellipsis stands for what the test fills in. */
const reference = /\[`([^`]+)`\]\(([^)\s]+)\) "([^"]+)"/g

const references = Array.from(
  page.matchAll(reference),
  ([, file = "", path = "", title = ""]) => ({ file, path, title })
)

const targets = Array.from(page.matchAll(/\]\(([^)\s#]+)[^)\s]*\)/g), ([, target = ""]) => target)

/** Cells of the rows of all tables with the columns "Attack | What happens | Test". */
const defences = page.split("\n\n")
  .filter((block) => block.startsWith("| Attack | What happens | Test |\n"))
  .flatMap((block) => block.trimEnd().split("\n").slice(2))
  .map((row) => row.slice(2, -2).split(" | "))

/** A string literal whose whole text is the title. An ellipsis matches `${...}`, a placeholder, or any other text. */
const literalOf = (title: string): RegExp => {
  const parts = title.split("…").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"))
  return new RegExp(`["'\`]${parts.join("[^\\n]+?")}["'\`]`)
}

const sourceOf = (path: string): string => readFileSync(join(root, path), "utf8").replaceAll("\\\"", "\"")

describe("the page about security", () => {
  it.each([...new Set(targets)])("has a link to %s, which exists", (target) => {
    assert.isTrue(existsSync(join(root, target)))
  })

  it.each(references)("names the test of $path with the title: $title", ({ file, path, title }) => {
    assert.strictEqual(file, basename(path))
    assert.match(path, /\.test\.ts$|^packages\/testing\/src\/attacks\/\w+\.ts$/)
    assert.match(sourceOf(path), literalOf(title))
  })

  it.each(defences.map((cells) => [cells[0] ?? "", cells] as const))(
    "has an outcome, and nothing but tests in the last column, in the row: %s",
    (_, cells) => {
      assert.strictEqual(cells.length, 3)
      const [, outcome = "", tests = ""] = cells
      assert.isNotEmpty(outcome.trim())
      assert.match(tests, reference)
      assert.strictEqual(tests.replaceAll(reference, "").replaceAll("; ", ""), "")
    }
  )

  it("has at least 35 defences against seven kinds of attackers", () => {
    assert.isAtLeast(defences.length, 35)
    assert.strictEqual(page.split("| Attack | What happens | Test |").length - 1, 7)
  })
})

/** The tests find a title that has changed. */
describe("a title of a test", () => {
  it.each<readonly [title: string, source: string, isFound: boolean]>([
    ["a title", "it(\"a title\", () => {})", true],
    ["a title", "it(\"a title that is longer\", () => {})", false],
    ["title", "it(\"a title\", () => {})", false],
    ["a … leads elsewhere", "name: `a ${code} leads elsewhere`", true],
    ["a … leads elsewhere", "name: `a ${code} leads home`", false],
    ["is … (…)", "it(`is ${what} (${section})`)", true]
  ])("%s in %s: %s", (title, source, isFound) => {
    assert.strictEqual(literalOf(title).test(source), isFound)
  })
})

describe("the README of `testing`", () => {
  it("says less than the number of attacks of `HostileServersContract`", () => {
    const readme = readFileSync(join(root, "packages/testing/README.md"), "utf8")
    const [, number] = /has over (\d+) attacks/.exec(readme) ?? []
    const attacks = HostileServersContract.cases.filter(({ family }) => family !== "without an attack")
    assert.isAbove(attacks.length, Number(number))
  })
})
