import { defineProject } from "vitest/config"

export default defineProject({
  test: {
    name: "examples",
    testTimeout: 60_000,
    include: ["test/**/*.test.ts"],
    setupFiles: ["../core/test/support/properties.ts"]
  }
})
