import { defineProject } from "vitest/config"

export default defineProject({
  test: { name: "testing", pool: "threads", testTimeout: 60_000, include: ["test/**/*.test.ts"] }
})
