/**
 * What a rule sees and gives back.
 */
import type ts from "typescript-5.9"

/** A place for an export of an Effect 4 module, such as `effect/Result#fail`. */
export type Key = string

/** The file that is rewritten, and what a rule may ask about it. */
export interface Rewriting {
  readonly checker: ts.TypeChecker
  /** The text of a node for Effect 4. */
  readonly text: (node: ts.Node) => string
  /** The text of a node's children for Effect 4: what `text` gives if no rule rewrites the node itself. */
  readonly children: (node: ts.Node) => string
  /** The key of the Effect 3 export or member that an expression, a name or a property key stands for. */
  readonly key: (node: ts.Node) => Key | undefined
  /** The Effect 4 module in place of an Effect 3 module. */
  readonly module: (module: string) => string
  /** An expression for an Effect 4 export. The module is imported. */
  readonly value: (key: Key) => string
  /** A type name for an Effect 4 export. The module is imported for its types. */
  readonly type: (key: Key) => string
}

export interface Example {
  /** Declarations of the names that the example does not declare itself. */
  readonly given?: string
  readonly before: string
  readonly after: string
}

export interface Rule {
  readonly name: string
  /** Why Effect 4 needs this. */
  readonly reason: string
  /** The text for Effect 4, or `undefined` where the rule does not apply. */
  readonly apply: (node: ts.Node, rewriting: Rewriting) => string | undefined
  /** A source for Effect 3, and what the rule makes of it. */
  readonly example: Example
}
