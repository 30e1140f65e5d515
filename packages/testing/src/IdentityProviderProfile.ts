/**
 * Authorization servers in the manner of Entra ID, Okta, Auth0, Keycloak, Cognito, Google, PingOne and Ory Hydra: as
 * strict as those are about scopes, audiences and assertions, so that a configuration is known to work before it meets
 * the real one. `docs/identity-providers.md` has the configuration for each.
 *
 * They stand for what the providers document, and leave out what no token request of a machine meets.
 *
 * @since 0.1.0
 */
export { auth0, type Auth0Options } from "./profiles/auth0.ts"
export { cognito, type CognitoOptions } from "./profiles/cognito.ts"
export { entraId, type EntraIdOptions } from "./profiles/entraId.ts"
export { google } from "./profiles/google.ts"
export { hydra, type HydraOptions } from "./profiles/hydra.ts"
export { keycloak, type KeycloakOptions } from "./profiles/keycloak.ts"
export { okta, type OktaOptions } from "./profiles/okta.ts"
export { pingOne, type PingOneOptions } from "./profiles/pingOne.ts"
export type { Client, ClientKey, Options, Profile } from "./profiles/profile.ts"
