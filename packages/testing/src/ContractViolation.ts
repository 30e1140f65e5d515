/**
 * The failure of a case in a contract suite.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * The subject under test breaks the contract. The message says in what situation, and how.
 *
 * @since 0.1.0
 * @category errors
 */
export class ContractViolation extends Data.TaggedError("ContractViolation")<{ readonly message: string }> {}
