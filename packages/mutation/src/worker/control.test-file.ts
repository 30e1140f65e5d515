/** The one test file that vitest knows of in a worker. The runner runs every other test before this file is loaded. */
import { it } from "vitest"

it("the worker ended when the program told it to", () => undefined)
