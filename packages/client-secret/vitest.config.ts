import { defineProject } from "vitest/config"

export default defineProject({
  test: {
    name: "client-secret",
    pool: "threads",
    isolate: false,
    testTimeout: 60_000,
    include: ["test/**/*.test.ts"],
    setupFiles: ["@effect-mcp-auth/leak-recorder/setup"]
  }
})
