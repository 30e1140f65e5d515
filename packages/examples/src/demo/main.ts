/**
 * `pnpm demo`: a program with no user present that calls a protected MCP server, through everything that happens to its
 * tokens: the library finds them, renews them before they expire, replaces them after a revocation, and widens their
 * scope. Then the program runs with a key in place of the secret, and on behalf of a user. Both servers run here as
 * well.
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { runMain } from "../runMain.ts"
import * as acts from "./acts.ts"
import * as identities from "./identities.ts"
import * as Stage from "./Stage.ts"
import * as TokenHistory from "./TokenHistory.ts"

/** The time limit of a run, in seconds. A run takes about 15 s. */
const timeLimit = 27

class DemoFailed extends Data.TaggedError("DemoFailed")<{ readonly broken: ReadonlyArray<string> }> {
  override get message(): string {
    return `The demo failed these checks:\n${this.broken.map((text) => `  - ${text}`).join("\n")}`
  }
}

const demo = Effect.gen(function*() {
  const stage = yield* Stage.make
  introduce(stage)
  // Each client has a scope of its own, so that the library renews its tokens until the next client begins.
  yield* acts.withSecret(stage).pipe(Effect.scoped, Effect.provide(identities.withSecret(stage)))
  yield* acts.withKey(stage).pipe(Effect.scoped, Effect.provide(identities.withKey(stage)))
  yield* acts.onBehalf(stage).pipe(Effect.scoped, Effect.provide(identities.onBehalf(stage)))
  summarize(stage)
  const { broken } = stage.transcript
  if (broken.length > 0) return yield* new DemoFailed({ broken })
  console.log("\nEvery check passed.\n")
}).pipe(Effect.scoped)

const introduce = ({ authorizationServer, clientKey, mcpServer, transcript }: Stage.Stage): void => {
  const [{ clientId, tokenEndpointAuthMethod }] = authorizationServer.clients
  transcript.title("A nightly job and its tokens", [
    ["MCP server", `${mcpServer.url}   (@modelcontextprotocol/server)`],
    ["authorization server", `${authorizationServer.issuer}   (oidc-provider)`],
    ["client", `${clientId}, ${tokenEndpointAuthMethod}`],
    ["client without secret", `${Stage.signer}, private_key_jwt, ${clientKey.signingAlgorithm}`],
    ["identity provider", `${Stage.employer}, which vouches for ${Stage.user}`],
    ["access tokens", `JWTs that expire after ${Stage.accessTokenLifetime} s; shown here as short hashes`]
  ])
}

const summarize = (stage: Stage.Stage): void => {
  const { authorizationServer, callers: { seen }, history, mcpServer, transcript } = stage
  const { check } = transcript
  const { obtained, renewals } = history
  const discoveryRequests = authorizationServer.requests("GET /.well-known/oauth-authorization-server") +
    authorizationServer.requests("GET /.well-known/openid-configuration") +
    mcpServer.requests("GET /.well-known/oauth-protected-resource/mcp") +
    mcpServer.requests("GET /.well-known/oauth-protected-resource")
  transcript.summary([
    ["requests by the program", seen.calls, "through OAuthFetch and OAuthHttpClient"],
    ["  answered 401", seen.unauthorized],
    ["  answered 403", seen.forbidden],
    ["  failed", seen.failed],
    ["401 answers on the wire", mcpServer.refused(401), "after the revocations"],
    ["403 answers on the wire", mcpServer.refused(403), "in the step-up"],
    ["token requests", Stage.tokenRequests(stage)],
    ["  the first", obtained, "one for each identity"],
    ["  ahead of an expiry", renewals.Scheduled, "in the background"],
    ["  after an expiry", renewals.Expired, "with callers waiting"],
    ["  after a refusal", renewals.Rejected],
    ["  for another scope", renewals.StepUp],
    ["assertions", Stage.assertions(stage).length, "signed, and presented once each"],
    ["discovery requests", discoveryRequests],
    ["expiries crossed", TokenHistory.expired(history)],
    ["revocations survived", renewals.Rejected],
    ["step-ups", renewals.StepUp],
    ["seconds", transcript.elapsed().toFixed(1)]
  ])
  check(seen.unauthorized + seen.forbidden + seen.failed === 0, "no caller saw a 401, a 403 or a failure")
  check(Stage.tokensOnlySentToMcpServer(stage), "no token was sent to any server but the MCP server")
}

runMain(demo.pipe(
  Effect.timeoutFail({
    duration: Duration.seconds(timeLimit),
    onTimeout: () => new DemoFailed({ broken: [`the demo ends within ${timeLimit} s`] })
  }),
  // The transcript shows what the library logs below a warning.
  Logger.withMinimumLogLevel(LogLevel.Warning)
))
