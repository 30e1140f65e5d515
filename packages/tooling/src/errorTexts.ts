/**
 * The texts that a program can show to its user: messages of errors, lines of the log, and defects. Read from the
 * sources, so that a page about them can be compared with the code.
 */
import { childrenOf, isNode, type Node, parse } from "./syntax.ts"

export interface Source {
  /** The path below the root of the repository. */
  readonly file: string
  readonly text: string
}

export interface ErrorText {
  /** The text, with `…` in the place of everything that is not known before the program runs. */
  readonly text: string
  readonly file: string
  /** The class of the error that is constructed around the text, `Log` in a line of the log, `Error` in a defect. */
  readonly tag?: string | undefined
  readonly reason?: string | undefined
  /** The name of the wrong option, where a literal gives it. */
  readonly option?: string | undefined
}

/** The facts about a text that the code around it gives. */
type Around = Pick<ErrorText, "option" | "reason" | "tag">

export interface Found {
  readonly texts: ReadonlyArray<ErrorText>
  /** The options that can be wrong: the names that are passed to a class or function as `option`. */
  readonly options: ReadonlyArray<string>
}

/** A sentence, or a part of one, has at least so many words. Names and codes have fewer. */
const MIN_WORDS = 3

/**
 * The texts and options in these sources.
 *
 * @param tags the names of the error classes
 */
export const findErrorTexts = (sources: ReadonlyArray<Source>, tags: ReadonlySet<string>): Found => {
  const modules = sources.map(({ file, text }) => {
    const program = parse(file, text)
    return { file, program, functions: functionsOf(program, tags) }
  })
  const exported = new Map(modules.map(({ file, functions }) => [
    moduleName(file),
    functions.filter(({ isExported }) => isExported)
  ]))
  const texts: Array<ErrorText> = []
  const options = new Set<string>()

  const visit = (node: Node, file: string, around: Around, names: Names): void => {
    if (isSkipped(node)) return
    const text = textOf(node)
    if (text !== undefined) {
      // A part of a longer text may begin with the end of what stands before it.
      if (isDistinctive(text)) texts.push({ text: text.trim().replace(/^[.,:;)]+\s+/, ""), file, ...around })
      for (const part of dynamicParts(node)) visit(part, file, around, names)
      return
    }
    const own = { ...aroundDeclaration(node, tags), ...aroundArguments(node, tags, names) }
    const inside = own.tag === undefined ? { ...around, ...own } : own
    for (const option of [inside.option, constantOption(node)]) if (option !== undefined) options.add(option)
    for (const child of childrenOf(node)) visit(child, file, inside, names)
  }
  for (const { file, functions, program } of modules) {
    const own = functions.map((known) => [known.name, known] as const)
    visit(program, file, {}, {
      functions: new Map([...importedFunctions(program, exported), ...own]),
      constants: constantsOf(program)
    })
  }
  return { texts, options: [...options].toSorted() }
}

/** Types and the names of modules are no texts. The expression inside `… as T` may be one. */
const isSkipped = (node: Node): boolean =>
  node.type === "ImportDeclaration" || node.type === "ExportAllDeclaration" ||
  (node.type.startsWith("TS") && !node.type.endsWith("Expression") && node.type !== "TSModuleBlock")

/** The static text of a literal, a template or a sum of them. */
const textOf = (node: Node): string | undefined => {
  if (node.type === "Literal") return typeof node["value"] === "string" ? node["value"] : undefined
  if (node.type === "TemplateLiteral") {
    return nodesOf(node["quasis"]).map((quasi) => cookedOf(quasi["value"])).join("…")
  }
  if (node.type !== "BinaryExpression" || node["operator"] !== "+") return undefined
  const { left, right } = node
  if (!isNode(left) || !isNode(right)) return undefined
  const [before, after] = [textOf(left), textOf(right)]
  return before === undefined && after === undefined ? undefined : `${before ?? "…"}${after ?? "…"}`
}

const cookedOf = (value: unknown): string =>
  typeof value === "object" && value !== null && "cooked" in value && typeof value.cooked === "string"
    ? value.cooked
    : ""

