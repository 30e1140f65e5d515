/**
 * A `fetch` that reports every exchange.
 */
import { AccessToken } from "@effect-mcp-auth/core"
import * as Redacted from "effect/Redacted"
import { decodeJwt } from "jose"
import type { Hop } from "./Transcript.ts"

/**
 * `servers` maps origins to the names in the reports. `report` is called when the head of the answer has arrived; the
 * body may still be on its way.
 */
export const traced =
  (servers: Readonly<Record<string, string>>, report: (hop: Hop) => void): typeof globalThis.fetch =>
  async (input, init) => {
    const request = input instanceof Request ? input : undefined
    const url = new URL(input instanceof Request ? input.url : input)
    const headers = new Headers(init?.headers ?? request?.headers)
    const form = formOf(init?.body)
    const method = init?.method ?? request?.method ?? "GET"
    const started = performance.now()
    const response = await globalThis.fetch(input, init)
    report({
      server: servers[url.origin] ?? url.host,
      request: [method.padEnd(4), url.pathname, mcpMethod(headers), credentials(form, headers)].filter(Boolean).join(
        " "
      ),
      status: response.status,
      millis: performance.now() - started,
      token: fingerprint(headers),
      assertions: assertionsOf(form)
    })
    return response
  }

/** Since revision 2026-07-28 of MCP, the headers of a request name its method too. */
const mcpMethod = (headers: Headers): string =>
  [headers.get("mcp-method"), headers.get("mcp-name")].filter((part) => part !== null).join(" ")

/** The form of a token request. Empty for any other request. */
const formOf = (body: unknown): URLSearchParams => {
  const text = body instanceof Uint8Array ? new TextDecoder().decode(body) : ""
  return new URLSearchParams(text.startsWith("grant_type=") ? text : "")
}

/** The grant and the client authentication method of a token request, without the credentials. */
const credentials = (form: URLSearchParams, headers: Headers): string => {
  const grant = form.get("grant_type")?.replace(/^.*:/, "") ?? ""
  if (form.has("client_assertion")) return `${grant} private_key_jwt`
  return headers.get("authorization")?.startsWith("Basic ") === true ? `${grant} client_secret_basic` : grant
}

const assertionsOf = (form: URLSearchParams): ReadonlyArray<string> =>
  ["assertion", "client_assertion"].flatMap((name) => {
    const assertion = form.get(name)
    return assertion === null ? [] : [decodeJwt(assertion).jti ?? ""]
  })

/** The hash that the library prints in place of the token. */
const fingerprint = (headers: Headers): string | undefined => {
  const [, token] = /^Bearer (.+)$/.exec(headers.get("authorization") ?? "") ?? []
  return token === undefined ? undefined : AccessToken.fingerprint(
    new AccessToken.AccessToken({
      value: Redacted.make(token),
      tokenType: "Bearer",
      scopes: [],
      issuer: "",
      issuedAt: 0,
      expiresAt: 0
    })
  )
}
