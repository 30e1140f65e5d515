import { defineProject } from "vitest/config"

export default defineProject({
  test: { name: "client-secret", include: ["test/**/*.test.ts"], setupFiles: ["../core/test/support/recorder.ts"] }
})
