import { expect, it } from "@effect/vitest"
import { clean } from "../../src/authoring/CleanText.ts"

it("CleanText.clean returns one line without the given secrets and without JWTs", () => {
  expect(clean("pass\r\nword hunter2, eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJjYW5hcnkifQ", ["hunter2"])).toBe(
    "pass word <redacted>, <redacted>"
  )
})
