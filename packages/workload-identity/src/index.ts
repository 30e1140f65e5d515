/**
 * @since 0.1.0
 */

/**
 * The access token of an Azure managed identity as an assertion, on a virtual machine (IMDS), App Service, Functions or
 * Container Apps.
 *
 * @since 0.1.0
 */
export * as AzureManagedIdentity from "./AzureManagedIdentity.ts"

/**
 * An assertion that a command prints: the command-line tool of a cloud or of a hardware token, or a command of your
 * own.
 *
 * @since 0.1.0
 */
export * as Command from "./Command.ts"

/**
 * A token in a file that the platform rewrites before the token expires: projected service account tokens of
 * Kubernetes, Azure workload identity, SPIFFE helpers.
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
 * The ID token of a GitLab CI job, from a variable of the job.
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
 * An assertion from an HTTP endpoint: Vault, SPIRE, a token broker, the TokenRequest API of Kubernetes.
 *
 * @since 0.1.0
 */
export * as HttpEndpoint from "./HttpEndpoint.ts"
