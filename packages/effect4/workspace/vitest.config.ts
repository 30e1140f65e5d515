import { defineConfig } from "vitest/config"
import { availableParallelism } from "node:os"

// A zone other than UTC, so that a test notices a date that is read as local time. HTTP dates are in UTC.
process.env["TZ"] = "America/New_York"

export default defineConfig({
  test: {
    projects: ["packages/*/vitest.config.ts"],
    // Most tests wait for timers, so there are more workers than cores.
    maxWorkers: 2 * availableParallelism(),
    silent: "passed-only"
  }
})
