/** Every scenario on real servers, on every protocol. */
import { describe, inject, it } from "@effect/vitest"
import * as Connection from "../src/Connection.ts"
import { scenariosOf } from "../src/scenarios.ts"

for (const line of Connection.lines) {
  describe.concurrent(`McpClient on ${Connection.nameOf(line)}`, () => {
    for (const { run, title } of scenariosOf(line)) {
      it.live(title, () => run(line, inject("control")))
    }
  })
}
