import { isFields } from "../../authoring/TextOption.ts"

/** The options of a provider that hold arrays or objects, and are read at each token request. */
interface Shared {
  readonly scopes?: ReadonlyArray<string> | undefined
  readonly acceptedTokenTypes?: ReadonlyArray<string> | undefined
  readonly additionalParameters?: Readonly<Record<string, string>> | undefined
  readonly resourceParameter?: "send" | "omit" | { readonly value: string } | undefined
}

/**
 * The options as they are now. A caller that changes an array or an object later changes nothing, as with `fetch`.
 * Values of a wrong kind stay for the check of the options.
 *
 * @internal
 */
export const ownOptions = <A extends Shared>(options: A): A => {
  const { acceptedTokenTypes, additionalParameters, resourceParameter, scopes } = options
  return {
    ...options,
    ...(Array.isArray(scopes) ? { scopes: [...scopes] } : {}),
    ...(Array.isArray(acceptedTokenTypes) ? { acceptedTokenTypes: [...acceptedTokenTypes] } : {}),
    ...(isFields(additionalParameters) ? { additionalParameters: { ...additionalParameters } } : {}),
    ...(isFields(resourceParameter) ? { resourceParameter: { ...resourceParameter } } : {})
  }
}
