import { defineProject } from "vitest/config"

export default defineProject({
  test: { name: "tooling", testTimeout: 60_000, include: ["test/**/*.test.ts"] }
})
