/** The one test file that vitest knows of in a worker. The runner runs every other test before this file is loaded. */
import { expect, it } from "vitest"

it("the runner belongs to a program that told it to end", () => {
  expect(process.env["MUTATION_SOCKET"]).toBeDefined()
})
