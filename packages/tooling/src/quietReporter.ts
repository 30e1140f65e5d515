import type { TestModule } from "vitest/node"
import { DefaultReporter } from "vitest/reporters"

/** Prints the files in which a test failed, their output, and a summary. */
export class QuietReporter extends DefaultReporter {
  protected override printTestModule(testModule: TestModule): void {
    if (testModule.state() === "failed") super.printTestModule(testModule)
  }
}
