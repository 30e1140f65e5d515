/**
 * Rewrites one source file: every name of an Effect package is renamed, moved, or known to be the same.
 */
import ts from "typescript-5.9"
import { keyOfSymbol, moduleOfSymbol, resolved } from "./apiKey.ts"
import { Imports, isImportOfEffect } from "./imports.ts"
import type { Key, Rewriting, Rule } from "./rule.ts"
import type { Tables } from "./tables/tables.ts"

export interface Rewritten {
  readonly text: string
  /** Names that no rule covers and that Effect 4 does not have. */
  readonly uncovered: ReadonlyArray<Uncovered>
}

export interface Uncovered {
  readonly file: string
  readonly line: number
  readonly key: Key
}

/** The parts of a rewriting that are the same for all files. */
export interface Shared {
  readonly checker: ts.TypeChecker
  readonly rules: ReadonlyArray<Rule>
  /** Rules that go around the text that the others give. */
  readonly wraps: ReadonlyArray<Wrap>
  readonly tables: Tables
  /** Whether an Effect 4 module exports a name. */
  readonly exists: (module: string, name: string) => boolean
  /** Counts the uses of rules and of table rows. */
  readonly used: (name: string) => void
}

/** A rule that leaves an expression as it is and puts a call around it. */
export interface Wrap extends Omit<Rule, "apply"> {
  readonly apply: (node: ts.Expression, text: string, rewriting: Rewriting) => string | undefined
}

export const rewriteFile = (source: ts.SourceFile, shared: Shared): Rewritten => {
  const file = new FileRewriting(source, shared)
  const text = file.rewritten()
  return { text, uncovered: file.uncovered }
}

class FileRewriting implements Rewriting {
  readonly checker: ts.TypeChecker
  readonly uncovered: Array<Uncovered> = []
  readonly #imports: Imports
  readonly #source: ts.SourceFile
  readonly #shared: Shared

  constructor(source: ts.SourceFile, shared: Shared) {
    this.#source = source
    this.#shared = shared
    this.checker = shared.checker
    this.#imports = new Imports(source, (module) => shared.tables.modules.get(module) ?? module)
  }

  rewritten(): string {
    const body = this.children(this.#source)
    return this.#imports.insertInto(body)
  }

  text = (node: ts.Node): string => {
    if (isImportOfEffect(node)) return Imports.PLACE
    const text = this.#applied(node) ?? this.children(node)
    return ts.isExpression(node) ? this.#wrapped(node, text) : text
  }

  children = (node: ts.Node): string => {
    const source = this.#source.text
    let text = ""
    let position = node === this.#source ? 0 : node.getStart(this.#source)
    ts.forEachChild(node, (child) => {
      const start = child.getStart(this.#source)
      if (start < position) return
      text += source.slice(position, start) + this.text(child)
      position = child.end
    })
    return text + source.slice(position, node.end)
  }

  #applied(node: ts.Node): string | undefined {
    for (const rule of this.#shared.rules) {
      const text = rule.apply(node, this)
      if (text !== undefined) {
        this.#shared.used(rule.name)
        return text
      }
    }
    return this.#reference(node)
  }

  #wrapped(node: ts.Expression, text: string): string {
    for (const wrap of this.#shared.wraps) {
      const around = wrap.apply(node, text, this)
      if (around !== undefined) {
        this.#shared.used(wrap.name)
        return around
      }
    }
    return text
  }

