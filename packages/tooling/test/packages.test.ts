import { assert, describe, it } from "@effect/vitest"
import { filesBelow, isPublished, readPackages, repository } from "../src/packages.ts"
import { folderWith } from "./support.ts"

describe("packages", () => {
  it("finds every folder with a manifest and publishes those that are not private", () => {
    const packages = readPackages(folderWith({
      "packages/b/package.json": JSON.stringify({ name: "b" }),
      "packages/a/package.json": JSON.stringify({ name: "a", private: true }),
      "packages/no-manifest/file": ""
    }))
    assert.deepStrictEqual(packages.map(({ folder }) => folder), ["a", "b"])
    assert.deepStrictEqual(packages.filter(isPublished).map(({ manifest }) => manifest.name), ["b"])
  })

  it("reads the packages of this repository", () => {
    const folders = readPackages(repository).filter(isPublished).map(({ folder }) => folder)
    assert.include(folders, "core")
    assert.notInclude(folders, "tooling")
  })

  it("lists files of nested folders by their ending, and none of an absent folder", () => {
    const folder = folderWith({ "b/c.ts": "", "a.ts": "", "a.md": "" })
    assert.deepStrictEqual(filesBelow(folder, ".ts"), [`${folder}/a.ts`, `${folder}/b/c.ts`])
    assert.deepStrictEqual(filesBelow(`${folder}/absent`, ".ts"), [])
  })
})
