import { resourceParameter } from "../../ResourceIdentifier.ts"
import type { TokenKey } from "../../TokenKey.ts"
import type { PermittedScopes } from "../lifecycle/permittedScopes.ts"

interface Options {
  readonly issuer: string
  readonly clientAuthentication: { readonly clientId: string; readonly method: string }
  readonly grant: { readonly type: string }
  readonly subject?: string | undefined
  readonly scopes?: ReadonlyArray<string> | undefined
  readonly additionalParameters?: Readonly<Record<string, string>> | undefined
  readonly resourceParameter?: "send" | "omit" | { readonly value: string } | undefined
  readonly resourceMatch?: "parent" | "identical" | undefined
}

/**
 * The name of a provider's tokens in a storage: everything that decides which token a request gets.
 *
 * @internal
 */
export const keyOf = (options: Options, resource: string, { name: stepUps }: PermittedScopes): TokenKey => ({
  issuer: options.issuer,
  clientId: options.clientAuthentication.clientId,
  authenticationMethod: options.clientAuthentication.method,
  grantType: options.grant.type,
  resource,
  subject: options.subject ?? "",
  scopes: options.scopes ?? [],
  parameters: [
    ...Object.entries(options.additionalParameters ?? {}),
    ["resource", resourceParameter(options.resourceParameter, resource) ?? ""],
    // A stored token for a parent of the server must not be used after the caller has set `"identical"`.
    ...(options.resourceMatch === "identical" ? [["resource match", "identical"] as const] : []),
    // A stored token with a scope of a step-up must not be used where the caller does not permit that step-up.
    ...(stepUps === undefined ? [] : [["step-ups", stepUps] as const])
  ]
})
