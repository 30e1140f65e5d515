/** A gate that is opened once. */
export class Gate {
  readonly #opened = Promise.withResolvers<void>()

  /** Resolves when the gate is open. */
  get passed(): Promise<void> {
    return this.#opened.promise
  }

  open(): void {
    this.#opened.resolve()
  }
}
