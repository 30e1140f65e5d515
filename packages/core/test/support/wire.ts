import { Answer, TestNetwork } from "@effect-mcp-auth/testing"
import { HttpClient, HttpClientError } from "@effect/platform"
import { Effect, TestClock } from "effect"
import * as Fiber from "effect/Fiber"

/** Requests to exactly this URL. */
export const to = (url: string) => (request: { readonly url: string }): boolean => request.url === url

/** Hosts that return these answers, and 404 for any other URL. A host without answers does not exist. */
export const serve = (answers: Readonly<Record<string, Answer.Answer>>) =>
  Effect.gen(function*() {
    const network = yield* TestNetwork.TestNetwork
    for (const origin of new Set(Object.keys(answers).map((url) => new URL(url).origin))) {
      yield* network.serve(origin, () => Effect.sync(() => new Response("not found", { status: 404 })))
    }
    for (const [url, answer] of Object.entries(answers)) yield* network.always(to(url), answer)
    return network
  })

/** The URLs of all requests so far, in order. */
export const sent = Effect.flatMap(
  TestNetwork.TestNetwork,
  ({ requests }) => Effect.map(requests, (all) => all.map(({ url }) => url))
)

/** The outcome of an effect that ends after so many milliseconds, and not earlier. */
export const after = <A, E, R>(millis: number, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(effect)
    yield* TestClock.adjust(millis - 1)
    if (fiber.unsafePoll() !== null) return yield* Effect.dieMessage(`over before ${millis} ms`)
    yield* TestClock.adjust(1)
    if (fiber.unsafePoll() === null) return yield* Effect.dieMessage(`not over after ${millis} ms`)
    return yield* Fiber.join(fiber)
  })

/** A body that arrives in pieces. `undefined` is a piece that never arrives, an error is a broken connection. */
export const inPieces = (...pieces: ReadonlyArray<string | Uint8Array | Error | undefined>): Response => {
  const left = [...pieces]
  return new Response(
    new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        if (left.length === 0) return controller.close()
        const piece = left.shift()
        if (piece === undefined) return new Promise(() => {})
        if (piece instanceof Error) return controller.error(piece)
        controller.enqueue(typeof piece === "string" ? new TextEncoder().encode(piece) : piece)
      }
    }, { highWaterMark: 0 }),
    { headers: { "content-type": "application/json" } }
  )
}

/** Answers without a document that are no outage: the search continues. */
export const misses: ReadonlyArray<readonly [name: string, answer: Answer.Answer]> = [
  ...[204, 400, 401, 403, 404, 405, 406, 410, 418].map((status) => [`${status}`, Answer.status(status)] as const),
  ["an HTML page with 200", Answer.html()],
  ["an empty body", Answer.status(200)],
  ["truncated JSON", Answer.text("{\"resource\":\"https://mcp.example.com/mcp\",\"issuer\":")],
  ["a JSON array", Answer.json([])],
  ["a JSON string", Answer.json("document")],
  ["null", Answer.json(null)],
  ["an empty JSON object", Answer.json({})],
  ...[501, 505].map((status) => [`${status}`, Answer.status(status)] as const),
  ["a redirect to another origin", Answer.redirect("https://elsewhere.example.com/document")],
  ["a redirect to another scheme", Answer.redirect("http://mcp.example.com/document")],
  ["a redirect to nowhere", Answer.status(302)],
  ["a redirect to a text that is not a URL", Answer.redirect("https://[")],
  ["a document that is too large", Answer.text(" ".repeat(2 * 1024 * 1024) + "{}")]
]

/** Answers that do not show whether there is a document. The search continues, and is transient if it finds none. */
export const outages: ReadonlyArray<readonly [name: string, answer: Answer.Answer]> = [
  ...[500, 502, 503, 504, 599, 429, 408].map((status) => [`${status}`, Answer.status(status)] as const),
  ["a 500 with a JSON body", Answer.json({ resource: "https://mcp.example.com/mcp" }, { status: 500 })],
  ["a broken connection", Answer.dropped]
]

/** The error of a `fetch` of Node.js whose connection failed with this code. */
export const connectionError = (code: string, properties: object = {}): TypeError =>
  new TypeError("fetch failed", { cause: Object.assign(new Error(code), { code, ...properties }) })

/** A client whose connections fail with this error. */
export const disconnected = (cause: unknown): HttpClient.HttpClient =>
  HttpClient.make((request) => Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause })))
