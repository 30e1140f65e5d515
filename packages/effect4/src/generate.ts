/**
 * Writes the sources of the Effect 4 line into a folder.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { basename, dirname, join, relative } from "node:path"
import { filesBelow, isPublished, type Package } from "@effect-mcp-auth/tooling/packages"
import { moduleName, readersFiles, snippetsOf, withSnippets } from "@effect-mcp-auth/tooling/snippets"
import { makeExists } from "./effect4Exports.ts"
import { rewriteFile, type Rewritten, type Shared, type Uncovered } from "./rewriteFile.ts"
import { rules, wraps } from "./rules/index.ts"
import { sourceProgram } from "./sourceProgram.ts"
import { tables } from "./tables/index.ts"
import { makeStaleNames, rewriteTexts, type Stale, textRows } from "./texts.ts"
import { isCopied } from "./workspace.ts"

export interface Generated {
  /** Names that Effect 4 does not have and that no rule covers. */
  readonly uncovered: ReadonlyArray<Uncovered>
  /** The rules and rows of tables that no source needs. */
  readonly unused: ReadonlyArray<string>
  /** Names of Effect 3 in the prose of documents. */
  readonly stale: ReadonlyArray<Stale & { readonly file: string }>
  readonly files: number
}

export interface Options {
  readonly repository: string
  readonly packages: ReadonlyArray<Package>
  /** Modules that stand in place of those of the Effect 3 line: `<package>/src/<path>.ts`. */
  readonly variants: string
  /** The generated workspace, with Effect 4 installed. */
  readonly target: string
}

/** Where this package finds Effect 3. */
const effect3 = join(import.meta.dirname, "..", "node_modules")

/** The folders of a package that hold sources. */
const folders = ["src", "test"]

/** The README of the repository, or a document of a published package: a page or a source module. */
interface Document {
  readonly path: string
  readonly text: string
  /** The files that stand for the blocks of code. */
  readonly snippets: ReadonlyArray<string>
}

export const generate = ({ packages, repository, target, variants }: Options): Generated => {
  const files = packages.flatMap(({ directory }) =>
    folders.flatMap((folder) => filesBelow(join(directory, folder), ".ts"))
  )
  const texts = new Map<string, string>()
  const documents = [join(repository, "README.md"), ...packages.filter(isPublished).flatMap(documentsOf)]
    .map((file) => readDocument(file, repository, texts))
  const beside = Object.entries(readersFiles).map(([name, text]) => [join(repository, RESOLVES, name), text] as const)
  for (const [file, text] of beside) texts.set(file, text)
  const program = sourceProgram(repository, [...files, ...texts.keys()], texts)
  const used = new Set<string>()
  const shared: Shared = {
    checker: program.getTypeChecker(),
    rules,
    wraps,
    tables,
    exists: makeExists(join(target, "node_modules")),
    used: (name) => used.add(name)
  }
  const rewritten = (file: string): Rewritten => {
    const source = program.getSourceFile(file)
    if (source === undefined) throw new Error(`${file} is not part of the program`)
    return rewriteFile(source, shared)
  }
  for (const { directory, folder } of packages) {
    for (const own of folders) {
      const to = join(target, "packages", folder, own)
      rmSync(to, { recursive: true, force: true })
      const from = join(directory, own)
      if (existsSync(from)) cpSync(from, to, { recursive: true, filter: isCopied })
    }
  }
  const uncovered = files.flatMap((file) => {
    const path = relative(repository, file)
    const variant = join(variants, relative("packages", path))
    if (existsSync(variant)) {
      write(join(target, path), readFileSync(variant, "utf8"))
      return []
    }
    const { text, uncovered: own } = rewritten(file)
    write(join(target, path), text)
    return own.map((fault) => ({ ...fault, file: path }))
  })
  rmSync(join(target, SNIPPETS), { recursive: true, force: true })
  for (const [file] of beside) write(join(target, SNIPPETS, basename(file)), rewritten(file).text)
  const staleNames = makeStaleNames(tables.modules, makeExists(effect3, "dist/dts"), shared.exists)
  const stale: Array<Stale & { readonly file: string }> = []
  const inDocuments = documents.flatMap(({ path, snippets, text }) => {
    const results = snippets.map(rewritten)
    writeModules(target, path, results.map((result) => result.text))
    const to = join(target, path)
    // The text of a source module is that of the rewritten module.
    const around = path.endsWith(".ts") ? readFileSync(to, "utf8") : text
    const document = rewriteTexts(path, withSnippets(around, results.map((result) => result.text)), shared.used)
    write(to, document)
    // The README of the repository is about both lines.
    if (path !== "README.md") stale.push(...staleNames(path, document).map((fault) => ({ ...fault, file: path })))
    return results.flatMap((result) => result.uncovered.map((fault) => ({ ...fault, file: path })))
  })
  return {
    uncovered: [...uncovered, ...inDocuments],
    unused: unusedOf(used),
    stale,
    files: files.length
  }
}

/** The modules with the code of documents, which are compiled, and run where they are tests. */
const SNIPPETS = "packages/snippets/src"

const writeModules = (target: string, path: string, codes: ReadonlyArray<string>): void => {
  for (const [index, code] of codes.entries()) {
    write(join(target, SNIPPETS, moduleName(path, index, code)), `${code}\nexport {}\n`)
  }
}

const write = (file: string, text: string): void => {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

/** The pages and the source modules of a package. */
const documentsOf = ({ directory }: Package): ReadonlyArray<string> => [
  ...[join(directory, "README.md")].filter((file) => existsSync(file)),
  ...filesBelow(join(directory, "docs"), ".md"),
  ...filesBelow(join(directory, "src"), ".ts")
]

/** The package that may import all others. */
const RESOLVES = "packages/examples/snippets"

const readDocument = (file: string, repository: string, texts: Map<string, string>): Document => {
  const text = readFileSync(file, "utf8")
  const snippets = snippetsOf(text).map(({ code }) => {
    const name = join(repository, RESOLVES, `${texts.size}.ts`)
    texts.set(name, code)
    return name
  })
  return { path: relative(repository, file), text, snippets }
}

/** The rules and rows that no source needs. */
const unusedOf = (used: ReadonlySet<string>): ReadonlyArray<string> => {
  const known = [...rules, ...wraps].map(({ name }) => name)
  const rows = [...tables.modules.keys(), ...tables.names.keys(), ...tables.members.keys(), ...textRows]
  return [...known, ...rows].filter((name) => !used.has(name))
}
