/** @internal */
export const QUOTE = 0x22
/** @internal */
export const COMMA = 0x2c
/** @internal */
export const BACKSLASH = 0x5c

/**
 * A position in the header. Its methods only move forwards, so that parsing is linear in the header's length.
 *
 * @internal
 */
export class Scanner {
  readonly text: string
  position = 0

  constructor(text: string) {
    this.text = text
  }

  get done(): boolean {
    return this.position >= this.text.length
  }

  /** The code at the position, `NaN` at the end. */
  get peek(): number {
    return this.text.charCodeAt(this.position)
  }

  /** The code at another position, `NaN` beyond the end. */
  codeAt(position: number): number {
    return this.text.charCodeAt(position)
  }

  /** The position after the accepted characters that begin at `start`. Does not move. */
  after(accept: (code: number) => boolean, start: number): number {
    let end = start
    while (end < this.text.length && accept(this.text.charCodeAt(end))) end++
    return end
  }

  skip(accept: (code: number) => boolean): void {
    this.position = this.after(accept, this.position)
  }

  take(accept: (code: number) => boolean): string {
    const start = this.position
    this.skip(accept)
    return this.text.slice(start, this.position)
  }

  /** A quoted string without its escapes; `undefined` if its closing quote is missing. */
  takeQuoted(): string | undefined {
    const parts: Array<string> = []
    let start = ++this.position
    while (!this.done) {
      const code = this.peek
      if (code === QUOTE) {
        parts.push(this.text.slice(start, this.position++))
        return parts.join("")
      }
      if (code === BACKSLASH) {
        parts.push(this.text.slice(start, this.position))
        start = ++this.position
      }
      this.position++
    }
    return undefined
  }

  /**
   * A string between two delimiters other than the double quote. The result is `undefined`, and the position does not
   * move, if the closing delimiter is missing, if no end follows it, or if the string has a double quote or a backslash.
   */
  takeBetween(delimiter: string, isEnd: (code: number) => boolean): string | undefined {
    if (!this.text.startsWith(delimiter, this.position)) return undefined
    const start = this.position + delimiter.length
    // The search goes no further than the next delimiter, and no later search begins before that.
    const end = this.text.indexOf(delimiter, start)
    if (end === -1 || !isEnd(this.codeAt(end + delimiter.length))) return undefined
    const value = this.text.slice(start, end)
    if (/["\\]/.test(value)) return undefined
    this.position = end + delimiter.length
    return value
  }

  /** Moves to the next comma outside a quoted string. */
  skipElement(): void {
    while (!this.done && this.peek !== COMMA) {
      if (this.peek === QUOTE) this.takeQuoted()
      else this.position++
    }
  }
}