  /** A name of an Effect package: `Either.left`, `RequestError`, the `left` of `value.left` and of `{ left: 1 }`. */
  #reference(node: ts.Node): string | undefined {
    if (ts.isPropertyAccessExpression(node) || ts.isQualifiedName(node)) {
      const key = this.key(node)
      if (key === undefined) return undefined
      // A name of a namespace inside of a module, such as `Config.Config.Wrap`, has a row of its own or moves with it.
      const isKnown = this.#moduleOf(node) !== undefined ||
        ts.isQualifiedName(node) && this.#shared.tables.names.has(key)
      if (!isKnown) return undefined
      return this.#target(node, key)
    }
    if (ts.isImportTypeNode(node) || !ts.isIdentifier(node) || isDeclaredName(node)) {
      return ts.isIdentifier(node) && isPropertyKey(node) ? this.#member(node) : undefined
    }
    if (isMemberName(node)) return this.#member(node)
    if (ts.isShorthandPropertyAssignment(node.parent)) return this.#shorthand(node)
    const module = this.#moduleOfName(node)
    if (module !== undefined) return this.#namespace(node, module)
    const imported = this.#importedKey(node)
    return imported === undefined ? undefined : this.#target(node, imported, true)
  }

  #shorthand(node: ts.Identifier): string | undefined {
    const symbol = this.checker.getShorthandAssignmentValueSymbol(node.parent)
    const local = symbol === undefined ? undefined : this.#moduleOfImport(symbol)
    const key = this.#propertyKey(node)
    const renamed = key === undefined ? undefined : this.#shared.tables.members.get(key)
    if (renamed !== undefined) this.#shared.used(key ?? "")
    if (local !== undefined) return `${renamed ?? node.text}: ${this.#namespace(node, local)}`
    const imported = symbol === undefined ? undefined : this.#keyOfImport(symbol)
    if (imported !== undefined) return `${renamed ?? node.text}: ${this.#target(node, imported, true)}`
    return renamed === undefined ? undefined : `${renamed}: ${node.text}`
  }

  #member(node: ts.Identifier): string | undefined {
    const key = this.#propertyKey(node)
    const renamed = key === undefined ? undefined : this.#shared.tables.members.get(key)
    if (key === undefined || renamed === undefined) return undefined
    this.#shared.used(key)
    const parent = node.parent
    // `{ left }` of a pattern names the property and the variable at once.
    return ts.isBindingElement(parent) && parent.propertyName === undefined ? `${renamed}: ${node.text}` : renamed
  }

  #target(node: ts.Node, key: Key, byName = false): string {
    const target = this.#shared.tables.names.get(key)
    if (target !== undefined) this.#shared.used(key)
    const [module = "", name = ""] = (target ?? key).split("#")
    const moved = target === undefined ? this.module(module) : module
    if (target === undefined && !this.#exists(moved, name)) this.#cover(node, key)
    return this.#imports.name(`${moved}#${name}`, !isType(node), byName)
  }

  #exists(module: string, name: string): boolean {
    return this.#shared.exists(module, name)
  }

  #cover(node: ts.Node, key: Key): void {
    const { line } = this.#source.getLineAndCharacterOfPosition(node.getStart(this.#source))
    this.uncovered.push({ file: this.#source.fileName, line: line + 1, key })
  }

  module = (module: string): string => {
    const moved = this.#shared.tables.modules.get(module)
    if (moved !== undefined) this.#shared.used(module)
    return moved ?? module
  }

  #namespace(node: ts.Node, module: string): string {
    return this.#imports.namespace(this.module(module), !isType(node))
  }

  value = (key: Key): string => this.#imports.name(key, true, false)

  type = (key: Key): string => this.#imports.name(key, false, false)

  readonly #keys = new Map<ts.Node, Key | undefined>()

  key = (node: ts.Node): Key | undefined => {
    if (this.#keys.has(node)) return this.#keys.get(node)
    const key = this.#keyOf(node)
    this.#keys.set(node, key)
    return key
  }

  #keyOf(node: ts.Node): Key | undefined {
    if (ts.isPropertyAccessExpression(node) || ts.isQualifiedName(node)) {
      const name = ts.isQualifiedName(node) ? node.right : node.name
      const module = this.#moduleOf(node)
      if (module !== undefined) return `${module}#${name.text}`
      // `Effect.Effect.Success` is a name of a namespace inside of a module.
      const left = ts.isQualifiedName(node) ? node.left : node.expression
      if (ts.isQualifiedName(left) || ts.isPropertyAccessExpression(left)) {
        const outer = this.#moduleOf(left) === undefined ? undefined : this.key(left)
        if (outer !== undefined && this.#isNamespace(left)) return `${outer}.${name.text}`
      }
      return this.#propertyKey(name)
    }
    if (!ts.isIdentifier(node)) return undefined
    return this.#importedKey(node) ?? this.#propertyKey(node)
  }

  #isNamespace(node: ts.Node): boolean {
    const symbol = this.checker.getSymbolAtLocation(node)
    return symbol !== undefined && (symbol.flags & ts.SymbolFlags.Namespace) !== 0
  }

  /** The module whose export `Either.left` names. */
  #moduleOf(node: ts.PropertyAccessExpression | ts.QualifiedName): string | undefined {
    const left = ts.isQualifiedName(node) ? node.left : node.expression
    return ts.isIdentifier(left) ? this.#moduleOfName(left) : undefined
  }

  #moduleOfName(node: ts.Identifier): string | undefined {
    const symbol = this.checker.getSymbolAtLocation(node)
    return symbol === undefined ? undefined : this.#moduleOfImport(symbol)
  }

  #moduleOfImport(symbol: ts.Symbol): string | undefined {
    return moduleOfSymbol(resolved(this.checker, symbol))
  }

  /** `RequestError` of `import { RequestError } from "@effect/platform/HttpClientError"`. */
  #importedKey(node: ts.Identifier): Key | undefined {
    const symbol = this.checker.getSymbolAtLocation(node)
    return symbol === undefined ? undefined : this.#keyOfImport(symbol)
  }

  #keyOfImport(symbol: ts.Symbol): Key | undefined {
    const specifier = symbol.declarations?.[0]
    if (specifier === undefined || !ts.isImportSpecifier(specifier)) return undefined
    const declaration = specifier.parent.parent.parent
    if (!isImportOfEffect(declaration) || !ts.isStringLiteral(declaration.moduleSpecifier)) return undefined
    return `${declaration.moduleSpecifier.text}#${(specifier.propertyName ?? specifier.name).text}`
  }

  #propertyKey(node: ts.Node): Key | undefined {
    const symbol = this.#propertySymbol(node)
    if (symbol === undefined) return undefined
    return keyOfSymbol(resolved(this.checker, symbol))
  }

  #propertySymbol(node: ts.Node): ts.Symbol | undefined {
    const { parent } = node
    if (ts.isBindingElement(parent) && (parent.propertyName ?? parent.name) === node) {
      return ts.isIdentifier(node)
        ? this.checker.getTypeAtLocation(parent.parent).getProperty(node.text)
        : undefined
    }
    const isKeyOfLiteral = (ts.isPropertyAssignment(parent) || ts.isMethodDeclaration(parent) ||
      ts.isShorthandPropertyAssignment(parent)) && parent.name === node
    if (isKeyOfLiteral && ts.isObjectLiteralExpression(parent.parent) && ts.isIdentifier(node)) {
      const type = this.checker.getContextualType(parent.parent)
      return type === undefined ? undefined : this.checker.getPropertyOfType(type, node.text)
    }
    return this.checker.getSymbolAtLocation(node)
  }
}

