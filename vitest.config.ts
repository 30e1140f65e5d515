import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    projects: ["packages/*/vitest.config.ts"],
    coverage: {
      include: [
        "packages/{core,client-secret,private-key-jwt,jwt-bearer,workload-identity,storage-file,storage-redis,testing}/src/**/*.ts"
      ],
      exclude: ["**/index.ts"],
      reporter: ["text", "json-summary"],
      thresholds: { lines: 95, branches: 95 }
    }
  }
})
