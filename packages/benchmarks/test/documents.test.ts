import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { expect, it, onTestFinished } from "vitest"
import { bars } from "../src/chart.ts"
import { renderPage, write } from "../src/documents.ts"
import type { Report } from "../src/report.ts"

const lines = [{ client: "ours", values: { token: 1 } }]
const report: Report = {
  machine: { node: "v22", cpus: 2 },
  sections: [{
    name: "burst",
    title: "200 first calls at once",
    columns: [{ key: "token", title: "token" }],
    lines,
    targets: [{ client: "ours", claim: "token requests", wanted: "at most 1", measured: "1", met: true }],
    charts: [bars({
      name: "burst",
      title: "At once",
      description: "",
      ours: new Set(),
      lines,
      panels: [{ key: "token", title: "token" }]
    })]
  }]
}

it("renderPage: the page has the command, the machine, the promises, the figures and the charts", () => {
  const page = renderPage(report)
  const parts = [
    "pnpm bench --charts",
    "node v22 · cpus 2",
    "## Promised",
    "## 200 first calls",
    "![At once](burst.svg)"
  ]
  const places = parts.map((part) => page.indexOf(part))
  expect(places).not.toContain(-1)
  expect(places).toEqual(places.toSorted((a, b) => a - b))
})

it("write writes the charts, and the page only if every row was measured", async () => {
  const directory = await mkdtemp(join(tmpdir(), "bench-"))
  onTestFinished(() => rm(directory, { recursive: true }))
  const url = new URL(`${pathToFileURL(directory).href}/docs/`)
  expect(await write(url, report, false)).toEqual(["burst.svg"])
  expect(await write(url, report, true)).toEqual(["burst.svg", "README.md"])
  expect((await readdir(url)).toSorted()).toEqual(["README.md", "burst.svg"])
  expect(await readFile(new URL("burst.svg", url), "utf8")).toContain("<svg ")
})
