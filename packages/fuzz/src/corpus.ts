/** The corpus in the repository: a file with a JSON array of inputs for each target. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const folder = join(import.meta.dirname, "..", "corpus")

const isTexts = (value: unknown): value is ReadonlyArray<string> =>
  Array.isArray(value) && value.every((entry) => typeof entry === "string")

/** The inputs of a target. Empty if no run has found any. */
export const readCorpus = (target: string): ReadonlyArray<string> => {
  const file = join(folder, `${target}.json`)
  if (!existsSync(file)) return []
  const inputs: unknown = JSON.parse(readFileSync(file, "utf8"))
  if (!isTexts(inputs)) throw new Error(`${file} is not an array of texts`)
  return inputs
}

/** The inputs as JSON in ASCII, one a line, so that a change of the corpus can be read. */
export const print = (inputs: ReadonlyArray<string>): string =>
  `[\n${inputs.map((input) => `  ${ascii(JSON.stringify(input))}`).join(",\n")}\n]\n`

const ascii = (json: string): string =>
  json.replaceAll(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)

export const writeCorpus = (target: string, inputs: ReadonlyArray<string>): void => {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${target}.json`), print(inputs))
}
