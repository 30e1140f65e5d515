/** Where malformed answers enter the client: the token endpoint, the metadata documents and the MCP server. */
import type { ClientSecret } from "@effect-mcp-auth/client-secret"
import { Answer, TestNetwork } from "@effect-mcp-auth/testing"
import { HttpClientRequest } from "@effect/platform"
import { Effect } from "effect"
import { OAuthHttpClient, OAuthProvider } from "../../src/index.ts"
import { server } from "../support/discovery.ts"
import { makeImpatientProvider } from "../support/provider.ts"

type Options = Partial<ClientSecret.Options>

/** The scopes that the client of these tests asks for. */
export const asked: Options = { scopes: ["mcp", "admin"] }

const network = TestNetwork.TestNetwork

/** A provider of the test servers is asked for a token. */
export const token = (options: Options = asked) =>
  Effect.flatMap(makeImpatientProvider(options), ({ accessToken }) => accessToken)

/** Every request of this kind gets the answer. */
export const always = (target: TestNetwork.Target, answer: Answer.Answer) =>
  Effect.flatMap(network, ({ always }) => always(target, answer))

/** Every request to this URL gets a body of exactly these bytes. */
export const serveBytes = (url: string, bytes: Uint8Array | string, headers: Readonly<Record<string, string>> = {}) =>
  Effect.flatMap(
    network,
    ({ serve }) =>
      serve(url, () =>
        Effect.sync(() =>
          new Response(typeof bytes === "string" ? bytes : new Uint8Array(bytes), {
            headers: { "content-type": "application/json", ...headers }
          })
        ))
  )

/** The token endpoint answers, and the client asks for a token. */
export const withTokenAnswer = (answer: Answer.Answer, options?: Options) =>
  Effect.zipRight(always("token", answer), token(options))

/** A program calls the MCP server through the authenticated client. */
export const call = (options: Options = {}, send = HttpClientRequest.get(server)) =>
  Effect.gen(function*() {
    const provider = yield* makeImpatientProvider(options)
    const client = yield* Effect.provideService(OAuthHttpClient.make, OAuthProvider.OAuthProvider, provider)
    return yield* client.execute(send)
  })

export const json = (text: string, status = 200): Answer.Answer =>
  Answer.text(text, { status, contentType: "application/json" })
