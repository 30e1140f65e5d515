/**
 * The first argument of `fetch`, read once.
 *
 * @internal
 */
export interface FetchInput {
  /** The URL that is requested. */
  readonly url: string
  /** The input to send. */
  readonly target: string | Request
  /** The fields to send with it. */
  readonly fields?: RequestInit | undefined
}

/**
 * Whether an input is a `Request`, of the platform or of another implementation. For the latter, the test avoids
 * `instanceof`.
 *
 * @internal
 */
export const isRequest = (input: RequestInfo | URL): input is Request =>
  typeof input === "object" && !(input instanceof URL) && "url" in input

/**
 * Reads an input. Of a `Request` that is not the platform's, the fields are sent: `fetch` would make a text of the
 * object, which may be another URL.
 *
 * @internal
 */
export const read = (input: RequestInfo | URL): FetchInput => {
  if (!isRequest(input)) {
    const url = String(input)
    return { url, target: url }
  }
  const platformUrl = platformUrlOf(input)
  if (platformUrl !== undefined) return { url: platformUrl, target: input }
  const { url } = input
  return { url, target: url, fields: input }
}

/**
 * The URL that `fetch` requests for a `Request` of the platform, whatever a property or a class says in its place;
 * `undefined` for any other object.
 */
const platformUrlOf = (request: Request): string | undefined => {
  try {
    const url: unknown = Reflect.get(Request.prototype, "url", request)
    return typeof url === "string" ? url : undefined
  } catch {
    return undefined
  }
}
