/**
 * A competitor: a client that calls the protected MCP server, seen from outside.
 */
import * as Effect from "effect/Effect"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"

/** The addresses of the servers, the `fetch` that reaches them, and a token for clients that cannot ask for one. */
export interface Endpoints {
  readonly resource: string
  readonly issuer: string
  /** The `fetch` of all calls, the same for every client. */
  readonly fetch: typeof globalThis.fetch
  readonly issueToken: () => Promise<string>
}

export interface Competitor {
  readonly name: string
  /** Whether the client asks for tokens. `false` where a token is set by hand. */
  readonly renews: boolean
  readonly make: (endpoints: Endpoints) => Promise<Client>
}

export interface Client {
  /** One call, whose answer is read to the end. Returns the status, and rejects if there was no answer. */
  readonly call: () => Promise<number>
  /** `workers` at a time make `each` calls in a row, in the client's own idiom. Rejects if a status is not 200. */
  readonly calls: (workers: number, each: number) => Promise<void>
  /** Asks for a token as a call would, and can be interrupted. Missing for clients that do not ask for tokens. */
  readonly askForToken?: (signal: AbortSignal) => Promise<unknown>
  readonly close: () => Promise<void>
}

/** The body of every call: a tool call of MCP. */
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
