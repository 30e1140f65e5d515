/**
 * The longest text that is kept of a document, and the longest list in all, in characters.
 *
 * @internal
 */
export const MAX_TEXT = 16 * 1024

/**
 * The largest number of entries of a list or an object that are kept.
 *
 * @internal
 */
export const MAX_ENTRIES = 1000

/**
 * A list within its bounds: its first entries, at most 1,000 of them with 16 KiB in all.
 *
 * @internal
 */
export const bounded = (list: ReadonlyArray<string>): ReadonlyArray<string> => {
  let left = MAX_TEXT
  const end = list.slice(0, MAX_ENTRIES).findIndex((entry) => (left -= entry.length) < 0)
  return list.slice(0, end === -1 ? MAX_ENTRIES : end)
}

/**
 * The longest header that is read, in characters. Servers and clients refuse longer ones: Node.js takes 16 KiB of
 * headers, and Chromium 256 KiB.
 *
 * @internal
 */
export const MAX_HEADER = 64 * 1024
