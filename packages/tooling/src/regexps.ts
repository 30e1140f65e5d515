/**
 * Proves that no regular expression of a published package needs more than linear time, on whatever text it is used.
 * The proof is that of `recheck`, which compares the paths of the expression's automaton.
 */
import { readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { checkSync } from "recheck"
import { filesBelow, type Package } from "./packages.ts"
import { childrenOf, isNode, type Node, parse } from "./syntax.ts"

export interface Expression {
  /** The file and the line, for messages. */
  readonly where: string
  /** The expression as it stands in the source: `/…/flags`, or the call that builds it. */
  readonly text: string
  /** `undefined` for an expression that is built at run time. */
  readonly literal: { readonly source: string; readonly flags: string } | undefined
}

/** The time limit of one proof, in milliseconds. Most proofs take some milliseconds. */
const TIMEOUT = 60_000

/** The regular expressions in the `src` of these packages. */
export const findExpressions = (packages: ReadonlyArray<Package>): ReadonlyArray<Expression> =>
  packages.flatMap(({ directory, folder }) =>
    filesBelow(join(directory, "src"), ".ts").flatMap((file) =>
      expressionsOf(`packages/${folder}/${relative(directory, file)}`, readFileSync(file, "utf8"))
    )
  )

const expressionsOf = (file: string, text: string): ReadonlyArray<Expression> => {
  const found: Array<Expression> = []
  const visit = (node: Node): void => {
    const literal = literalOf(node)
    if (literal !== undefined || isBuilt(node)) {
      const where = `${file}:${text.slice(0, node.start).split("\n").length}`
      found.push({ where, text: text.slice(node.start, node.end), literal })
    }
    childrenOf(node).forEach(visit)
  }
  visit(parse(file, text))
  return found
}

const literalOf = ({ regex }: Node): Expression["literal"] =>
  typeof regex === "object" && regex !== null && "pattern" in regex && "flags" in regex
    ? { source: String(regex.pattern), flags: String(regex.flags) }
    : undefined

const isBuilt = ({ callee, type }: Node): boolean =>
  (type === "NewExpression" || type === "CallExpression") && isNode(callee) && callee["name"] === "RegExp"

/**
 * The faults of expressions, one line each: an expression that may need more than linear time, or for which there is
 * neither a proof nor a reason; and a reason that no expression needs.
 *
 * @param reasons why an expression without a proof needs linear time, by its text
 * @param proved the texts of the literals that have a proof already
 */
export const checkExpressions = (
  expressions: ReadonlyArray<Expression>,
  reasons: ReadonlyMap<string, string>,
  proved: ReadonlySet<string> = new Set()
): ReadonlyArray<string> => {
  const unused = new Set(reasons.keys())
  const verdicts = new Map<string, string | undefined>()
  const faults = expressions.flatMap(({ literal, text, where }) => {
    if (unused.delete(text) || reasons.has(text) || (literal !== undefined && proved.has(text))) return []
    const verdict = verdicts.has(text) ? verdicts.get(text) : literal === undefined ? BUILT : faultOf(literal)
    verdicts.set(text, verdict)
    return verdict === undefined ? [] : [`${where}: ${text} ${verdict}`]
  })
  return [...faults, ...Array.from(unused, (text) => `the reason for ${text} belongs to no expression`)]
}

const BUILT = "is built at run time, and no reason says why it needs linear time"

/** The fault of an expression, as the rest of a sentence. `undefined` if it needs linear time. */
const faultOf = ({ flags, source }: NonNullable<Expression["literal"]>): string | undefined => {
  // The program in JavaScript, and not those for Java or for one platform.
  process.env["RECHECK_SYNC_BACKEND"] = "pure"
  // The other checker tries texts at random.
  const verdict = checkSync(source, flags, { checker: "automaton", timeout: TIMEOUT })
  switch (verdict.status) {
    case "safe":
      return undefined
    case "vulnerable":
      return `needs more than linear time: ${verdict.complexity.summary}`
    case "unknown":
      return `has no proof (${verdict.error.kind}), and no reason says why it needs linear time`
  }
}
