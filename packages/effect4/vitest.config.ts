import { defineProject } from "vitest/config"

export default defineProject({
  test: { name: "effect4", testTimeout: 60_000, include: ["test/**/*.test.ts"] }
})
