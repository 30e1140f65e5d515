/**
 * The call with a token that openid-client asks for.
 */
import * as openid from "openid-client"
import { clientId, clientSecret, expectOk, issuer, resource, scope } from "./given.ts"

const configuration = await openid.discovery(
  new URL(issuer),
  clientId,
  undefined,
  openid.ClientSecretBasic(clientSecret),
  // Its authors marked it as deprecated so that nobody uses it in production. Loopback has no TLS.
  // oxlint-disable-next-line typescript/no-deprecated
  { algorithm: "oauth2", execute: [openid.allowInsecureRequests] }
)
const { access_token } = await openid.clientCredentialsGrant(configuration, { scope, resource })

const response = await fetch(resource, { headers: { authorization: `Bearer ${access_token}` } })
await response.text()
expectOk(response.status)
