import * as Inspectable from "effect/Inspectable"

/**
 * An error's message and those of its causes: what stops a request on its way through a `fetch` and the SDK arrives
 * wrapped. A cause that has been quoted already is not said again.
 */
export const explain = (error: unknown): string => {
  const seen = new Set<Error>()
  const messages: Array<string> = []
  for (let cause = error; cause instanceof Error && !seen.has(cause); cause = cause.cause) {
    const { message } = cause
    seen.add(cause)
    if (!messages.some((said) => said.includes(message))) messages.push(message)
  }
  return messages.length === 0 ? Inspectable.toStringUnknown(error) : messages.join("\n  caused by: ")
}
