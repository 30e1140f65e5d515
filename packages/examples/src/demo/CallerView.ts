/**
 * The view of the demo's callers: the answers that remain after the library has renewed tokens and sent requests again.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"

export interface CallerView {
  readonly seen: {
    readonly calls: number
    readonly unauthorized: number
    readonly forbidden: number
    readonly failed: number
  }
  /** The same `fetch`, whose answers are counted. */
  readonly countFetch: (fetch: typeof globalThis.fetch) => typeof globalThis.fetch
  /** The same client, whose answers are counted. */
  readonly countHttpClient: (client: HttpClient.HttpClient) => HttpClient.HttpClient
}

export const make = (): CallerView => {
  const seen = { calls: 0, unauthorized: 0, forbidden: 0, failed: 0 }
  const answered = (status: number) => {
    seen.calls += 1
    if (status === 401) seen.unauthorized += 1
    if (status === 403) seen.forbidden += 1
  }
  const failed = () => {
    seen.calls += 1
    seen.failed += 1
  }
  return {
    seen,
    countFetch: (fetch) => async (input, init) => {
      try {
        const response = await fetch(input, init)
        answered(response.status)
        return response
      } catch (error) {
        failed()
        throw error
      }
    },
    countHttpClient: (client) =>
      client.pipe(
        HttpClient.tap(({ status }) => Effect.sync(() => answered(status))),
        HttpClient.tapError(() => Effect.sync(failed))
      )
  }
}
