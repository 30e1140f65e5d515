/**
 * Authorization servers in the manner of Entra ID, Okta, Auth0, Keycloak, Cognito, Google, PingOne and Ory Hydra: as
 * strict as those about scopes, audiences and assertions. A configuration that works here has the parameters that the
 * real provider needs. `docs/identity-providers.md` has the configuration for each.
 *
 * The profiles do what the providers document, as far as the token request of a machine is concerned.
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
