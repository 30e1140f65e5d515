/** The file that `--json` writes and `--resume` reads: one outcome a line, with digests of the files it rests on. */
import { createHash } from "node:crypto"
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Mutant, Outcome } from "./mutant.ts"

/** What an outcome rests on, besides the source file of its mutant. */
export interface Basis {
  /** The test file that noticed the mutant, or all test files that run its code and did not. Absolute paths. */
  readonly testFiles: ReadonlyArray<string>
  /** The milliseconds of CPU time that the tests were allowed. */
  readonly budget: number
}

interface Entry {
  readonly outcome: Outcome
  readonly source: string
  readonly tests: string
  readonly budget: number
}

export class OutcomeFile {
  readonly #directory: string
  readonly #written: string | undefined
  /** The entries of earlier runs whose source files are unchanged, by the places of their mutants. */
  readonly #entries: ReadonlyMap<string, Entry>
  readonly #digests = new Map<string, string>()

  /** Reads the resumed file, and begins the written one with what is still true of it. Both may be the same file. */
  constructor(
    directory: string,
    { resumed, written }: { readonly resumed?: string | undefined; readonly written?: string | undefined }
  ) {
    this.#directory = directory
    this.#written = written
    const unchanged = (resumed === undefined ? [] : read(resumed))
      .filter(({ outcome, source }) => source === this.#source(outcome.mutant))
    this.#entries = new Map(unchanged.map((entry) => [placeOf(entry.outcome.mutant), entry]))
    if (written !== undefined) writeFileSync(written, [...this.#entries.values()].map(lineOf).join(""))
  }

  /** The outcome of an earlier run, unless a file it rests on has changed. */
  find(mutant: Mutant, basisOf: (outcome: Outcome) => Basis): Outcome | undefined {
    const entry = this.#entries.get(placeOf(mutant))
    if (entry === undefined) return undefined
    const outcome = { ...entry.outcome, mutant }
    const { budget, testFiles } = basisOf(outcome)
    // A larger budget allows more tests, and one of them may notice the mutant.
    if (outcome.status === "survived" && entry.budget < budget) return undefined
    return entry.tests === this.#digest(testFiles) ? outcome : undefined
  }

  /** Writes an outcome that is not of an earlier run. */
  add(outcome: Outcome, { budget, testFiles }: Basis): void {
    if (this.#written === undefined) return
    const entry = { outcome, source: this.#source(outcome.mutant), tests: this.#digest(testFiles), budget }
    appendFileSync(this.#written, lineOf(entry))
  }

  #source({ file }: Mutant): string {
    return this.#digest([join(this.#directory, file)])
  }

  #digest(files: ReadonlyArray<string>): string {
    return hash(files.map((file) => this.#digestOf(file)).toSorted().join())
  }

  /** The files are read once, because the run works with what they were when it began. */
  #digestOf(file: string): string {
    const digest = this.#digests.get(file) ?? hash(existsSync(file) ? readFileSync(file, "utf8") : "")
    this.#digests.set(file, digest)
    return digest
  }
}

const hash = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16)

/** What identifies a mutant in an unchanged file. Its id depends on other files. */
const placeOf = ({ end, file, mutator, replacement, start }: Mutant): string =>
  JSON.stringify([file, start, end, mutator, replacement])

const lineOf = (entry: Entry): string => `${JSON.stringify(entry)}\n`

/** The entries of a file. Its last line is cut off if the run was killed while it wrote the line. */
const read = (file: string): ReadonlyArray<Entry> =>
  existsSync(file)
    ? readFileSync(file, "utf8").split("\n").slice(0, -1).map((line): Entry => JSON.parse(line))
    : []
