/**
 * How many errors of a chain are read: an error may have any number of causes, and may be its own.
 *
 * @internal
 */
export const MAX_ERRORS = 20

/** How much of a message is read, in characters. Transports write the important part first. */
const MAX_MESSAGE = 1000

/**
 * An error, its causes, and the errors that it unites (one for each address of a host), outermost first.
 *
 * @internal
 */
export const errorChain = (error: unknown): ReadonlyArray<object> => {
  const found = new Set<object>()
  const add = (value: unknown): void => {
    if (typeof value === "object" && value !== null && found.size < MAX_ERRORS) found.add(value)
  }
  add(error)
  // The loop also visits the errors that it adds.
  for (const one of found) {
    if ("cause" in one) add(one.cause)
    if ("errors" in one && Array.isArray(one.errors)) one.errors.slice(0, MAX_ERRORS).forEach(add)
  }
  return [...found]
}

/**
 * The message of an error, at most 1,000 characters of it.
 *
 * @internal
 */
export const messageOf = (error: object): string =>
  "message" in error && typeof error.message === "string" ? error.message.slice(0, MAX_MESSAGE) : ""
