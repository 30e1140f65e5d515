import { defineConfig } from "vitest/config"
import { isPublished, readPackages } from "./packages/tooling/src/packages.ts"
import projects from "./vitest.workspace.ts"

const published = readPackages(import.meta.dirname).filter(isPublished)

export default defineConfig({
  test: {
    projects,
    coverage: {
      include: published.map(({ folder }) => `packages/${folder}/src/**/*.ts`),
      exclude: ["**/index.ts"],
      reporter: ["text", "json-summary"],
      thresholds: { lines: 95, branches: 95 }
    }
  }
})
