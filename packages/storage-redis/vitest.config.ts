import { defineProject } from "vitest/config"

export default defineProject({
  test: {
    name: "storage-redis",
    testTimeout: 60_000,
    globalSetup: ["test/support/redisInstalled.ts"],
    include: ["test/**/*.test.ts"],
    setupFiles: ["@effect-mcp-auth/leak-recorder/setup"]
  }
})
