/**
 * The imports of a rewritten file.
 */
import ts from "typescript-5.9"

const OF_EFFECT = /^(?:effect|@effect\/(?:platform|platform-node|vitest|opentelemetry))(?:\/|$)/

/** Whether a statement imports from an Effect package. */
export const isImportOfEffect = (node: ts.Node): node is ts.ImportDeclaration =>
  ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier) && OF_EFFECT.test(node.moduleSpecifier.text)

/** Modules such as `@effect/vitest`, whose exports are imported by name and not through a namespace. */
const isLowerCase = (module: string): boolean => /^(?:@effect\/vitest|effect)(?:\/index|\/utils)?$/.test(module)

export class Imports {
  /** Stands in the text where the source imports from Effect packages. */
  static readonly PLACE = "/*imports of Effect*/"

  readonly #taken: ReadonlySet<string>
  /** The Effect 4 modules whose exports the source imports by name and without a namespace. */
  readonly #byName: ReadonlySet<string>
  readonly #fromBarrel: boolean
  /** Module to whether a value of it is used. */
  readonly #namespaces = new Map<string, boolean>()
  /** Module to names to whether the value is used. */
  readonly #names = new Map<string, Map<string, boolean>>()

  constructor(source: ts.SourceFile, moved: (module: string) => string) {
    this.#byName = importedByName(source, moved)
    this.#fromBarrel = source.statements.some((node) =>
      isImportOfEffect(node) && /^(effect|@effect\/platform)$/.test(moduleName(node))
    )
    this.#taken = otherNames(source)
  }

  /** The local name of a module. */
  namespace(module: string, isValue: boolean): string {
    this.#namespaces.set(module, (this.#namespaces.get(module) ?? false) || isValue)
    return this.#local(module)
  }

  /** A local expression for an export. */
  name(key: string, isValue: boolean, byName: boolean): string {
    const [module = "", name = ""] = key.split("#")
    if (!byName && !isLowerCase(module) && !this.#byName.has(module)) {
      return `${this.namespace(module, isValue)}.${name}`
    }
    const names = this.#names.get(module) ?? new Map<string, boolean>()
    names.set(name, (names.get(name) ?? false) || isValue)
    this.#names.set(module, names)
    return name
  }

  #local(module: string): string {
    const name = module.replace(/\/index$/, "").split("/").at(-1) ?? module
    const local = name === "fast-check" ? "FastCheck" : name
    return this.#taken.has(local) ? `Effect${local}` : local
  }

  /** The text with the imports in place of the source's. */
  insertInto(body: string): string {
    const statements = [...this.#namespaceImports(), ...this.#namedImports()].toSorted()
    const [before = "", ...after] = body.split(`${Imports.PLACE}\n`)
    if (after.length > 0) return before + statements.map((line) => `${line}\n`).join("") + after.join("")
    return statements.length === 0 ? body : afterHeader(body, statements)
  }

  /** Modules that are imported as a namespace of their own. */
  *#namespaceImports(): Generator<string> {
    for (const [module, isValue] of this.#namespaces) {
      if (this.#fromBarrel && barrelOf(module) !== undefined) continue
      yield `import ${isValue ? "" : "type "}* as ${this.#local(module)} from "${withoutIndex(module)}"`
    }
  }

  /** Names, and modules that are imported from a barrel. */
  *#namedImports(): Generator<string> {
    const lists = new Map<string, Array<readonly [name: string, isValue: boolean]>>()
    const add = (from: string, name: string, isValue: boolean): void => {
      lists.set(from, [...lists.get(from) ?? [], [name, isValue]])
    }
    for (const [module, names] of this.#names) {
      for (const [name, isValue] of names) add(withoutIndex(module), name, isValue)
    }
    for (const [module, isValue] of this.#namespaces) {
      const barrel = barrelOf(module)
      if (!this.#fromBarrel || barrel === undefined) continue
      const name = module.split("/").at(-1) ?? module
      const local = this.#local(module)
      add(barrel, name === local ? name : `${name} as ${local}`, isValue)
    }
    for (const [from, names] of lists) yield namedImport(from, names)
  }
}

const withoutIndex = (module: string): string => module.replace(/\/index$/, "")

const namedImport = (from: string, names: ReadonlyArray<readonly [name: string, isValue: boolean]>): string => {
  const sorted = names.toSorted(([a], [b]) => a < b ? -1 : 1)
  const isOnlyTypes = sorted.every(([, isValue]) => !isValue)
  const list = sorted.map(([name, isValue]) => isValue || isOnlyTypes ? name : `type ${name}`)
  return `import ${isOnlyTypes ? "type " : ""}{ ${list.join(", ")} } from "${from}"`
}

const moduleName = (node: ts.ImportDeclaration): string =>
  ts.isStringLiteral(node.moduleSpecifier) ? node.moduleSpecifier.text : ""

/** The barrel that exports a module, if one does. The barrel of @effect/platform-node needs the package `redis`. */
const barrelOf = (module: string): string | undefined =>
  /^effect\/[A-Z]\w*$/.test(module)
    ? "effect"
    : /^(effect\/(?:http|persistence|process|testing|encoding))\/[A-Z]\w*$/.exec(module)?.[1]

const importedByName = (source: ts.SourceFile, moved: (module: string) => string): ReadonlySet<string> => {
  const namespaces = new Set<string>()
  const named = new Set<string>()
  for (const node of source.statements.filter(isImportOfEffect)) {
    const bindings = node.importClause?.namedBindings
    const isNamed = bindings !== undefined && ts.isNamedImports(bindings)
    const modules = isNamed ? named : namespaces
    modules.add(moved(moduleName(node)))
  }
  return new Set([...named].filter((module) => !namespaces.has(module)))
}

/** The names that the file declares or imports from elsewhere. */
const otherNames = (source: ts.SourceFile): ReadonlySet<string> => {
  const names = new Set<string>()
  const visit = (node: ts.Node): void => {
    if (isImportOfEffect(node)) return
    const isDeclaration = ts.isVariableDeclaration(node) || ts.isFunctionDeclaration(node) ||
      ts.isTypeAliasDeclaration(node) ||
      ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node) || ts.isImportSpecifier(node) ||
      ts.isNamespaceImport(node) || ts.isParameter(node) || ts.isTypeParameterDeclaration(node)
    if (isDeclaration && node.name !== undefined && ts.isIdentifier(node.name)) names.add(node.name.text)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return names
}

const afterHeader = (body: string, statements: ReadonlyArray<string>): string => {
  const [header = ""] = /^\s*(?:\/\*\*[\s\S]*?\*\/\n)?/.exec(body) ?? []
  return header + statements.map((line) => `${line}\n`).join("") + body.slice(header.length)
}
