/**
 * What each test file runs without a mutant, kept on disk: somebody who adds tests for survivors runs only the changed
 * test files again before the mutants.
 */
import { filesBelow, readPackages, repository } from "@effect-mcp-auth/tooling/packages"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { basename, join, relative } from "node:path"
import type { DryRun } from "./protocol.ts"

export class DryRunCache {
  readonly #root: string
  readonly #directory: string
  /** A digest of all code that a test file could import: sources of all packages, and what test files share. */
  readonly #shared: string

  constructor(directory: string, root = join(repository, "node_modules", ".cache", "mutation")) {
    this.#directory = directory
    this.#root = join(root, basename(directory))
    const files = [
      ...readPackages(repository)
        .filter(({ folder }) => folder !== "mutation")
        .flatMap((workspace) => filesBelow(join(workspace.directory, "src"), ".ts")),
      ...filesBelow(join(directory, "test"), ".ts").filter((file) => !file.endsWith(".test.ts"))
    ]
    this.#shared = digest(files)
  }

  get(file: string): DryRun | undefined {
    const path = this.#path(file)
    return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined
  }

  set(file: string, run: DryRun): void {
    mkdirSync(this.#root, { recursive: true })
    writeFileSync(this.#path(file), JSON.stringify(run))
  }

  #path(file: string): string {
    const name = relative(this.#directory, file).replaceAll("/", "-")
    return join(this.#root, `${name}.${this.#shared}.${digest([file])}.json`)
  }
}

const digest = (files: ReadonlyArray<string>): string => {
  const hash = createHash("sha256")
  for (const file of files) hash.update(file).update("\0").update(readFileSync(file)).update("\0")
  return hash.digest("hex").slice(0, 16)
}
