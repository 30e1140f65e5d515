import { errorChain } from "./errorChain.ts"

/**
 * Writes out the stack of an error and of its causes. Until then the platform keeps the functions of the stack, and with
 * them the answer that they were reading, for as long as anything holds the error.
 *
 * @internal
 */
export const releaseFrames = (error: unknown): void => {
  for (const one of errorChain(error)) if (one instanceof Error) void one.stack
}
