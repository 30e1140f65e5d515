/**
 * @since 0.1.0
 */

/**
 * The access token of an Azure managed identity, as an assertion: of a virtual machine (IMDS), or of App Service,
 * Functions and Container Apps.
 *
 * @since 0.1.0
 */
export * as AzureManagedIdentity from "./AzureManagedIdentity.ts"

/**
 * A command that prints an assertion: the command-line tool of a cloud, a hardware token's, one of your own.
 *
 * @since 0.1.0
 */
export * as Command from "./Command.ts"

/**
 * A file that the platform writes a token to, and writes again before the token expires: the projected service account
 * tokens of Kubernetes, Azure workload identity, SPIFFE helpers.
 *
 * @since 0.1.0
 */
export * as File from "./File.ts"

/**
 * The OpenID Connect token of a GitHub Actions job.
 *
 * @since 0.1.0
 */
export * as GitHubActions from "./GitHubActions.ts"

/**
 * The ID token of a GitLab CI job, which is in a variable of the job.
 *
 * @since 0.1.0
 */
export * as GitLabCi from "./GitLabCi.ts"

/**
 * The OpenID Connect token of a service account, from the metadata server of Google Cloud (Compute Engine, GKE with
 * Workload Identity, Cloud Run, Cloud Functions).
 *
 * @since 0.1.0
 */
export * as GoogleMetadata from "./GoogleMetadata.ts"

/**
 * An HTTP endpoint that gives an assertion: Vault, SPIRE, a token broker, Kubernetes' TokenRequest API.
 *
 * @since 0.1.0
 */
export * as HttpEndpoint from "./HttpEndpoint.ts"
