/** Damaged text: a valid text of which characters are inserted, deleted, repeated or exchanged. */
import * as FastCheck from "effect/FastCheck"
import { jitter } from "./token.ts"

interface Change {
  readonly kind: "Insert" | "Delete" | "Repeat" | "Swap" | "Cut"
  /** Where the change is made, as a part of the length. */
  readonly place: number
  readonly length: number
  readonly text: string
}

const apply = (text: string, change: Change): string => {
  const at = Math.floor(change.place * (text.length + 1))
  const end = at + change.length
  switch (change.kind) {
    case "Insert":
      return text.slice(0, at) + change.text + text.slice(at)
    case "Delete":
      return text.slice(0, at) + text.slice(end)
    case "Repeat":
      return text.slice(0, end) + text.slice(at)
    case "Swap":
      return text.slice(0, at) + text.slice(at + 1, at + 2) + text.slice(at, at + 1) + text.slice(at + 2)
    case "Cut":
      return text.slice(0, at)
  }
}

/** Texts of `valid` with one to five changes. `pieces` are the texts that are inserted besides any characters. */
export const mutated = (
  valid: FastCheck.Arbitrary<string>,
  pieces: ReadonlyArray<string>
): FastCheck.Arbitrary<string> => {
  const change = FastCheck.record<Change>({
    kind: FastCheck.constantFrom("Insert", "Delete", "Repeat", "Swap", "Cut"),
    place: jitter,
    length: FastCheck.integer({ min: 1, max: 8 }),
    text: FastCheck.oneof(FastCheck.constantFrom(...pieces), FastCheck.string({ unit: "binary", maxLength: 3 }))
  })
  return FastCheck.tuple(valid, FastCheck.array(change, { minLength: 1, maxLength: 5 }))
    .map(([text, changes]) => changes.reduce(apply, text))
}
