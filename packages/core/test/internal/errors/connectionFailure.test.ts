import { describe, expect, it } from "@effect/vitest"
import { connectionFailure } from "../../../src/internal/errors/connectionFailure.ts"

/** The error of undici: the `fetch` of Node.js. */
const undici = (code: string, message = code) =>
  new TypeError("fetch failed", { cause: Object.assign(new Error(message), { code }) })

/** The error of Bun, which has the code itself. */
const bun = (code: string) => Object.assign(new TypeError(`${code}: it failed`), { code, path: "https://a/?q" })

/** The error of Deno, which has no code. */
const deno = (why: string) =>
  new TypeError("fetch failed", {
    cause: new Error(`error sending request for url (https://auth.example.com/token): client error (Connect): ${why}`)
  })

type Row = readonly [error: unknown, shown: string, advice: string, isLasting: boolean]

describe("a failed connection of Node.js", () => {
  it.each<readonly [code: string, shown: string, advice: string, isLasting: boolean]>([
    ["ENOTFOUND", "the host name has no address", "Check the spelling of the host name", false],
    ["EAI_AGAIN", "the DNS did not answer", "check the DNS", false],
    ["ECONNREFUSED", "nothing accepts connections at this host and port", "Check the port", false],
    ["ECONNRESET", "the other side closed the connection", "Try again later", false],
    ["EPIPE", "the other side closed the connection", "Try again later", false],
    ["UND_ERR_SOCKET", "the other side closed the connection", "Try again later", false],
    ["EHOSTUNREACH", "this machine has no route to the host", "NODE_USE_ENV_PROXY", false],
    ["ENETUNREACH", "this machine has no route to the host", "firewall", false],
    ["ETIMEDOUT", "the host did not accept the connection in time", "firewall", false],
    ["UND_ERR_CONNECT_TIMEOUT", "the host did not accept the connection in time", "NODE_USE_ENV_PROXY", false],
    ["UND_ERR_HEADERS_TIMEOUT", "did not answer in time", "Try again later", false],
    ["UND_ERR_BODY_TIMEOUT", "did not answer in time", "Try again later", false],
    ["CERT_HAS_EXPIRED", "the server's certificate has expired", "clock", true],
    ["CERT_NOT_YET_VALID", "the server's certificate is not valid yet", "clock", true],
    ["CERT_REVOKED", "the server's certificate was revoked", "another certificate", true],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "the server's certificate is self-signed", "NODE_EXTRA_CA_CERTS", true],
    ["SELF_SIGNED_CERT_IN_CHAIN", "an authority that this process does not trust", "NODE_EXTRA_CA_CERTS", true],
    ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "an authority that this process does not trust", "DENO_CERT", true],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "certificate chain is incomplete", "intermediate certificates", true],
    ["UNABLE_TO_GET_ISSUER_CERT", "certificate chain is incomplete", "intermediate certificates", true],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "the server's certificate is for another host name", "host name", true],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "the server does not speak TLS at this port", "`insecureHosts`", true],
    ["ERR_SSL_PACKET_LENGTH_TOO_LONG", "the server does not speak TLS at this port", "Check the port", true],
    ["EPROTO", "the TLS handshake failed", "TLS 1.2", true],
    ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "the TLS handshake failed", "TLS 1.2", true],
    ["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", "the TLS handshake failed", "client certificate", true],
    ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "requires a client certificate", "RequestInit", true],
    ["ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR", "the TLS handshake failed", "TLS 1.2", false],
    ["HPE_INVALID_CONSTANT", "the answer is not HTTP", "Check the port", false],
    ["HPE_INVALID_HEADER_TOKEN", "the answer breaks the rules of HTTP", "what answers at this address", false],
    ["UND_ERR_HEADERS_OVERFLOW", "the answer breaks the rules of HTTP", "what answers at this address", false]
  ])("with %s says what it means and what to check", (code, shown, advice, isLasting) => {
    const failure = connectionFailure(undici(code), false)
    expect(failure.description.startsWith(`${code}: `)).toBe(true)
    expect(failure.description).toContain(shown)
    expect(failure.advice).toContain(advice)
    expect(failure.isLasting).toBe(isLasting)
  })

  it("an answer that is not HTTP is lasting only for an `http:` address, since a broken https answer may pass", () => {
    expect(connectionFailure(undici("HPE_INVALID_CONSTANT"), true).isLasting).toBe(true)
    expect(connectionFailure(undici("HPE_INVALID_CONSTANT"), false).isLasting).toBe(false)
  })

  it.each(["ECONNRESET", "UND_ERR_SOCKET", "HPE_INVALID_CONSTANT"])(
    "of an `http:` address with %s says first that the server may expect https, and of an `https:` address nothing of it",
    (code) => {
      expect(connectionFailure(undici(code), true).advice).toMatch(/^Check [^.]*whether the server expects https/)
      expect(connectionFailure(undici(code), false).advice).not.toContain("https")
    }
  )

  it("with an unknown code shows the code without a guess", () => {
    expect(connectionFailure(undici("UND_ERR_SOMETHING"), false)).toEqual({
      description: "UND_ERR_SOMETHING",
      advice: undefined,
      isLasting: false
    })
  })

  it.each<Row>([
    [new TypeError("fetch failed", { cause: new Error("bad port") }), "bad port: `fetch` sends nothing", "port", true],
    [
      new TypeError("fetch failed", {
        cause: Object.assign(new Error("Proxy response (407) !== 200 when HTTP Tunneling"), { code: "UND_ERR_ABORTED" })
      }),
      "Proxy response (407): the proxy did not open",
      "credentials",
      false
    ]
  ])("is known by its message: %s", (error, shown, advice, isLasting) => {
    const failure = connectionFailure(error, false)
    expect(failure.description).toContain(shown)
    expect(failure.advice).toContain(advice)
    expect(failure.isLasting).toBe(isLasting)
  })

  it("to a host with several addresses is known by the error of the first address", () => {
    const each = ["ECONNREFUSED", "ENETUNREACH"].map((code) => Object.assign(new Error(code), { code }))
    expect(connectionFailure(new TypeError("fetch failed", { cause: new AggregateError(each) }), false).description)
      .toContain("ECONNREFUSED: ")
  })
})