/** The expressions inside a text, which may contain texts of their own. */
const dynamicParts = (node: Node): ReadonlyArray<Node> => {
  if (node.type === "TemplateLiteral") return nodesOf(node["expressions"])
  if (node.type !== "BinaryExpression") return []
  return [node["left"], node["right"]].filter(isNode).flatMap((side) =>
    textOf(side) === undefined ? [side] : dynamicParts(side)
  )
}

const nodesOf = (value: unknown): ReadonlyArray<Node> => Array.isArray(value) ? value.filter(isNode) : []

/** Programs in other languages have several lines. Sentences have words in lower case. */
const isDistinctive = (text: string): boolean =>
  !text.includes("\n") &&
  text.split("…").some((part) =>
    part.split(/\s+/).filter((word) => /\p{L}/u.test(word)).length >= MIN_WORDS &&
    /(?:^|\s)[a-z]+(?:$|[\s.,;:?])/.test(part)
  )

/**
 * The facts that a declaration gives about the texts in it: `issuerMismatch` makes the messages of an `IssuerMismatch`.
 * A case, and a field of an object, is a reason if its name is capitalized.
 */
const aroundDeclaration = (node: Node, tags: ReadonlySet<string>): Around => {
  const reason = node.type === "SwitchCase" && isNode(node["test"])
    ? literalOf(node["test"])
    : node.type === "Property" && isNode(node["key"])
    ? stringOf(node["key"]["name"])
    : undefined
  if (reason !== undefined) return /^(?:[A-Z][a-z]+)+$/.test(reason) ? { reason } : {}
  const name = node.type === "VariableDeclarator" && isNode(node["id"]) ? stringOf(node["id"]["name"]) : undefined
  const tag = name === undefined ? undefined : `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`
  return tag !== undefined && tags.has(tag) ? { tag } : {}
}

/** The facts that a call or a construction gives about the texts in its arguments. */
const aroundArguments = (node: Node, tags: ReadonlySet<string>, { constants, functions }: Names): Around => {
  if (node.type !== "NewExpression" && node.type !== "CallExpression") return {}
  const spelled = isNode(node["callee"]) ? calleeOf(node["callee"]) : undefined
  const callee = spelled?.split(".").at(-1)
  if (spelled === undefined || callee === undefined) return {}
  const args = nodesOf(node["arguments"])
  if (node.type === "NewExpression") {
    if (/^(?:Type|Range)?Error$/.test(callee)) return { tag: "Error" }
    if (!tags.has(callee)) return {}
    const [fields] = args
    return { tag: callee, ...literalField(fields, "reason", constants), ...literalField(fields, "option", constants) }
  }
  if (/^log(?:[A-Z]|$)/.test(callee)) return { tag: "Log" }
  const called = functions.get(spelled)
  if (called === undefined) return {}
  const option = called.optionAt < 0 ? undefined : literalOf(args[called.optionAt], constants)
  return {
    ...called.constructs,
    ...(option === undefined ? {} : { tag: "InvalidOptions", option })
  }
}

const literalField = <K extends "option" | "reason">(
  fields: Node | undefined,
  name: K,
  constants: ReadonlyMap<string, string>
): { readonly [_ in K]?: string } => {
  const value = fields === undefined ? undefined : literalOf(propertyOf(fields, name), constants)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a computed key widens to an index signature
  return (value === undefined ? {} : { [name]: value }) as { readonly [_ in K]?: string }
}

/** `f` for `f(…)`, and `Module.f` for `Module.f(…)`. */
const calleeOf = (callee: Node): string | undefined => {
  if (callee.type === "Identifier") return stringOf(callee["name"])
  const { object, property } = callee
  if (callee.type !== "MemberExpression" || !isNode(property)) return undefined
  const name = stringOf(property["name"])
  const module = isNode(object) ? stringOf(object["name"]) : undefined
  return name === undefined || module === undefined ? name : `${module}.${name}`
}

const propertyOf = (object: Node, name: string): Node | undefined =>
  nodesOf(object["properties"]).flatMap(({ key, value }) =>
    isNode(key) && key["name"] === name && isNode(value) ? [value] : []
  )[0]

/** The text of a literal, or of the constant of the module that a name stands for. */
const literalOf = (node: Node | undefined, constants: ReadonlyMap<string, string> = new Map()): string | undefined =>
  node?.type === "Literal"
    ? stringOf(node["value"])
    : node?.type === "Identifier"
    ? constants.get(stringOf(node["name"]) ?? "")
    : undefined

