/**
 * The README of the repository and CONTRIBUTING.md, compared with the manifests: their packages and commands, and what
 * the README says about installation and dependencies.
 */
import { isPublished, readPackages } from "@effect-mcp-auth/tooling/packages"
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const readme = readFileSync(join(root, "README.md"), "utf8")
const contributing = readFileSync(join(root, "CONTRIBUTING.md"), "utf8")
const packages = readPackages(root)

const manifestOf = (directory: string): Readonly<Record<string, Readonly<Record<string, string>> | undefined>> =>
  JSON.parse(readFileSync(join(directory, "package.json"), "utf8"))

/** The first cells of the rows of a table, in backticks. */
const firstCells = (page: string, head: string): ReadonlyArray<string> => {
  const [, table = ""] = page.split(`| ${head} |`)
  return table.split("\n\n")[0]?.match(/^\| (.*?) \|/gm) ?? []
}

describe("CONTRIBUTING.md", () => {
  it("has each package in its table, and no other", () => {
    const named = firstCells(contributing, "package | holds").flatMap((cell) => cell.match(/[\w-]+(?=`)/g) ?? [])
    assert.sameMembers(named, packages.map(({ folder }) => folder))
  })

  it("names only commands that are scripts of the root, and so does the README", () => {
    const { scripts = {} } = manifestOf(root)
    const commands = Array.from(
      (readme + contributing).matchAll(/`(?:\w+=\S+ |npx -y )*pnpm(?:@\S+)? ([\w:]+)/g),
      ([, command]) => command
    )
    assert.isAtLeast(commands.length, 15)
    assert.deepStrictEqual(commands.filter((command = "") => command !== "install" && !(command in scripts)), [])
  })
})

describe("the README", () => {
  it("installs each published package on both lines, by its major version there", () => {
    const installed = Array.from(
      readme.matchAll(/@effect-mcp-auth\/([\w-]+)@(\d)/g),
      ([, name = "", major = ""]) => `${name}@${major}`
    )
    const published = packages.filter(isPublished).flatMap(({ folder }) => [`${folder}@0`, `${folder}@4`])
    assert.sameMembers([...new Set(installed)], published)
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
