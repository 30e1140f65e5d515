/**
 * The three ways in which the program of the demo says who it is, as Layers.
 */
import { AssertionProvider, OAuthHttpClient, SignedAssertion, TokenStorage } from "@effect-mcp-auth/core"
import type { OAuthProvider } from "@effect-mcp-auth/core"
import { ClientSecret } from "@effect-mcp-auth/client-secret"
import { JwtBearer } from "@effect-mcp-auth/jwt-bearer"
import { PrivateKeyJwt } from "@effect-mcp-auth/private-key-jwt"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type { HttpClient } from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { KeyPair } from "../servers/KeyPair.ts"
import { employer, signer, type Stage, user } from "./Stage.ts"

/** The provider, and an `HttpClient` that it authenticates, both over the `fetch` of the stage. */
const live = <E>(
  stage: Stage,
  auth: Layer.Layer<OAuthProvider.OAuthProvider, E, HttpClient | TokenStorage.TokenStorage>
) =>
  OAuthHttpClient.layer.pipe(
    Layer.provideMerge(auth),
    Layer.provide([FetchHttpClient.layer, TokenStorage.layerMemory]),
    Layer.provideMerge(stage.Fetch)
  )

const scopes = ["reports:read"]
/** A 403 may widen the scopes by this one, and by no other. */
const stepUp = { allow: ["reports:write"] }

const signedBy = (issuer: string, key: KeyPair, subject?: string): SignedAssertion.Options => ({
  issuer,
  subject,
  signingKey: key.privateKey,
  signingAlgorithm: key.signingAlgorithm
})

export const withSecret = (stage: Stage) => {
  const { authorizationServer: { clients: [{ clientId, clientSecret }], issuer }, mcpServer } = stage
  return live(stage, ClientSecret.layer({ serverUrl: mcpServer.url, issuer, clientId, clientSecret, scopes, stepUp }))
}

export const withKey = (stage: Stage) => {
  const { clientKey, mcpServer } = stage
  return live(
    stage,
    PrivateKeyJwt.layer({ serverUrl: mcpServer.url, clientId: signer, scopes }).pipe(
      Layer.provide(AssertionProvider.layerSigned(signedBy(signer, clientKey)))
    )
  )
}

/** Two assertions: the employer's says for whom the token is, the client's own says who asks for it. */
export const onBehalf = (stage: Stage) => {
  const { clientKey, employerKey, mcpServer } = stage
  const auth = Effect.map(SignedAssertion.make(signedBy(signer, clientKey)), (assertionProvider) =>
    JwtBearer.layer({
      serverUrl: mcpServer.url,
      scopes,
      clientAuthentication: PrivateKeyJwt.clientAuthentication({ clientId: signer, assertionProvider })
    }))
  return live(
    stage,
    Layer.unwrapEffect(auth).pipe(
      // In production the identity provider signs the assertion, and the program requests it there.
      Layer.provide(AssertionProvider.layerSigned(signedBy(employer, employerKey, user)))
    )
  )
}
