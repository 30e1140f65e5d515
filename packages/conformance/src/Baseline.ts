/**
 * The checks that are known to fail, in the suite's own format: one `<scenario>:<check>` on each line. A baseline
 * cannot excuse a whole scenario.
 */
import * as Schema from "effect/Schema"
import * as Yaml from "yaml"

/** The excused checks of each scenario that has excused checks. */
export type Baseline = ReadonlyMap<string, ReadonlySet<string>>

const File = Schema.Struct({
  client: Schema.Array(Schema.TemplateLiteralParser(Schema.NonEmptyString, ":", Schema.NonEmptyString))
})

export const parse = (text: string): Baseline => {
  const { client } = Schema.decodeUnknownSync(File)(Yaml.parse(text))
  const baseline = new Map<string, Set<string>>()
  for (const [scenario, , check] of client) {
    baseline.set(scenario, new Set(baseline.get(scenario)).add(check))
  }
  return baseline
}
