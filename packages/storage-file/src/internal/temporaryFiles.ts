const PREFIX = "tmp."

/**
 * A new name for a file that is being written, or for a folder that is being removed.
 *
 * @internal
 */
export const temporaryName = (): string => `${PREFIX}${crypto.randomUUID()}`

/** @internal */
export const isTemporary = (name: string): boolean => name.startsWith(PREFIX)
