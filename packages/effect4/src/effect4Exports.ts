/**
 * The exports of the modules of Effect 4, read from their declarations.
 */
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import ts from "typescript-5.9"

/** The names that a declaration file exports, and whether it exports all of a module that is not read. */
interface Exports {
  readonly names: ReadonlySet<string>
  readonly isOpen: boolean
}

/** A question "does this module export this name?", answered from the declarations below a `node_modules`. */
export const makeExists = (
  nodeModules: string,
  folder = "dist"
): (module: string, name: string) => boolean => {
  const read = memoized((file: string): Exports => exportsOf(file, (other) => read(other)))
  return (module, name) => {
    const [, root] = /^(effect|@effect\/[^/]+)(?:\/|$)/.exec(module) ?? []
    // Only the Effect packages have two lines.
    if (root === undefined) return true
    const path = module.slice(root.length + 1) || "index"
    const file = join(nodeModules, root, folder, `${path}.d.ts`)
    if (!existsSync(file)) return false
    const { isOpen, names } = read(file)
    return isOpen || names.has(name)
  }
}

/** The names that a module exports itself. */
export const exportedNames = (file: string): ReadonlySet<string> =>
  exportsOf(file, () => ({ names: new Set(), isOpen: true })).names

const memoized = <A>(make: (key: string) => A): (key: string) => A => {
  const known = new Map<string, A>()
  return (key) => {
    const found = known.get(key) ?? make(key)
    known.set(key, found)
    return found
  }
}

const exportsOf = (file: string, read: (file: string) => Exports): Exports => {
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.ES2022, false)
  const names = new Set<string>()
  let isOpen = false
  for (const statement of source.statements) {
    if (ts.isExportDeclaration(statement)) {
      const others = fromOthers(statement, file, read)
      for (const name of others.names) names.add(name)
      isOpen ||= others.isOpen
    } else if (isExported(statement)) {
      for (const name of declaredNames(statement)) names.add(name)
    }
  }
  return { names, isOpen }
}

const isExported = (node: ts.Statement): boolean =>
  ts.canHaveModifiers(node) &&
  (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)

const fromOthers = (node: ts.ExportDeclaration, file: string, read: (file: string) => Exports): Exports => {
  const { exportClause: clause, moduleSpecifier: from } = node
  if (clause !== undefined) {
    const names = ts.isNamedExports(clause) ? clause.elements.map(({ name }) => name.text) : [clause.name.text]
    return { names: new Set(names), isOpen: false }
  }
  if (from === undefined || !ts.isStringLiteral(from) || !from.text.startsWith(".")) {
    return { names: new Set(), isOpen: true }
  }
  return read(join(dirname(file), from.text.replace(/(?:\.js|\.ts)$/, ".d.ts")))
}

const declaredNames = (node: ts.Statement): ReadonlyArray<string> => {
  if (ts.isVariableStatement(node)) {
    return node.declarationList.declarations.flatMap(({ name }) => ts.isIdentifier(name) ? [name.text] : [])
  }
  const isNamed = ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) || ts.isModuleDeclaration(node) || ts.isEnumDeclaration(node)
  return isNamed && node.name !== undefined && ts.isIdentifier(node.name) ? [node.name.text] : []
}
