/**
 * `pnpm conformance`: runs scenarios of the official suite with `client.ts`, and fails on any failed check that
 * `baseline.yml` does not excuse. `pnpm conformance <scenario>...` runs only the named scenarios.
 */
import * as Effect from "effect/Effect"
import { readFile } from "node:fs/promises"
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import * as Baseline from "./Baseline.ts"
import * as Suite from "./Suite.ts"
import * as Verdict from "./Verdict.ts"

/** A scenario that ends with a refusal: the client must exit with an error, and the suite reports that as a fault. */
const REFUSALS: ReadonlySet<string> = new Set(["auth/authorization-server-migration"])

const SCENARIOS = [
  "auth/client-credentials-basic",
  "auth/client-credentials-jwt",
  "auth/enterprise-managed-authorization",
  "auth/wif-jwt-bearer",
  "auth/pre-registration",
  "auth/iss-supported",
  "auth/iss-not-advertised",
  "auth/authorization-server-migration",
  "auth/basic-cimd",
  "auth/metadata-issuer-mismatch",
  "auth/resource-mismatch",
  "auth/metadata-default",
  "auth/metadata-var1",
  "auth/metadata-var2",
  "auth/metadata-var3",
  "auth/token-endpoint-auth-basic",
  "auth/token-endpoint-auth-post",
  "auth/token-endpoint-auth-none"
]

const client = fileURLToPath(new URL("client.ts", import.meta.url))
const baselineFile = fileURLToPath(new URL("../baseline.yml", import.meta.url))

const runScenario = (scenario: string, baselined: ReadonlySet<string>) =>
  Effect.map(
    Suite.run({ scenario, client, baseline: baselined.size === 0 ? undefined : baselineFile }),
    (run) => ({
      scenario,
      output: run.output,
      verdict: Verdict.judge(run, baselined, REFUSALS.has(scenario) ? "refuses" : "finishes")
    })
  )

const report = ({ output, scenario, verdict }: Effect.Effect.Success<ReturnType<typeof runScenario>>): void => {
  const { excused, passed, problems } = verdict
  const failed = problems.length > 0
  const counts = `${passed} checks passed${excused === 0 ? "" : `, ${excused} baselined`}`
  console.log(`${failed ? "✗" : "✓"} ${scenario.padEnd(40)} ${counts}`)
  if (failed) console.log(`${problems.map((problem) => `    ${problem}`).join("\n")}\n\n${output.trim()}\n`)
}

const program = Effect.gen(function*() {
  const baseline = Baseline.parse(yield* Effect.promise(() => readFile(baselineFile, "utf8")))
  const named = process.argv.slice(2)
  // A scenario that only the baseline names is misspelt, or missing in the list above. Running it reports either
  // mistake.
  const scenarios = named.length > 0 ? named : new Set([...SCENARIOS, ...baseline.keys()])
  const runs = yield* Effect.forEach(
    scenarios,
    (scenario) => runScenario(scenario, baseline.get(scenario) ?? new Set()),
    // Each scenario has servers and ports of its own.
    { concurrency: availableParallelism() }
  )
  for (const run of runs) report(run)
  const failed = runs.filter(({ verdict }) => verdict.problems.length > 0).length
  console.log(`conformance: ${runs.length - failed} passed, ${failed} failed`)
  return failed === 0
})

process.exitCode = await Effect.runPromise(program) ? 0 : 1
