/**
 * How much a user downloads: bundles of the built packages without their peers and without `jose`.
 */
import { bundle, byModulePath, firstProgram } from "@effect-mcp-auth/tooling/bundles"
import { readFile } from "node:fs/promises"
import { bars } from "../chart.ts"
import * as Installation from "../installation.ts"
import type { Workload } from "../workload.ts"

/** The README of this line of Effect. */
const readme = new URL("../../../../README.md", import.meta.url)

export const sizes: Workload = {
  name: "sizes",
  turns: 1,
  run: async () => {
    const { directory, others } = await Installation.make()
    const program = firstProgram(await readFile(readme, "utf8"))
    const bundles = await Promise.all([
      { name: "README's first program", source: program },
      { name: "the same, by module path", source: byModulePath(program) },
      { name: "core and client-secret, all of both", source: everything }
    ].map((entry) => bundle(entry, directory, others)))
    const lines = bundles.map(({ compressed, minified, name }) => ({
      client: name,
      values: { minified: minified / 1024, compressed: compressed / 1024 }
    }))
    return {
      name: "sizes",
      title: "Download, without peers and jose",
      head: "bundle",
      columns: [
        { key: "minified", title: "minified KiB", digits: 1, compared: { better: "less" } },
        { key: "compressed", title: "brotli KiB", digits: 1, compared: { better: "less" } }
      ],
      lines,
      targets: [],
      charts: [bars({
        name: "sizes",
        title: "What a user downloads",
        description: "Bundles of the built packages, without peers and jose, in KiB",
        lines,
        ours: new Set(lines.map(({ client }) => client)),
        panels: [{ key: "minified", title: "minified", digits: 1 }, { key: "compressed", title: "brotli", digits: 1 }]
      })]
    }
  }
}

const everything = `export * from "@effect-mcp-auth/core"\nexport * from "@effect-mcp-auth/client-secret"`
