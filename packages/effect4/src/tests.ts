/**
 * The results of the tests on Effect 4, and the list of those that do not run there.
 */
import { readFileSync } from "node:fs"
import { join, relative } from "node:path"

/** A test that does not run on Effect 4, and why. */
export interface NotRunning {
  readonly file: string
  readonly test: string
  readonly reason: string
}

export interface TestResult {
  /** The path below the workspace. */
  readonly file: string
  /** The titles from outside to inside. */
  readonly test: string
  readonly status: "passed" | "failed" | "skipped"
  readonly message: string
}

interface Report {
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly status: string
    readonly message?: string
    readonly assertionResults: ReadonlyArray<{
      readonly fullName: string
      readonly status: string
      readonly failureMessages?: ReadonlyArray<string> | undefined
    }>
  }>
}

const listFile = join(import.meta.dirname, "..", "notRunning.json")

export const readResults = (file: string, root: string): ReadonlyArray<TestResult> => {
  const { testResults }: Report = JSON.parse(readFileSync(file, "utf8"))
  return testResults.flatMap(({ assertionResults, message = "", name, status }) => {
    const path = relative(root, name)
    // A file that cannot be loaded has no test.
    if (assertionResults.length === 0 && status === "failed") {
      return [{ file: path, test: "(the file)", status: "failed" as const, message }]
    }
    return assertionResults.map(({ failureMessages = [], fullName, status: own }) => ({
      file: path,
      test: fullName,
      status: own === "passed" || own === "failed" ? own : "skipped" as const,
      message: failureMessages[0] ?? ""
    }))
  })
}

const nameOf = ({ file, test }: Pick<NotRunning, "file" | "test">): string => `${file} > ${test}`

/** The faults of a run: tests that fail and are not on the list, and tests on the list that pass or are gone. */
export const faultsOf = (
  results: ReadonlyArray<TestResult>,
  listed: ReadonlyArray<NotRunning>
): ReadonlyArray<string> => {
  const known = new Set(listed.map(nameOf))
  const byName = new Map(results.map((result) => [nameOf(result), result]))
  return [
    ...results.filter((result) => result.status !== "passed" && !known.has(nameOf(result)))
      .map((result) => `${nameOf(result)}: ${result.status}: ${result.message.split("\n")[0]}`),
    ...listed.flatMap((own) => {
      const result = byName.get(nameOf(own))
      if (result === undefined) return [`${nameOf(own)} is on the list, and there is no such test`]
      return result.status === "passed" ? [`${nameOf(own)} passes: take it off the list`] : []
    }),
    ...listed.filter(({ reason }) => reason.trim() === "").map((own) =>
      `${nameOf(own)} is on the list without a reason`
    )
  ]
}

/** Prints the shares. Returns how many tests did not pass, those on the list included, and the faults. */
export const compareTests = (
  file: string,
  root: string
): { readonly failures: number; readonly faults: ReadonlyArray<string> } => {
  const listed: ReadonlyArray<NotRunning> = JSON.parse(readFileSync(listFile, "utf8"))
  const results = readResults(file, root)
  const known = new Set(listed.map(nameOf))
  const others = results.filter(({ status }) => status !== "passed")
  const failed = others.filter((result) => !known.has(nameOf(result))).length
  const passed = results.length - others.length
  const share = results.length === 0 ? 0 : 100 * passed / results.length
  console.log(`Effect 4: ${passed} passed, ${failed} failed, ${listed.length} on the list (${share.toFixed(2)} %)`)
  return { failures: others.length, faults: faultsOf(results, listed) }
}