const isDeclaredName = (node: ts.Identifier): boolean =>
  "name" in node.parent && node.parent.name === node && !ts.isPropertyAccessExpression(node.parent) &&
  !ts.isShorthandPropertyAssignment(node.parent) && !ts.isMetaProperty(node.parent)

/** Names that stand for a property of a type of another module: keys of object literals and of patterns. */
const isPropertyKey = (node: ts.Identifier): boolean =>
  (ts.isPropertyAssignment(node.parent) || ts.isMethodDeclaration(node.parent)) && node.parent.name === node ||
  ts.isBindingElement(node.parent) && node.parent.name === node && node.parent.propertyName === undefined &&
    ts.isObjectBindingPattern(node.parent.parent)

const isMemberName = (node: ts.Identifier): boolean =>
  ts.isPropertyAccessExpression(node.parent) && node.parent.name === node ||
  ts.isBindingElement(node.parent) && node.parent.propertyName === node

/** Whether a name stands where only its type is needed. */
const isType = (node: ts.Node): boolean => {
  for (let at: ts.Node = node;; at = at.parent) {
    if (ts.isTypeNode(at) && !ts.isExpressionWithTypeArguments(at)) return true
    // Only `extends` of a class needs a value.
    if (ts.isExpressionWithTypeArguments(at)) {
      return ts.isHeritageClause(at.parent) &&
        (ts.isInterfaceDeclaration(at.parent.parent) || at.parent.token === ts.SyntaxKind.ImplementsKeyword)
    }
    if (!ts.isQualifiedName(at) && !ts.isIdentifier(at) && !ts.isPropertyAccessExpression(at)) return false
  }
}