const stringOf = (value: unknown): string | undefined => typeof value === "string" ? value : undefined

/** The meanings of the names of a module. */
interface Names {
  readonly functions: ReadonlyMap<string, Known>
  readonly constants: ReadonlyMap<string, string>
}

/** The texts that a module gives a name to, as in `const OPTION = "insecureHosts"`. */
const constantsOf = (program: Node): ReadonlyMap<string, string> =>
  new Map(
    nodesOf(program["body"]).flatMap((statement) => nodesOf(statement["declarations"])).flatMap(({ id, init }) => {
      const name = isNode(id) ? stringOf(id["name"]) : undefined
      const text = isNode(init) ? literalOf(init) : undefined
      return name === undefined || text === undefined ? [] : [[name, text] as const]
    })
  )

/** The option that `const option = "scopes"` names for the statements after it. */
const constantOption = ({ id, init, type }: Node): string | undefined =>
  type === "VariableDeclarator" && isNode(id) && id["name"] === "option" && isNode(init) ? literalOf(init) : undefined

/** A function, and what its callers say about a text by calling it. */
interface Known {
  readonly name: string
  readonly isExported: boolean
  /** The position of the parameter `option`, or -1. */
  readonly optionAt: number
  /** The error that the function makes, if it does nothing else. */
  readonly constructs: Around
}

/** `Http` for `internal/Http.ts`. */
const moduleName = (path: string): string => path.replace(/^.*\//, "").replace(/\.ts$/, "")

/** The functions that a module imports, by the name that it calls them. */
const importedFunctions = (
  program: Node,
  exported: ReadonlyMap<string, ReadonlyArray<Known>>
): ReadonlyArray<readonly [string, Known]> =>
  nodesOf(program["body"]).filter(({ type }) => type === "ImportDeclaration").flatMap((declaration) => {
    const source = moduleName(literalOf(isNode(declaration["source"]) ? declaration["source"] : undefined) ?? "")
    return nodesOf(declaration["specifiers"]).flatMap((specifier) => {
      const local = isNode(specifier["local"]) ? stringOf(specifier["local"]["name"]) ?? "" : ""
      const imported = isNode(specifier["imported"]) ? stringOf(specifier["imported"]["name"]) : undefined
      const one = (exported.get(source) ?? []).filter(({ name }) => name === imported)
      // A package exports its modules as namespaces.
      const namespace = exported.get(imported ?? source) ?? []
      return [
        ...one.map((known) => [local, known] as const),
        ...namespace.map((known) => [`${local}.${known.name}`, known] as const)
      ]
    })
  })

const functionsOf = (program: Node, tags: ReadonlySet<string>): ReadonlyArray<Known> => {
  const constants = constantsOf(program)
  return nodesOf(program["body"]).flatMap((statement) => {
    const isExported = statement.type === "ExportNamedDeclaration"
    const declaration = isExported && isNode(statement["declaration"]) ? statement["declaration"] : statement
    return nodesOf(declaration["declarations"]).flatMap(({ id, init }) => {
      const name = isNode(id) ? stringOf(id["name"]) : undefined
      if (name === undefined || !isNode(init) || init.type !== "ArrowFunctionExpression") return []
      const optionAt = nodesOf(init["params"]).findIndex(({ name }) => name === "option")
      const [only, ...others] = isNode(init["body"]) && init["body"].type !== "BlockStatement"
        ? constructionsIn(init["body"], tags, constants)
        : []
      const constructs = only === undefined || others.length > 0 ? {} : only
      return [{ name, isExported, optionAt, constructs }]
    })
  })
}

const constructionsIn = (
  node: Node,
  tags: ReadonlySet<string>,
  constants: ReadonlyMap<string, string>
): ReadonlyArray<Around> => {
  const { tag, ...fields } = aroundArguments(node, tags, { functions: new Map(), constants })
  return [
    ...(tag === undefined || !tags.has(tag) ? [] : [{ tag, ...fields }]),
    ...childrenOf(node).flatMap((child) => constructionsIn(child, tags, constants))
  ]
}
