/** The global variable through which instrumented code learns which mutant is active, and counts what runs. */

interface Namespace {
  activeMutant?: string | undefined
  currentTestId?: string | undefined
  hitCount?: number | undefined
  hitLimit?: number | undefined
  mutantCoverage?: {
    readonly static: Record<string, number>
    readonly perTest: Record<string, Record<string, number>>
  }
}

declare global {
  // oxlint-disable-next-line no-var -- only `var` declares a property of `globalThis`
  var __stryker__: Namespace | undefined
}

const namespace: Namespace = globalThis.__stryker__ ??= {}

export const switchboard = {
  get mutantCoverage() {
    return namespace.mutantCoverage
  },
  /** Whose account the code that runs now is put on: a test, the loading of a file, or `undefined` for modules. */
  set currentTestId(id: string | undefined) {
    namespace.currentTestId = id
  },
  hits: (id: string): Record<string, number> => namespace.mutantCoverage?.perTest[id] ?? {},
  /** Code of the mutant that runs more often than the limit throws, which ends endless loops. */
  activate: (mutant: string | undefined, hitLimit: number): void => {
    namespace.activeMutant = mutant ?? "none"
    namespace.hitCount = mutant === undefined ? undefined : 0
    namespace.hitLimit = hitLimit
  }
}
