import { defineProject } from "vitest/config"

export default defineProject({
  test: { name: "snippets", testTimeout: 60_000, include: ["src/**/*.test.ts"] }
})
