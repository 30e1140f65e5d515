/**
 * The answers that a test has prepared: some for the next requests in turn, some for all of them.
 *
 * @internal
 */
import type { Answer } from "../../Answer.ts"
import { proceed } from "../../Answer.ts"
import type { Target } from "../../NetworkRequest.ts"
import type { Entry } from "./requestLog.ts"
import { isSelected } from "./requestLog.ts"

/** @internal */
export class Script {
  readonly #turns: Array<{ readonly target: Target; readonly answers: Array<Answer> }> = []
  readonly #standing: Array<{ readonly target: Target; readonly answer: Answer }> = []

  add(target: Target, answers: ReadonlyArray<Answer>): void {
    this.#turns.push({ target, answers: [...answers] })
  }

  addStanding(target: Target, answer: Answer): void {
    this.#standing.push({ target, answer })
  }

  clear(): void {
    this.#turns.length = 0
    this.#standing.length = 0
  }

  next(entry: Entry): Answer {
    return this.#turns.find((script) => script.answers.length > 0 && isSelected(script.target, entry))?.answers.shift()
      ?? this.#standing.findLast((rule) => isSelected(rule.target, entry))?.answer
      ?? proceed
  }
}
