/**
 * `pnpm effect4`: generates the packages for Effect 4, and checks, tests and packs them. `pnpm effect4 write check` runs
 * these steps only. `pnpm effect4 lock` chooses versions anew, after a manifest has changed.
 */
import { report } from "@effect-mcp-auth/tooling/report"
import { check, conformance, install, lock, pack, test, write } from "../pipeline.ts"

const steps = { lock, install, write, check, test, conformance, pack }

type Step = keyof typeof steps

const isStep = (name: string): name is Step => name in steps

const named = process.argv.slice(2)
const unknown = named.filter((name) => !isStep(name))
const wanted = (Object.keys(steps).filter(isStep)).filter((step) =>
  named.length === 0 ? step !== "lock" : named.includes(step)
)

if (unknown.length > 0) {
  report("effect4", unknown.map((name) => `there is no step ${name}; the steps are ${Object.keys(steps).join(", ")}`))
} else {
  for (const step of wanted) {
    const begun = performance.now()
    const faults = steps[step]()
    console.log(`effect4 ${step}: ${((performance.now() - begun) / 1000).toFixed(0)} s`)
    report(`effect4 ${step}`, faults)
    if (faults.length > 0) break
  }
}