describe("a failed connection of another platform", () => {
  it.each<Row>([
    [bun("ENOTFOUND"), "ENOTFOUND: the host name has no address", "spelling", false],
    [bun("ConnectionRefused"), "ConnectionRefused: nothing accepts", "port", false],
    [bun("FailedToOpenSocket"), "FailedToOpenSocket: nothing accepts", "port", false],
    [bun("ConnectionClosed"), "ConnectionClosed: the other side closed", "later", false],
    [bun("Malformed_HTTP_Response"), "Malformed_HTTP_Response: the answer is not HTTP", "Check the port", false],
    [bun("EPROTO"), "EPROTO: the TLS handshake failed", "TLS 1.2", true],
    [deno("tcp connect error: Connection refused (os error 111)"), "Connection refused: nothing", "port", false],
    [
      deno("dns error: failed to lookup address information: Name or service not known"),
      "failed to lookup address information: the host name has no address",
      "spelling",
      false
    ],
    [deno("tcp connect error: Network is unreachable (os error 101)"), "Network is unreachable: ", "VPN", false],
    [deno("invalid peer certificate: Expired"), "Expired: the server's certificate has expired", "clock", true],
    [deno("invalid peer certificate: NotValidYet"), "NotValidYet: ", "clock", true],
    [deno("invalid peer certificate: UnknownIssuer"), "UnknownIssuer: ", "DENO_CERT", true],
    [
      deno("invalid peer certificate: certificate not valid for name \"a.example\"; certificate is only valid for b"),
      "certificate not valid for name: ",
      "host name",
      true
    ],
    [deno("invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))"), "self-signed", "DENO_CERT", true],
    [deno("received corrupt message of type InvalidContentType"), "does not speak TLS", "Check the port", true],
    [deno("received fatal alert: ProtocolVersion"), "ProtocolVersion: the TLS handshake failed", "TLS 1.2", true],
    [deno("received fatal alert: CertificateRequired"), "requires a client certificate", "dispatcher", true],
    [new Error("Connection reset by peer (os error 104)"), "Connection reset by peer: ", "later", false],
    [deno("connection closed before message completed"), "the other side closed the connection", "later", false],
    [deno("invalid HTTP version parsed"), "the answer is not HTTP", "Check the port", false],
    [new TypeError("Fetch failed: Requests to port 6000 are blocked"), "Requests to port 6000", "another port", true],
    [new Error("Network connection lost."), "Network connection lost: the other side closed", "later", false],
    [new Error("internal error; reference = 5dbe16541b"), "internal error: the platform", "wrangler tail", false]
  ])("is explained: %s", (error, shown, advice, isLasting) => {
    const failure = connectionFailure(error, false)
    expect(failure.description).toContain(shown)
    expect(failure.advice).toContain(advice)
    expect(failure.isLasting).toBe(isLasting)
  })
})

describe("an error that says nothing about the connection", () => {
  const own: { cause?: unknown } = {}
  own.cause = own

  it.each<readonly [name: string, error: unknown]>([
    ["undefined", undefined],
    ["null", null],
    ["a text", "ECONNREFUSED"],
    ["a number", 7],
    ["an error without a code", new Error("terminated")],
    ["a code that is a number", { code: 20 }],
    ["a code with a line break", { code: "ENOTFOUND\nSet-Cookie: a" }],
    ["a code that is a sentence", { code: "the secret is open" }],
    ["a very long code", { code: "E".repeat(1000) }],
    ["an object that is its own cause", own],
    ["a chain of causes without an end", Array.from({ length: 50 }).reduce((cause) => ({ cause }), {})]
  ])("gives no description: %s", (_, error) => {
    expect(connectionFailure(error, true)).toEqual({ description: "", advice: undefined, isLasting: false })
  })
})
