import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { readFileSync } from "node:fs"
import * as Verdict from "../src/Verdict.ts"

const Recorded = Schema.parseJson(Schema.Struct({
  exitCode: Schema.Number,
  output: Schema.String,
  checks: Schema.Array(Verdict.Check)
}))

/** Recorded runs of suite 0.2.0-alpha.12, with most of its log of the traffic removed. */
const recorded = (name: string): Verdict.Run =>
  Schema.decodeSync(Recorded)(readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), "utf8"))

const baselined = ["client-registration", "authorization-request", "resource-parameter-in-authorization"]

const judge = (name: string, excused: ReadonlyArray<string> = []) => Verdict.judge(recorded(name), new Set(excused))

describe("judge", () => {
  it("passes a client that fails the baselined checks and no other", () => {
    assert.deepStrictEqual(judge("metadata-var2", baselined), { passed: 7, excused: 3, problems: [] })
  })

  it("passes a client that exits with an error in a scenario that allows it", () => {
    assert.deepStrictEqual(judge("resource-mismatch"), { passed: 2, excused: 0, problems: [] })
  })

  it("reports a failed check that is not in the baseline", () => {
    const { excused, problems } = judge("metadata-var2-other-resource", baselined)
    assert.strictEqual(excused, 3)
    assert.match(problems[0] ?? "", /^FAILURE resource-parameter-matches-prm: Client MUST send the resource identifier/)
    assert.deepStrictEqual(problems.slice(1), ["the suite exited with code 1"])
  })

  it("fails a client that exits with an error, which the suite overlooks when there is a baseline", () => {
    const run = recorded("metadata-var2-client-exits-3")
    assert.strictEqual(run.exitCode, 0)
    assert.deepStrictEqual(Verdict.judge(run, new Set(baselined)).problems, ["client exited with error (code 3)"])
  })

  it("fails a client that hangs, which the suite overlooks when there is a baseline", () => {
    const run = recorded("metadata-var2-client-hangs")
    assert.strictEqual(run.exitCode, 0)
    assert.deepStrictEqual(Verdict.judge(run, new Set(baselined)).problems, ["client timed out"])
  })

  it("passes a client that exits with code 1 where it must refuse", () => {
    const { output, ...run } = recorded("metadata-var2-client-exits-3")
    const refused = { ...run, output: output.replaceAll("code 3", "code 1") }
    assert.deepStrictEqual(Verdict.judge(refused, new Set(baselined), "refuses").problems, [])
  })

  it("fails a client that finishes its work where it must refuse", () => {
    const { problems } = Verdict.judge(recorded("metadata-var2"), new Set(baselined), "refuses")
    assert.deepStrictEqual(problems, ["the client finished its work instead of refusing"])
  })

  it.each(
    [
      ["crashes", "metadata-var2-client-exits-3", "client exited with error (code 3)"],
      ["hangs", "metadata-var2-client-hangs", "client timed out"]
    ] as const
  )("fails a client that %s where it must refuse", (_, name, problem) => {
    assert.deepStrictEqual(Verdict.judge(recorded(name), new Set(baselined), "refuses").problems, [problem])
  })

  it("reports a baseline that excuses a check that passes", () => {
    assert.deepStrictEqual(judge("metadata-var2", [...baselined, "token-request"]).problems, [
      "token-request passes: remove it from the baseline"
    ])
  })

  it("reports a baseline that excuses a check that does not exist", () => {
    assert.deepStrictEqual(judge("metadata-var2", [...baselined, "no-such-check"]).problems, [
      "no-such-check did not run: remove it from the baseline"
    ])
  })

  it("reports a check that ends with a warning", () => {
    const { checks, ...run } = recorded("resource-mismatch")
    const warning: Verdict.Check = { id: "style", status: "WARNING", description: "could be better" }
    const { problems } = Verdict.judge({ ...run, checks: [...checks, warning] }, new Set())
    assert.deepStrictEqual(problems, ["WARNING style: could be better"])
  })

  it("reports a check that fails once and passes once in the same run", () => {
    const { checks, ...run } = recorded("resource-mismatch")
    const failure: Verdict.Check = { id: "resource-mismatch-rejected", status: "FAILURE", description: "not this time" }
    const { problems } = Verdict.judge({ ...run, checks: [failure, ...checks] }, new Set())
    assert.deepStrictEqual(problems, ["FAILURE resource-mismatch-rejected: not this time"])
  })

  it("fails a run without checks, whatever its exit code", () => {
    const { checks, ...run } = recorded("resource-mismatch")
    const logged = checks.filter(({ status }) => status === "INFO")
    assert.isNotEmpty(logged)
    assert.deepStrictEqual(Verdict.judge({ ...run, checks: logged }, new Set()).problems, ["no check ran"])
  })
})
