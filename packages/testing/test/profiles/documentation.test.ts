import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"

const page = readFileSync(new URL("../../docs/identity-providers.md", import.meta.url), "utf8")
const folder = new URL("./configurations/", import.meta.url)

describe("docs/identity-providers.md", () => {
  for (const file of readdirSync(folder)) {
    it(`shows ${file} as it is tested`, () => {
      assert.include(page, `\`\`\`ts\n${readFileSync(new URL(file, folder), "utf8")}\`\`\``)
    })
  }
})
