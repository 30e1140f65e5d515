/**
 * A vitest setup file that fails each test in which a secret leaks. Vitest runs this module before every test file of a
 * package whose `vitest.config.ts` says `setupFiles: ["@effect-mcp-auth/leak-recorder/setup"]`.
 */
import { afterEach, beforeAll } from "vitest"
import { check, startFile, startTests } from "./recorder.ts"

startFile()
beforeAll(startTests)
afterEach(check)
