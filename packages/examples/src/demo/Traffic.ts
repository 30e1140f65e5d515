/**
 * A `fetch` that tells of every exchange it has.
 */
import { AccessToken } from "@effect-mcp-auth/core"
import * as Redacted from "effect/Redacted"
import { decodeJwt } from "jose"
import type { Hop } from "./Transcript.ts"

/**
 * `servers` gives origins the names that the hops carry. A hop is told when the head of the answer is there; the body may
 * go on.
 */
export const traced =
  (servers: Readonly<Record<string, string>>, tell: (hop: Hop) => void): typeof globalThis.fetch =>
  async (input, init) => {
    const request = input instanceof Request ? input : undefined
    const url = new URL(input instanceof Request ? input.url : input)
    const headers = new Headers(init?.headers ?? request?.headers)
    const form = formOf(init?.body)
    const method = init?.method ?? request?.method ?? "GET"
    const started = performance.now()
    const response = await globalThis.fetch(input, init)
    tell({
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

/** What an MCP request is for stands in its headers too, since revision 2026-07-28. */
const mcpMethod = (headers: Headers): string =>
  [headers.get("mcp-method"), headers.get("mcp-name")].filter((part) => part !== null).join(" ")

/** The form of a token request; nothing of any other. */
const formOf = (body: unknown): URLSearchParams => {
  const text = body instanceof Uint8Array ? new TextDecoder().decode(body) : ""
  return new URLSearchParams(text.startsWith("grant_type=") ? text : "")
}

/** By what a token is asked for: the grant and the client authentication method, not the credentials themselves. */
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

/** The hash that the library would print. */
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
