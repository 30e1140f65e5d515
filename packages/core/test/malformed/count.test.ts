import { expect, it } from "@effect/vitest"
import { assertions } from "./assertions.ts"
import { authorizationServerMetadata } from "./authorizationServerMetadata.ts"
import { callerOptions } from "./callerOptions.ts"
import { challenges } from "./challenges.ts"
import { configValues } from "./configValues.ts"
import { discoveryRecords } from "./discoveryRecords.ts"
import { errorBodies } from "./errorBodies.ts"
import { keys } from "./keys.ts"
import { resourceMetadata } from "./resourceMetadata.ts"
import { storedRecords } from "./storedRecords.ts"
import { tokenResponses } from "./tokenResponses.ts"

const families = [
  assertions,
  authorizationServerMetadata,
  callerOptions,
  challenges,
  configValues,
  discoveryRecords,
  errorBodies,
  keys,
  resourceMetadata,
  storedRecords,
  tokenResponses
]

it("the tables of malformed inputs have at least 150 rows, and no row twice", () => {
  const rows = families.flatMap(({ name, rows }) => rows.map(({ input }) => `${name}: ${input}`))
  expect(rows.length).toBeGreaterThanOrEqual(150)
  expect(new Set(rows).size).toBe(rows.length)
})

it("each row of the tables of malformed inputs names a section", () => {
  const section = /^(RFC \d{4} (§|appendix )[\dA-Z]|MCP Security|CWE-\d+$|NIST SP 800-\d|WHATWG Fetch §)/
  expect(families.flatMap(({ rows }) => rows).filter(({ section: named }) => !section.test(named))).toEqual([])
})
