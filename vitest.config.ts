import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"
import { isPublished, readPackages } from "./packages/tooling/src/packages.ts"
import { QuietReporter } from "./packages/tooling/src/quietReporter.ts"
import projects from "./vitest.workspace.ts"

// A zone other than UTC, so that a test notices a date that is read as local time. HTTP dates are in UTC.
process.env["TZ"] = "America/New_York"

const published = readPackages(import.meta.dirname).filter(isPublished)

const cores = availableParallelism()

export default defineConfig({
  test: {
    projects,
    // Packages whose tests run in memory share the modules of a worker (`pool: "threads"` in their own configuration).
    // Their tests wait for timers most of the time, so there are more workers than cores. The other tests start
    // processes and servers, and each of their files has a process of its own.
    poolOptions: {
      threads: { isolate: false, minThreads: 2 * cores, maxThreads: 2 * cores },
      forks: { minForks: cores, maxForks: cores }
    },
    silent: "passed-only",
    reporters: [new QuietReporter()],
    coverage: {
      include: published.map(({ folder }) => `packages/${folder}/src/**/*.ts`),
      exclude: ["**/index.ts"],
      reporter: ["text", "json-summary"],
      thresholds: { lines: 99, branches: 98 }
    }
  }
})
