import { OAuthError } from "@effect-mcp-auth/core"
import { HttpClientError, HttpClientRequest } from "@effect/platform"

/** An error of this library. */
export const refused = (description: string, cause?: unknown): OAuthError.TokenEndpointError =>
  new OAuthError.TokenEndpointError({ reason: "Refused", url: "https://auth.example.com/token", description, cause })

/** An error of the platform whose request holds a credential in its header and in its body. */
export const requestErrorWith = (
  credential: string,
  cause?: unknown,
  description?: string
): HttpClientError.HttpClientError =>
  new HttpClientError.RequestError({
    request: HttpClientRequest.post("https://auth.example.com/token").pipe(
      HttpClientRequest.setHeader("authorization", encodeURIComponent(credential)),
      HttpClientRequest.bodyUrlParams({ client_secret: credential })
    ),
    reason: "Transport",
    cause,
    ...(description === undefined ? {} : { description })
  })
