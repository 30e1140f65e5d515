/**
 * A competitor: something that calls the protected MCP server, seen from the outside.
 */
import * as Effect from "effect/Effect"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"

/** Where the servers are, how to get there, and a token for those who cannot ask for one. */
export interface Endpoints {
  readonly resource: string
  readonly issuer: string
  /** Calls go through this one: the same for all. */
  readonly fetch: typeof globalThis.fetch
  readonly issueToken: () => Promise<string>
}

export interface Competitor {
  readonly name: string
  /** Whether it asks for tokens; false where somebody wrote one into a header. */
  readonly renews: boolean
  readonly make: (endpoints: Endpoints) => Promise<Client>
}

export interface Client {
  /** One call, its answer read to the end. The status of the answer; rejects when there was none. */
  readonly call: () => Promise<number>
  /** `workers` at a time, each of them `each` calls in a row, in the client's own idiom. Rejects if one is not let in. */
  readonly calls: (workers: number, each: number) => Promise<void>
  /** Asks for a token as a call would, and can be interrupted; missing where there is nothing to ask. */
  readonly askForToken?: (signal: AbortSignal) => Promise<unknown>
  readonly close: () => Promise<void>
}

/** What every call sends: a tool call, as an MCP client would. */
const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "report", arguments: {} } })
const headers = { "content-type": "application/json", "accept": "application/json, text/event-stream" }

const letIn = (status: number): void => {
  if (status !== 200) throw new Error(`a call was answered with ${status}`)
}

/** A client made of anything that has the shape of `fetch`. */
export const fromFetch = (
  fetch: (url: string, init: RequestInit) => Promise<Response>,
  resource: string,
  extraHeaders: Record<string, string> = {}
): Pick<Client, "call" | "calls"> => {
  const init: RequestInit = { method: "POST", headers: { ...headers, ...extraHeaders }, body }
  const call = async (): Promise<number> => {
    const response = await fetch(resource, init)
    await response.text()
    return response.status
  }
  const worker = async (each: number): Promise<void> => {
    for (let i = 0; i < each; i++) letIn(await call())
  }
  return {
    call,
    calls: async (workers, each) => {
      await Promise.all(Array.from({ length: workers }, () => worker(each)))
    }
  }
}

/** A client made of a platform `HttpClient`; a worker is a fiber. */
export const fromHttpClient = (
  client: HttpClient.HttpClient,
  resource: string,
  extraHeaders: Record<string, string> = {}
): Pick<Client, "call" | "calls"> => {
  const request = HttpClientRequest.post(resource, { headers: { ...headers, ...extraHeaders } }).pipe(
    HttpClientRequest.bodyText(body, headers["content-type"])
  )
  const call = Effect.flatMap(client.execute(request), (response) => Effect.as(response.text, response.status))
  const checked = Effect.map(call, letIn)
  return {
    call: () => Effect.runPromise(call),
    calls: (workers, each) => {
      const worker = Effect.repeatN(checked, each - 1)
      return Effect.runPromise(
        Effect.all(Array.from({ length: workers }, () => worker), { concurrency: "unbounded", discard: true })
      )
    }
  }
}
