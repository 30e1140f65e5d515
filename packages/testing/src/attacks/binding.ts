/**
 * An MCP server that names an authorization server first, and a hostile one later: the client's credentials are bound to
 * the one that issued them.
 */
import * as Effect from "effect/Effect"
import * as Answer from "../Answer.ts"
import * as Moves from "../internal/attacks/moves.ts"
import type { ServerAttack } from "../ServerAttack.ts"

const section = "MCP Client Registration, Authorization Server Binding"

const takenOver = Moves.resourceMetadata({ authorization_servers: ["https://evil.example"] })

const revoked: Moves.Move = ({ authorizationServer }) => authorizationServer.revokeAll

const later = (duration: "2 hours" | "3 days"): Moves.Move => () => Effect.sleep(duration)

/** @internal */
export const binding: ReadonlyArray<ServerAttack> = [
  {
    name: "after the first token the metadata names a hostile authorization server, and the token is rejected",
    section,
    issuer: "discover",
    calls: Moves.thenAgain(Moves.all(takenOver, revoked))
  },
  {
    name: "after the first token the metadata names a hostile authorization server, and the token expires",
    section,
    issuer: "discover",
    calls: Moves.thenAgain(Moves.all(takenOver, later("2 hours"))),
    limits: { duration: "1 day" }
  },
  {
    name: "after three days without a call the metadata names a hostile authorization server",
    section,
    issuer: "discover",
    calls: Moves.thenAgain(Moves.all(takenOver, later("3 days"))),
    limits: { duration: "5 days", requests: 400, tokenRequests: 200 }
  },
  {
    name: "after the first token a hostile authorization server stands before the first one in the list",
    section,
    issuer: "discover",
    calls: Moves.thenAgain(Moves.all(
      Moves.resourceMetadata({ authorization_servers: ["https://evil.example", "https://auth.example.com"] }),
      revoked
    ))
  },
  {
    name: "after the first token a challenge names metadata elsewhere, with a hostile authorization server",
    section,
    issuer: "discover",
    calls: Moves.thenAgain(Moves.all(
      Moves.serverAnswer(
        Moves.challenged(`Bearer error="invalid_token", resource_metadata="https://evil.example/resource"`),
        "all requests"
      ),
      revoked
    ))
  },
  {
    name: "after the first token the authorization server disappears, and the metadata names a hostile one",
    section,
    issuer: "discover",
    calls: Moves.thenAgain(Moves.all(
      takenOver,
      Moves.issuerMetadataAnswer(Answer.status(404)),
      Moves.tokenAnswer(Answer.status(404)),
      revoked
    ))
  },
  {
    name: "after the first token the metadata of the authorization server has another issuer and endpoint",
    section: "RFC 8414 §3.3",
    issuer: "discover",
    calls: Moves.thenAgain(Moves.all(
      Moves.issuerMetadata({ issuer: "https://evil.example", token_endpoint: "https://evil.example/token" }),
      revoked,
      later("3 days")
    )),
    limits: { duration: "5 days", requests: 400, tokenRequests: 200 }
  },
  {
    name: "a pinned client meets a hostile authorization server after its token has expired",
    section,
    calls: Moves.thenAgain(Moves.all(takenOver, later("2 hours"))),
    limits: { duration: "1 day" }
  }
]
