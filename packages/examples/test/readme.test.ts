/**
 * The README of the repository, compared with the manifests: its packages, its commands, and what it says about
 * dependencies.
 */
import { isPublished, readPackages } from "@effect-mcp-auth/tooling/packages"
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const readme = readFileSync(join(root, "README.md"), "utf8")
const packages = readPackages(root)

const manifestOf = (directory: string): Readonly<Record<string, Readonly<Record<string, string>> | undefined>> =>
  JSON.parse(readFileSync(join(directory, "package.json"), "utf8"))

/** The first cells of the rows of a table, in backticks. */
const firstCells = (head: string): ReadonlyArray<string> => {
  const [, table = ""] = readme.split(`| ${head} |`)
  return table.split("\n\n")[0]?.match(/^\| (.*?) \|/gm) ?? []
}

describe("the README", () => {
  it("has each package in its table, and no other", () => {
    const named = firstCells("package | holds").flatMap((cell) => cell.match(/[\w-]+(?=`)/g) ?? [])
    assert.sameMembers(named, packages.map(({ folder }) => folder))
  })

  it("names only commands that are scripts of the root", () => {
    const { scripts = {} } = manifestOf(root)
    const commands = Array.from(
      readme.matchAll(/`(?:\w+=\S+ |npx -y )*pnpm(?:@\S+)? ([\w:]+)/g),
      ([, command]) => command
    )
    assert.isAtLeast(commands.length, 15)
    assert.deepStrictEqual(commands.filter((command = "") => command !== "install" && !(command in scripts)), [])
  })

  it("names all dependencies of the published packages: peers, and `jose` in core", () => {
    const names = new Set(packages.map(({ manifest }) => manifest.name))
    for (const { directory, folder } of packages.filter(isPublished)) {
      const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = manifestOf(directory)
      const own = folder === "core" ? ["jose"] : []
      assert.deepStrictEqual(Object.keys({ ...dependencies, ...optionalDependencies }), own, folder)
      const peers = Object.keys(peerDependencies).filter((peer) => !names.has(peer))
      assert.sameMembers(
        peers,
        ["effect", "@effect/platform", ...folder === "storage-redis" ? ["ioredis"] : []],
        folder
      )
    }
  })
})
