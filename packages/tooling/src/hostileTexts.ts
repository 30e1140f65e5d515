/** Makes hostile texts of any size, for the measurement of growth. */
import type { Input } from "./growth.ts"

/** A text of about so many bytes: made from the size, or a piece that is repeated, each time perhaps another one. */
export type Form = string | ((index: number) => string) | { readonly whole: (bytes: number) => string }

/** A text of about so many bytes that repeats a piece. */
export const repeated = (piece: string | ((index: number) => string), bytes: number): string => {
  if (typeof piece === "string") return piece.repeat(Math.ceil(bytes / piece.length))
  const pieces: Array<string> = []
  for (let size = 0; size < bytes; size += pieces.at(-1)?.length ?? 0) pieces.push(piece(pieces.length))
  return pieces.join("")
}

/** Different words that have about so many bytes as a list in JSON. */
export const words = (bytes: number): ReadonlyArray<string> =>
  Array.from({ length: Math.ceil(bytes / 10) }, (_, index) => `s${index.toString(36).padStart(6, "0")}`)

/** A text that is made from its size. */
export const whole = (make: (bytes: number) => string): Form => ({ whole: make })

/** What may be left out of a document so that it is within a limit of its size in bytes, which counts names too. */
const REST = 1000

/** The JSON of an object. The function gets a little less than the size, so that the JSON is not larger. */
export const json = (make: (bytes: number) => object): Form => whole((bytes) => JSON.stringify(make(bytes - REST)))

/** A list in a list in a list, as JSON. */
export const nested = (bytes: number): string => `${"[".repeat(bytes / 2)}${"]".repeat(bytes / 2)}`

const textOf = (form: Form, bytes: number): string =>
  typeof form === "object" ? form.whole(bytes) : repeated(form, bytes)

/** An input for each form of a text. Only the reading is measured. */
export const texts = (
  name: string,
  forms: Readonly<Record<string, Form>>,
  read: (text: string) => unknown
): ReadonlyArray<Input> =>
  Object.entries(forms).map(([of, form]) => ({
    name: `${name}: ${of}`,
    prepare: (bytes) => {
      const text = textOf(form, bytes)
      return () => read(text)
    }
  }))
