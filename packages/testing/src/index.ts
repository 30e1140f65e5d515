/**
 * @since 0.1.0
 */

/**
 * Scripted answers of a host: plain values to pass to `TestNetwork.script` or `TestNetwork.always`.
 *
 * @since 0.1.0
 */
export * as Answer from "./Answer.ts"

/**
 * Verifies the JWTs of clients and grants (RFC 7523 §3) as a strict authorization server does: an assertion needs a
 * valid signature, one audience, a valid time, and a `jti` that was not used before.
 *
 * @since 0.1.0
 */
export * as AssertionVerifier from "./AssertionVerifier.ts"

/**
 * The public key of a client, as an authorization server has it registered.
 *
 * @since 0.1.0
 */
export * as ClientKey from "./ClientKey.ts"

/**
 * An OAuth client of any make, as the hostile servers of `HostileServersContract` meet it.
 *
 * @since 0.1.0
 */
export * as ClientUnderAttack from "./ClientUnderAttack.ts"

/**
 * The failure of a case in a contract suite.
 *
 * @since 0.1.0
 */
export * as ContractViolation from "./ContractViolation.ts"

/**
 * Attacks by servers on an OAuth client of any make, as cases that any test runner can run.
 *
 * Each case puts hostile or broken servers on a network in memory and lets the client talk to them: an MCP server that
 * was taken over, a hostile authorization server, something in between. A case judges what is on the wire alone: where
 * a secret or a token went, what was asked for, how many requests were sent, and that the client's calls ended.
 *
 * @since 0.1.0
 */
export * as HostileServersContract from "./HostileServersContract.ts"

/**
 * Authorization servers in the manner of Entra ID, Okta, Auth0, Keycloak, Cognito, Google, PingOne and Ory Hydra: as
 * strict as those about scopes, audiences and assertions. A configuration that works here has the parameters that the
 * real provider needs. `docs/identity-providers.md` has the configuration for each.
 *
 * The profiles do what the providers document, as far as the token request of a machine is concerned.
 *
 * @since 0.1.0
 */
export * as IdentityProviderProfile from "./IdentityProviderProfile.ts"

/**
 * The tokens that a test authorization server has issued.
 *
 * @since 0.1.0
 */
export * as IssuedToken from "./IssuedToken.ts"

/**
 * The addresses at which an authorization server may publish its metadata.
 *
 * @since 0.1.0
 */
export * as MetadataForm from "./MetadataForm.ts"

/**
 * A request on a `TestNetwork`: as it arrives at a host, and as the network records it.
 *
 * @since 0.1.0
 */
export * as NetworkRequest from "./NetworkRequest.ts"

/**
 * An attack by a server, or by something between the client and a server, as one row of a table.
 *
 * @since 0.1.0
 */
export * as ServerAttack from "./ServerAttack.ts"

/**
 * The challenge with which a protected server refuses a request.
 *
 * @since 0.1.0
 */
export * as ServerChallenge from "./ServerChallenge.ts"

/**
 * An authorization server in memory: as strict as RFC 6749, with handles for what goes wrong in production: a rotated
 * secret, a revoked token, a shorter lifetime.
 *
 * @since 0.1.0
 */
export * as TestAuthorizationServer from "./TestAuthorizationServer.ts"

/**
 * The servers of `TestServers` on real sockets, for what cannot use a client in memory: a program in another process, a
 * library with an HTTP client of its own, a test of time limits and broken connections.
 *
 * The state, the record of requests and the scripted answers are those of the `TestNetwork`. No module of Node is
 * imported: the HTTP server is a value of Effect's `HttpServer`, such as `NodeHttpServer.make` of
 * `@effect/platform-node`, or that of another platform.
 *
 * @since 0.1.0
 */
export * as TestHttpServers from "./TestHttpServers.ts"

/**
 * A protected MCP server in memory: RFC 9728 metadata, RFC 6750 challenges, and a small MCP behind them.
 *
 * @since 0.1.0
 */
export * as TestMcpServer from "./TestMcpServer.ts"

/**
 * A fake internet: hosts in memory, an `HttpClient` and a `fetch` that reach them, a record of every request, and
 * scripted faults. No request leaves the process, and every delay goes through the `Clock`. `TestHttpServers` makes the
 * hosts reachable over real sockets.
 *
 * @since 0.1.0
 */
export * as TestNetwork from "./TestNetwork.ts"

/**
 * An `OAuthProvider` that has a token from the start, for tests of programs that use a token and do not care how it is
 * obtained.
 *
 * @since 0.1.0
 */
export * as TestOAuthProvider from "./TestOAuthProvider.ts"

/**
 * One authorization server and one protected MCP server in memory, ready for use. Most tests need no more.
 * `TestHttpServers` has the same servers on real sockets.
 *
 * @since 0.1.0
 */
export * as TestServers from "./TestServers.ts"

/**
 * What a grant of a test authorization server allows, and the scope and the audience of the token that comes of it.
 *
 * @since 0.1.0
 */
export * as TokenGrant from "./TokenGrant.ts"

/**
 * How a strict authorization server reads a token request: the form (RFC 6749 §3.2), and the client authentication
 * (RFC 6749 §2.3).
 *
 * @since 0.1.0
 */
export * as TokenRequest from "./TokenRequest.ts"

/**
 * The contract of `TokenStorage`, as cases that any test runner can run.
 *
 * @since 0.1.0
 */
export * as TokenStorageContract from "./TokenStorageContract.ts"

/**
 * A clock for simulations: hours pass in seconds, and the machine's clock can be set or its timers suspended.
 *
 * `TestClock` is right for most tests. It waits for real timers to find out that all fibers are at rest, sorts all
 * sleepers at every step, and knows one time. A `VirtualClock` keeps its sleepers in a heap, and tells three times
 * apart, as they differ on a real machine: what the timers count, what the clock of the machine says, and the time of
 * the rest of the world.
 *
 * @since 0.1.0
 */
export * as VirtualClock from "./VirtualClock.ts"
