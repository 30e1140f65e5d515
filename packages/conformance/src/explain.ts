import * as Inspectable from "effect/Inspectable"

/**
 * The messages of an error and of its causes, since `fetch` and the SDK wrap the errors of a request. A message that an
 * earlier message contains is left out.
 */
export const explain = (error: unknown): string => {
  const seen = new Set<Error>()
  const messages: Array<string> = []
  for (let cause = error; cause instanceof Error && !seen.has(cause); cause = cause.cause) {
    const { message } = cause
    seen.add(cause)
    if (!messages.some((earlier) => earlier.includes(message))) messages.push(message)
  }
  return messages.length === 0 ? Inspectable.toStringUnknown(error) : messages.join("\n  caused by: ")
}
