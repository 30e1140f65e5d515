import { describe, expect, it } from "vitest"
import { renderJson, renderSection, renderTargets, table } from "../src/report.ts"
import type { Section } from "../src/report.ts"

const section: Section = {
  name: "burst",
  title: "200 first calls at once",
  columns: [{ key: "token", title: "token" }, { key: "p99", title: "p99 ms", digits: 1 }, {
    key: "note",
    title: "note"
  }],
  lines: [
    { client: "SDK", values: { token: 200, p99: 12.34, note: "slow" } },
    { client: "OAuthFetch", values: { token: 1, p99: undefined } }
  ],
  targets: [
    { client: "OAuthFetch", claim: "token requests", wanted: "at most 1", measured: "1", met: true },
    { client: "OAuthHttpClient", claim: "token requests", wanted: "at most 1", measured: "2", met: false },
    { client: "OAuthFetch", claim: "failures", wanted: "0", measured: "0", met: true }
  ],
  charts: []
}

describe("table", () => {
  it("table sets columns of numbers to the right, and no other", () => {
    expect(table(["client", "n", "what"], [["a", "10", "x"], ["b", "–", "10 µs"]])).toBe([
      "| client |   n | what  |",
      "| ------ | --: | ----- |",
      "| a      |  10 | x     |",
      "| b      |   – | 10 µs |"
    ].join("\n"))
  })
})

it("renderSection writes a dash where a client has no figure", () => {
  expect(renderSection(section)).toBe([
    "## 200 first calls at once",
    "",
    "| client     | token | p99 ms | note |",
    "| ---------- | ----: | -----: | ---- |",
    "| SDK        |   200 |   12.3 | slow |",
    "| OAuthFetch |     1 |      – | –    |",
    ""
  ].join("\n"))
})

it("renderSection writes the heading of the lines and the note that a section has", () => {
  const text = renderSection({ ...section, head: "providers", note: "Without a network." })
  expect(text).toContain("| providers  |")
  expect(text.endsWith("\n\nWithout a network.\n")).toBe(true)
})

it("renderTargets writes one row for a promise to all clients, and marks a missed promise", () => {
  const rows = renderTargets([section]).split("\n").filter((line) => line.startsWith("|"))
  expect(rows.map((row) => row.split("|").map((cell) => cell.trim()).filter((cell) => cell !== "")).slice(2)).toEqual([
    ["token requests", "at most 1", "1", "2 MISSED"],
    ["failures", "0", "0", "–"]
  ])
})

it("renderTargets writes nothing when nothing was promised", () => {
  expect(renderTargets([{ ...section, targets: [] }])).toBe("")
})

it("renderJson writes the figures as they were measured, without rounding", () => {
  const parsed: unknown = JSON.parse(renderJson({ machine: { cpus: 2 }, sections: [section] }))
  expect(parsed).toMatchObject({
    machine: { cpus: 2 },
    sections: [{ lines: [{ values: { p99: 12.34 } }, { client: "OAuthFetch" }] }]
  })
})
