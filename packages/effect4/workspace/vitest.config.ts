import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

// A zone other than UTC, so that a test notices a date that is read as local time. HTTP dates are in UTC.
process.env["TZ"] = "America/New_York"

const cores = availableParallelism()

export default defineConfig({
  test: {
    projects: ["packages/*/vitest.config.ts"],
    silent: "passed-only"
  }
})
