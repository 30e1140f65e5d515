/**
 * Two clients in one process, of which one talks to a hostile server: nothing of the other may reach that server, and
 * nothing that the server says may change the other.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Answer from "../Answer.ts"
import type { Send } from "../ClientUnderAttack.ts"
import * as Moves from "../internal/attacks/moves.ts"
import { hostileAnswer, hostileToken, issuerDocument } from "../internal/attacks/scene.ts"
import type { Evidence, Scene, ServerAttack } from "../ServerAttack.ts"

const secretOfB = Redacted.make("j5Wz9Qx3Vk7Tn1Rp8Hd4Lc2")

/** A client of another tenant, with a server, a secret and an authorization server of its own. */
const tenantB = (scene: Scene, serverUrl = "https://tenant-b.example/mcp", issuer = "https://auth-b.example") =>
  scene.connect({
    serverUrl,
    issuer,
    clientId: "tenant-b",
    clientSecret: secretOfB,
    endpoint: issuer === "discover" ? `${new URL(serverUrl).origin}/token` : `${issuer}/token`
  })

/** The tenant's server and its authorization server, with these documents in place of the usual ones. */
const served = (scene: Scene, documents: Readonly<Record<string, Answer.JsonObject>> = {}) =>
  Effect.forEach(
    ["https://tenant-b.example", "https://auth-b.example"],
    (origin) =>
      scene.network.serve(origin, (request) =>
        Effect.sync(() => {
          const { pathname } = new URL(request.url)
          const document = documents[pathname]
          if (document !== undefined) return Response.json(document)
          if (pathname.startsWith("/.well-known/oauth-protected-resource")) {
            return Response.json({
              resource: "https://tenant-b.example/mcp",
              authorization_servers: ["https://auth-b.example"]
            })
          }
          return hostileAnswer(request)
        })),
    { discard: true }
  )

/** The tenant's call first, then the call of the client under attack. */
const both = (sendA: Send, sendB: Send, scene: Scene, urlOfB = "https://tenant-b.example/mcp") =>
  Effect.exit(sendB(urlOfB)).pipe(
    Effect.andThen(Effect.exit(sendA(scene.serverUrl))),
    Effect.andThen(Effect.exit(sendB(urlOfB)))
  )

/** Tokens of the client's own authorization server reach its own server alone. */
const tokensApart = (evidence: Evidence): string | undefined => {
  const { authorized, scene } = evidence
  const attackers = authorized.find(({ authorization, url }) =>
    authorization.includes(hostileToken) && url.startsWith(scene.serverUrl)
  )
  const own = authorized.find(({ authorization, url }) =>
    !authorization.includes(hostileToken) && !url.startsWith(new URL(scene.serverUrl).origin)
  )
  return own !== undefined
    ? `a token of one tenant was sent to ${own.url}`
    : attackers !== undefined
    ? `a token of another tenant was sent to ${attackers.url}`
    : Moves.stillServed(evidence)
}

/** @internal */
export const tenants: ReadonlyArray<ServerAttack> = [
  {
    name: "another tenant's server names the metadata of the client's server as its own",
    section: "RFC 9728 §3.3",
    calls: (send, scene) =>
      Effect.gen(function*() {
        yield* served(scene, {
          "/.well-known/oauth-protected-resource/mcp": {
            resource: scene.serverUrl,
            authorization_servers: [scene.issuer]
          }
        })
        yield* both(send, yield* tenantB(scene), scene)
      }),
    verify: tokensApart
  },
  {
    name: "another tenant's authorization server claims the issuer of the client's, with its own token endpoint",
    section: "RFC 8414 §6.2",
    calls: (send, scene) =>
      Effect.gen(function*() {
        yield* served(scene, {
          "/.well-known/oauth-authorization-server": issuerDocument(scene.issuer, "https://auth-b.example/token")
        })
        yield* both(send, yield* tenantB(scene), scene)
      }),
    verify: tokensApart
  },
  {
    name: "another tenant's server names the client's authorization server, and each tenant has its own secret",
    section: "RFC 9700 §4.4",
    calls: (send, scene) =>
      Effect.gen(function*() {
        yield* served(scene)
        const sendB = yield* scene.connect({
          serverUrl: "https://tenant-b.example/mcp",
          clientId: "tenant-b",
          clientSecret: secretOfB
        })
        yield* both(send, sendB, scene)
      }),
    verify: (evidence) =>
      evidence.tokenRequests.some(({ form, url }) =>
          url.startsWith(evidence.scene.issuer) && form.get("resource") === null
        )
        ? "a token request names no resource"
        : tokensApart(evidence)
  },
  {
    name: "two servers of one authorization server share a client id, and the hostile one gets its own token alone",
    section: "RFC 8707 §3",
    calls: (send, scene) =>
      Effect.gen(function*() {
        yield* served(scene)
        const sendB = yield* scene.connect({ serverUrl: "https://tenant-b.example/mcp" })
        yield* both(send, sendB, scene)
      }),
    verify: ({ authorized, scene }) => {
      const at = (origin: string) => authorized.filter(({ url }) => url.startsWith(origin)).map((_) => _.authorization)
      const shared = at("https://tenant-b.example").find((one) => at(new URL(scene.serverUrl).origin).includes(one))
      return shared === undefined ? undefined : "the token of one server was sent to another"
    }
  },
  {
    name: "another tenant's server on the same host says that its metadata is that of the client's server",
    section: "RFC 9728 §3.3",
    issuer: "discover",
    calls: (send, scene) =>
      Effect.gen(function*() {
        yield* scene.network.serve("https://mcp.example.com", (request) =>
          Effect.sync(() =>
            request.url.includes("/.well-known/oauth-protected-resource/b")
              ? Response.json({ resource: scene.serverUrl, authorization_servers: ["https://evil.example"] })
              : new Response(null, {
                status: 401,
                headers: {
                  "www-authenticate":
                    `Bearer resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/b"`
                }
              })
          ))
        const sendB = yield* scene.connect({
          serverUrl: "https://mcp.example.com/b",
          issuer: "discover",
          clientId: "tenant-b",
          clientSecret: secretOfB,
          endpoint: "https://evil.example/token"
        })
        yield* both(send, sendB, scene, "https://mcp.example.com/b")
      }),
    verify: ({ authorized, scene }) =>
      authorized.some(({ authorization, url }) => url === scene.serverUrl && authorization.includes(hostileToken))
        ? "a token of another tenant was sent to the client's server"
        : undefined
  },
  {
    name: "another tenant's authorization server hangs, and the client's calls go on",
    section: "MCP Authorization Security Considerations, Mix-Up Attacks",
    calls: (send, scene) =>
      Effect.gen(function*() {
        yield* scene.network.serve("https://tenant-b.example", () => Effect.never)
        const sendB = yield* tenantB(scene, "https://tenant-b.example/mcp", "discover")
        yield* Effect.forkScoped(Effect.exit(sendB("https://tenant-b.example/mcp")))
        yield* scene.network.awaitRequests(({ url }) => url.startsWith("https://tenant-b.example"))
        yield* Effect.exit(send(scene.serverUrl))
      }),
    limits: { duration: "1 minute" },
    verify: Moves.stillServed
  }
]
