/**
 * Servers that hang, trickle, answer without end, or ask the client to come back too soon or too late.
 */
import * as Effect from "effect/Effect"
import * as Answer from "../Answer.ts"
import * as Moves from "../internal/attacks/moves.ts"
import type { Scene, ServerAttack } from "../ServerAttack.ts"

const parties: ReadonlyArray<readonly [party: string, move: (answer: Answer.Answer) => Moves.Move, section: string]> = [
  ["the metadata of the MCP server", Moves.resourceMetadataAnswer, "RFC 9728 §3"],
  ["the metadata of the authorization server", Moves.issuerMetadataAnswer, "RFC 8414 §3"],
  ["the token endpoint", Moves.tokenAnswer, "RFC 6749 §3.2"]
]

const answers: ReadonlyArray<readonly [what: string, answer: Answer.Answer]> = [
  ["never answers", Answer.never],
  ["answers after an hour", Answer.delayed("1 hour", Answer.proceed)],
  ["answers with 16 MiB", Answer.oversized(16 * 1024 * 1024)],
  ["breaks every connection", Answer.dropped],
  ["answers with 503 for ever", Answer.status(503)],
  ["asks for another attempt at once, for ever", Answer.status(429, { headers: { "retry-after": "0" } })],
  ["asks for another attempt in a year", Answer.status(503, { headers: { "retry-after": "31536000" } })],
  ["asks for another attempt in the past", Answer.status(503, { headers: { "retry-after": "-1" } })]
]

const byParty = parties.flatMap(([party, move, section]) =>
  answers.map(([what, answer]): ServerAttack => ({
    name: `${party} ${what}`,
    section: what.startsWith("asks") ? "RFC 9110 §10.2.3" : section,
    issuer: party === "the metadata of the MCP server" ? "discover" : "pinned",
    prepare: move(answer)
  }))
)

const encoder = new TextEncoder()

/** One byte of a JSON document every minute. Reading never fails and never ends. */
const trickle = ({ network }: Scene): Effect.Effect<void> =>
  network.serve(
    "https://slow.example",
    ({ url }) =>
      url.endsWith("/token")
        ? Effect.sync(() => new Response("{}", { status: 404 }))
        : Effect.map(Effect.runtime<never>(), () => new Response(endlessBody()))
  )

const endlessBody = (): ReadableStream<Uint8Array> => {
  let sent = 0
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      sent++
      // The first byte arrives. The second never does.
      if (sent === 1) controller.enqueue(encoder.encode("{"))
      else return new Promise<void>(() => undefined)
    }
  }, { highWaterMark: 0 })
}

/** @internal */
export const availability: ReadonlyArray<ServerAttack> = [
  ...byParty,
  {
    name: "the body of the authorization server's metadata stops after its first byte",
    section: "RFC 8414 §3.2",
    issuer: "discover",
    prepare: Moves.all(trickle, Moves.resourceMetadata({ authorization_servers: ["https://slow.example"] }))
  },
  {
    name: "the metadata of the MCP server redirects within its origin without end",
    section: "RFC 9110 §15.4",
    issuer: "discover",
    prepare: Moves.resourceMetadataAnswer(
      Answer.redirect("https://mcp.example.com/.well-known/oauth-protected-resource/mcp")
    ),
    limits: { requests: 24 }
  },
  {
    name: "the metadata of the authorization server redirects within its origin without end",
    section: "RFC 9110 §15.4",
    prepare: Moves.issuerMetadataAnswer(
      Answer.redirect("https://auth.example.com/.well-known/oauth-authorization-server")
    ),
    limits: { requests: 24 }
  },
  {
    name: "the metadata of the MCP server is JSON of a hundred thousand levels",
    section: "RFC 9728 §3.2",
    issuer: "discover",
    prepare: Moves.resourceMetadataAnswer(Answer.text("[".repeat(100_000), { contentType: "application/json" }))
  },
  {
    name: "the metadata of the authorization server is JSON of a hundred thousand levels",
    section: "RFC 8414 §3.2",
    prepare: Moves.issuerMetadataAnswer(Answer.text("[".repeat(100_000), { contentType: "application/json" }))
  },
  {
    name: "the metadata of the MCP server lists ten thousand scopes, and each 403 demands a thousand more",
    section: "RFC 6750 §3.1",
    issuer: "discover",
    prepare: Moves.all(
      Moves.resourceMetadata({ scopes_supported: Array.from({ length: 10_000 }, (_, index) => `s${index}`) }),
      Moves.serverAnswer(
        Answer.status(403, {
          headers: {
            "www-authenticate": `Bearer error="insufficient_scope", scope="${
              Array.from({ length: 1000 }, (_, index) => `t${index}`).join(" ")
            }"`
          }
        }),
        "requests with a token"
      )
    ),
    calls: Moves.repeated(3)
  },
  {
    name: "the authorization server is unavailable while a hundred calls wait for one token",
    section: "RFC 6749 §5.2",
    prepare: Moves.tokenAnswer(Answer.status(503)),
    calls: (send, { serverUrl }) =>
      Effect.all(Array.from({ length: 100 }, () => Effect.exit(send(serverUrl))), { concurrency: "unbounded" }),
    limits: { tokenRequests: 100, requests: 400 }
  }
]
