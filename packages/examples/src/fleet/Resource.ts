/**
 * The protected resource that the callers of `pnpm demo:fleet` read. It costs next to nothing, so that a thousand
 * callers measure the fleet and not the server: the signature of a token is verified once, its expiry at every call.
 */
import * as Effect from "effect/Effect"
import * as jose from "jose"
import type { AuthorizationServer } from "../servers/AuthorizationServer.ts"
import * as LoopbackServer from "../servers/LoopbackServer.ts"

export const scope = "reports:read"

/** How long a token is accepted after its `exp`, in seconds: issuers count in whole seconds, rounded down. */
const leeway = 1

export const make = ({ issuer, jwksUri }: Pick<AuthorizationServer, "issuer" | "jwksUri">) =>
  Effect.map(
    LoopbackServer.make({
      name: "The resource",
      listener: (origin) => {
        const url = `${origin}/reports`
        const metadata = JSON.stringify({ resource: url, authorization_servers: [issuer], scopes_supported: [scope] })
        const metadataUrl = `${origin}/.well-known/oauth-protected-resource/reports`
        const keys = jose.createRemoteJWKSet(new URL(jwksUri))
        /** The expiry of each token seen so far, in milliseconds since 1970; 0 for an invalid token. */
        const seen = new Map<string, Promise<number>>()
        const expiryOf = (token: string): Promise<number> => {
          const known = seen.get(token)
          if (known !== undefined) return known
          const expiry = jose.jwtVerify(token, keys, { issuer, audience: url, clockTolerance: leeway }).then(
            ({ payload }) => ((payload.exp ?? 0) + leeway) * 1000,
            () => 0
          )
          seen.set(token, expiry)
          return expiry
        }
        return (request, response) => {
          if (request.url !== "/reports") {
            response.writeHead(request.url === new URL(metadataUrl).pathname ? 200 : 404, {
              "content-type": "application/json"
            }).end(metadata)
            return
          }
          const arrived = Date.now()
          const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1] ?? ""
          void expiryOf(token).then((expiry) => {
            if (arrived < expiry) return response.writeHead(200).end("{}")
            response.writeHead(401, { "www-authenticate": `Bearer resource_metadata="${metadataUrl}"` }).end()
          })
        }
      }
    }),
    ({ origin }) => ({ url: `${origin}/reports` })
  )
