import { defineProject } from "vitest/config"

export default defineProject({
  test: {
    name: "leak-recorder",
    pool: "threads",
    isolate: false,
    testTimeout: 60_000,
    include: ["test/**/*.test.ts"],
    setupFiles: ["src/setup.ts"]
  }
})
