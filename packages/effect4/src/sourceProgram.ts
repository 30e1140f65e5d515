/**
 * The compiler's view of the Effect 3 sources.
 */
import { join } from "node:path"
import ts from "typescript-5.9"

/** Compiles files of the repository, with the settings of its tests. `texts` stand in place of files on disk. */
export const sourceProgram = (
  root: string,
  files: ReadonlyArray<string>,
  texts: ReadonlyMap<string, string> = new Map()
): ts.Program => {
  const options = compilerOptions(root)
  const host = ts.createCompilerHost(options, true)
  return ts.createProgram([...files], options, {
    ...host,
    fileExists: (file) => texts.has(file) || host.fileExists(file),
    getSourceFile: (file, ...rest) => {
      const text = texts.get(file)
      return text === undefined
        ? host.getSourceFile(file, ...rest)
        : ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true)
    }
  })
}

const compilerOptions = (root: string): ts.CompilerOptions => ({
  target: ts.ScriptTarget.ES2022,
  lib: ["lib.es2024.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts", "lib.dom.asynciterable.d.ts"],
  types: ["node"],
  typeRoots: [join(root, "node_modules/@types")],
  module: ts.ModuleKind.NodeNext,
  moduleDetection: ts.ModuleDetectionKind.Force,
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  allowImportingTsExtensions: true,
  noEmit: true,
  skipLibCheck: true
})
