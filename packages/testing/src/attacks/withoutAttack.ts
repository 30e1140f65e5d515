/**
 * Honest servers: the client must get a token and be served.
 */
import * as Moves from "../internal/attacks/moves.ts"
import type { ServerAttack } from "../ServerAttack.ts"

/** @internal */
export const withoutAttack: ReadonlyArray<ServerAttack> = [
  {
    name: "the client is served if it knows its authorization server",
    section: "RFC 6750 §2.1",
    onlyOrigins: Moves.trusted,
    limits: { tokenRequests: 1, requests: 12 },
    verify: (evidence) => Moves.namesServer(evidence) ?? Moves.stillServed(evidence)
  },
  {
    name: "the client is served if the MCP server names its authorization server",
    section: "RFC 9728 §5",
    issuer: "discover",
    onlyOrigins: Moves.trusted,
    limits: { tokenRequests: 1, requests: 12 },
    verify: (evidence) => Moves.namesServer(evidence) ?? Moves.stillServed(evidence)
  },
  {
    name: "the client is served again after its token was revoked",
    section: "RFC 6750 §3.1",
    calls: Moves.thenAgain(({ authorizationServer }) => authorizationServer.revokeAll),
    limits: { tokenRequests: 2, requests: 20 },
    verify: ({ requests }) =>
      requests.filter(({ endpoint, outcome }) =>
          endpoint === "resource" && outcome._tag === "Answered" && outcome.status === 200
        ).length === 2
        ? undefined
        : "not both messages were answered with 200"
  }
]
