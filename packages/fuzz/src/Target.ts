/** A target of the fuzzer: a piece of the packages that reads input from outside, and what must hold for every input. */

export interface Target {
  /** The name on the command line, and of the file with the corpus. */
  readonly name: string
  /** A description of the inputs, for the README and for people who read a corpus. */
  readonly input: string
  /** Valid inputs, from which the mutations begin. */
  readonly seeds: ReadonlyArray<string>
  /** Texts that the mutations insert, besides the literals of the sources. */
  readonly dictionary?: ReadonlyArray<string> | undefined
  /** The longest input, in UTF-16 code units. 4,096 by default. */
  readonly maxLength?: number | undefined
  /** Runs one input. Throws `Finding`, or anything else, if a rule is broken. */
  readonly run: (input: string) => void | Promise<void>
}

/** An input that breaks a rule. */
export class Finding extends Error {
  override readonly name = "Finding"
}

/** Throws a `Finding` if the rule does not hold. */
export const holds = (rule: boolean, message: string): void => {
  if (!rule) throw new Finding(message)
}
