/**
 * The same work on two lines of Effect in one run: the lines alternate, turn by turn, in an order drawn for each pair.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { sectionOf } from "./comparison.ts"
import type { Pair } from "./comparison.ts"
import type { Section } from "./report.ts"
import type { Random } from "./statistics.ts"
import { start } from "./turns.ts"
import type { LineProcess, Taken, Turn } from "./turns.ts"
import { forEach } from "./workload.ts"
import type { Workload } from "./workload.ts"

const packages = new URL("../../", import.meta.url)
const generated = new URL("effect4/generated/packages/", packages)

/** The packages whose code takes part. */
const measured = ["core", "client-secret", "testing", "benchmarks"]

const modifiedAt = (folder: URL): ReadonlyArray<number> =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"))
      .map((name) => statSync(new URL(name, folder)).mtimeMs)
    : []

/** When the sources that take part were modified. */
const sourcesBelow = (root: URL) => measured.flatMap((name) => modifiedAt(new URL(`${name}/src/`, root)))

/** Whether the sources for Effect 4 are missing or older than what they are generated from. */
export const isOutdated = (sources: ReadonlyArray<number>, written: ReadonlyArray<number>): boolean =>
  written.length === 0 || Math.max(...sources) > Math.min(...written)

/** The fault of the sources for Effect 4, if they have one. */
export const problem = (): string | undefined => {
  const generator = ["effect4/src/", "effect4/variants/"].flatMap((folder) => modifiedAt(new URL(folder, packages)))
  return isOutdated([...sourcesBelow(packages), ...generator], sourcesBelow(generated))
    ? "The sources for Effect 4 are missing or older than those for Effect 3: run `pnpm effect4 install write`"
    : undefined
}

/** The version of Effect 4 that takes part. */
export const version = (): string => {
  const { dependencies }: { readonly dependencies: Readonly<Record<string, string>> } = JSON.parse(
    readFileSync(new URL("benchmarks/package.json", generated), "utf8")
  )
  return dependencies["effect"] ?? "unknown"
}

export interface Lines {
  readonly three: LineProcess
  readonly four: LineProcess
}

export const startLines = (): Lines => ({
  three: start(new URL("benchmarks/", packages)),
  four: start(new URL("benchmarks/", generated))
})

/** One turn of each line, one after the other. Which of them begins is drawn. */
const takePair = async ({ four, three }: Lines, turn: Turn, random: Random): Promise<Record<keyof Lines, Taken>> => {
  if (random() < 0.5) {
    const first = await three.take(turn)
    return { three: first, four: await four.take(turn) }
  }
  const first = await four.take(turn)
  return { three: await three.take(turn), four: first }
}

/** All turns of a row. With `quick`, each line has one turn. */
export const compareRow = async (
  lines: Lines,
  { name, turns = 0 }: Pick<Workload, "name" | "turns">,
  { quick, random, seed, warmSeconds }: {
    readonly quick: boolean
    readonly random: Random
    readonly seed: number
    readonly warmSeconds: number
  }
): Promise<Section> => {
  const pairs = await forEach(
    Array.from({ length: quick ? 1 : turns }, (_, i) => i),
    (i) => takePair(lines, { row: name, seed: seed + i, warmSeconds }, random)
  )
  const figures = pairs.map(({ four, three }): Pair => ({ three: three.figures, four: four.figures }))
  return sectionOf(name, pairs[0]?.three.title ?? name, figures)
}
