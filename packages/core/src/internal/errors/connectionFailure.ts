import { errorChain, messageOf } from "./errorChain.ts"

/**
 * Why a connection failed, as the transport's error says.
 *
 * @internal
 */
export interface ConnectionFailure {
  /** The code and its meaning, as a part of a sentence; empty if the error says nothing that is known. */
  readonly description: string
  /** What to check, as sentences. */
  readonly advice: string | undefined
  /** Whether waiting cannot help: a certificate, an address or a setting must be corrected first. */
  readonly isLasting: boolean
}

interface Fault {
  readonly meaning: string
  readonly advice: string
  /** The advice about an `http:` address, if it differs. */
  readonly adviceOverHttp?: string
  /** `"http"`: only a request over plain http shows by this fault that its address is wrong. */
  readonly lasts: boolean | "http"
}

const PROXY = "Where a proxy is required, set `NODE_USE_ENV_PROXY=1` (Node.js), or give `fetch` a dispatcher."
const TRUST = "To trust its authority, name a PEM file in `NODE_EXTRA_CA_CERTS` (Node.js, Bun) or `DENO_CERT` (Deno)."

const unknownHost: Fault = {
  meaning: "the host name has no address",
  advice: `Check the spelling of the host name, and the DNS of this machine. ${PROXY}`,
  lasts: false
}
const silentDns: Fault = {
  meaning: "the DNS did not answer",
  advice: "Try again later. If the failure stays, check the DNS of this machine or container.",
  lasts: false
}
const refusedPort: Fault = {
  meaning: "nothing accepts connections at this host and port",
  advice: "Check the port, and that the server is running.",
  lasts: false
}
const closed: Fault = {
  meaning: "the other side closed the connection",
  advice: "Try again later.",
  adviceOverHttp: "Check whether the server expects https at this port. If it does not, try again later.",
  lasts: false
}
const noRoute: Fault = {
  meaning: "this machine has no route to the host",
  advice: `Check the network, the VPN and the firewall. ${PROXY}`,
  lasts: false
}
const silentHost: Fault = {
  meaning: "the host did not accept the connection in time",
  advice: `Check the host name and the port, and whether a firewall stands between. ${PROXY}`,
  lasts: false
}
const silentServer: Fault = {
  meaning: "the server accepted the connection and did not answer in time",
  advice: "Try again later, and check the server's own log if the failure stays.",
  lasts: false
}
const refusingProxy: Fault = {
  meaning: "the proxy did not open a connection to the host",
  advice: "Check the address of the proxy, its credentials, and the hosts that it permits.",
  lasts: false
}
const expired: Fault = {
  meaning: "the server's certificate has expired",
  advice: "Ask the server's operator to renew the certificate, and check the clock of this machine.",
  lasts: true
}
const notYetValid: Fault = {
  meaning: "the server's certificate is not valid yet",
  advice: "Check the clock of this machine, and ask the server's operator for the certificate's dates.",
  lasts: true
}
const revoked: Fault = {
  meaning: "the server's certificate was revoked",
  advice: "Ask the server's operator for another certificate.",
  lasts: true
}
const selfSigned: Fault = {
  meaning: "the server's certificate is self-signed",
  advice: TRUST.replace("its authority", "the certificate"),
  lasts: true
}
const unknownAuthority: Fault = {
  meaning: "the server's certificate comes from an authority that this process does not trust",
  advice: `${TRUST} A company's proxy that reads TLS has an authority of its own.`,
  lasts: true
}
const incompleteChain: Fault = {
  meaning: "the server's certificate chain is incomplete, or its authority is not trusted",
  advice: `Ask the server's operator to send the intermediate certificates. ${TRUST}`,
  lasts: true
}
const otherHost: Fault = {
  meaning: "the server's certificate is for another host name",
  advice: "Use a host name that stands in the certificate, or ask the server's operator for one that has this name.",
  lasts: true
}
const noTls: Fault = {
  meaning: "the server does not speak TLS at this port",
  advice: "Check the port. Plain http is for loopback hosts and the hosts in `insecureHosts`, with an `http:` address.",
  lasts: true
}
const noHandshake: Fault = {
  meaning: "the TLS handshake failed",
  advice: "Check that the server speaks TLS 1.2 or later at this port, and whether it requires a client certificate.",
  lasts: true
}
const clientCertificate: Fault = {
  meaning: "the server requires a client certificate",
  advice: "Give `fetch` a dispatcher that has one, by `FetchHttpClient.RequestInit`.",
  lasts: true
}
const notHttp: Fault = {
  meaning: "the answer is not HTTP",
  advice: "Check the port.",
  adviceOverHttp: "Check the port, and whether the server expects https there.",
  lasts: "http"
}
const brokenHttp: Fault = {
  meaning: "the answer breaks the rules of HTTP",
  advice: "Check what answers at this address: a proxy, a gateway, or a server of another kind.",
  lasts: false
}
const blockedPort: Fault = {
  meaning: "`fetch` sends nothing to this port, which belongs to another protocol",
  advice: "Serve the address at another port.",
  lasts: true
}
const unexplained: Fault = {
  meaning: "the platform gives the reason only in its own log",
  advice: "Look there, on Cloudflare Workers with `wrangler tail`.",
  lasts: false
}

/** The codes of Node.js (system calls, DNS, TLS, undici and its parser) and of Bun. */
const faults: ReadonlyMap<string, Fault> = new Map([
  ["ENOTFOUND", unknownHost],
  ["ENODATA", unknownHost],
  ["EAI_NONAME", unknownHost],
  ["EAI_NODATA", unknownHost],
  ["EAI_AGAIN", silentDns],
  ["EAI_FAIL", silentDns],
  ["ESERVFAIL", silentDns],
  ["ETIMEOUT", silentDns],
  ["ECONNREFUSED", refusedPort],
  ["ConnectionRefused", refusedPort],
  ["FailedToOpenSocket", refusedPort],
  ["ECONNRESET", closed],
  ["ECONNABORTED", closed],
  ["EPIPE", closed],
  ["UND_ERR_SOCKET", closed],
  ["ConnectionClosed", closed],
  ["EHOSTUNREACH", noRoute],
  ["EHOSTDOWN", noRoute],
  ["ENETUNREACH", noRoute],
  ["ENETDOWN", noRoute],
  ["EADDRNOTAVAIL", noRoute],
  ["ETIMEDOUT", silentHost],
  ["UND_ERR_CONNECT_TIMEOUT", silentHost],
  ["UND_ERR_HEADERS_TIMEOUT", silentServer],
  ["UND_ERR_BODY_TIMEOUT", silentServer],
  ["CERT_HAS_EXPIRED", expired],
  ["CERT_NOT_YET_VALID", notYetValid],
  ["CERT_REVOKED", revoked],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", selfSigned],
  ["SELF_SIGNED_CERT_IN_CHAIN", unknownAuthority],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", unknownAuthority],
  ["CERT_UNTRUSTED", unknownAuthority],
  ["INVALID_CA", unknownAuthority],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", incompleteChain],
  ["UNABLE_TO_GET_ISSUER_CERT", incompleteChain],
  ["ERR_TLS_CERT_ALTNAME_INVALID", otherHost],
  ["HOSTNAME_MISMATCH", otherHost],
  ["ERR_SSL_WRONG_VERSION_NUMBER", noTls],
  ["ERR_SSL_PACKET_LENGTH_TOO_LONG", noTls],
  ["ERR_SSL_HTTP_REQUEST", noTls],
  ["EPROTO", noHandshake],
  ["ERR_SSL_UNSUPPORTED_PROTOCOL", noHandshake],
  ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", noHandshake],
  ["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", noHandshake],
  ["ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE", noHandshake],
  ["UND_ERR_HEADERS_OVERFLOW", brokenHttp],
  ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", clientCertificate],
  ["HPE_INVALID_CONSTANT", notHttp],
  ["HPE_INVALID_VERSION", notHttp],
  ["Malformed_HTTP_Response", notHttp]
])

/** What all codes that begin so have in common, for those that are not listed. */
const families: ReadonlyArray<readonly [prefix: string, fault: Fault]> = [
  ["HPE_", brokenHttp],
  // Some alerts pass, such as that of a server which is about to get its certificate.
  ["ERR_SSL_", { ...noHandshake, lasts: false }]
]

const faultOf = (code: string): Fault | undefined =>
  faults.get(code) ?? families.find(([prefix]) => code.startsWith(prefix))?.[1]

/**
 * The messages of transports whose errors have no code: Deno, workerd, and some errors of undici. The first group is
 * what is shown in place of a code; without a group it is the given text.
 */
const messages: ReadonlyArray<readonly [pattern: RegExp, fault: Fault, shown?: string]> = [
  [/invalid peer certificate: (Expired)/, expired],
  [/invalid peer certificate: (NotValidYet)/, notYetValid],
  [/invalid peer certificate: (Revoked)/, revoked],
  [/(CaUsedAsEndEntity)/, selfSigned],
  [/invalid peer certificate: (UnknownIssuer)/, incompleteChain],
  [/invalid peer certificate: (NotValidForName)/, otherHost],
  [/(certificate not valid for name)/, otherHost],
  [/received corrupt message of type (InvalidContentType)/, noTls],
  [/received fatal alert: (CertificateRequired)/, clientCertificate],
  [/received fatal alert: (ProtocolVersion|HandshakeFailure)/, noHandshake],
  [/(invalid HTTP version parsed)/, notHttp],
  [/dns error: (failed to lookup address information)/, unknownHost],
  [/(Connection refused)/, refusedPort],
  [/(Connection reset by peer)/, closed],
  [/(connection closed before message completed)/, closed],
  [/(No route to host|Network is unreachable)/, noRoute],
  [/(Network connection lost)/, closed],
  [/^(internal error); reference = /, unexplained],
  [/^(bad port)$/, blockedPort],
  [/(Requests to port \d{1,5} are blocked)/, blockedPort],
  [/(Proxy response \(\d{3}\))/, refusingProxy]
]

/** A code as Node.js, undici and Bun write them. Anything else may be text of another kind. */
const codeOf = (error: object): string | undefined =>
  "code" in error && typeof error.code === "string" && /^[A-Za-z][\w/]{2,63}$/.test(error.code) ? error.code : undefined

const shown = (code: string, fault: Fault, isPlainHttp: boolean): ConnectionFailure => ({
  description: `${code}: ${fault.meaning}`,
  advice: isPlainHttp ? fault.adviceOverHttp ?? fault.advice : fault.advice,
  isLasting: fault.lasts === "http" ? isPlainHttp : fault.lasts
})

/**
 * Why a connection failed: the known code or message in the chain of causes that is nearest to the outside, or else the
 * first code that is not known.
 *
 * @param isPlainHttp whether the request was for an `http:` address
 *
 * @internal
 */
export const connectionFailure = (error: unknown, isPlainHttp: boolean): ConnectionFailure => {
  const chain = errorChain(error)
  for (const one of chain) {
    const code = codeOf(one)
    const fault = code === undefined ? undefined : faultOf(code)
    if (code !== undefined && fault !== undefined) return shown(code, fault, isPlainHttp)
    const message = messageOf(one)
    for (const [pattern, fault] of messages) {
      const match = pattern.exec(message)
      if (match !== null) return shown(match[1] ?? match[0], fault, isPlainHttp)
    }
  }
  const code = chain.map(codeOf).find((code) => code !== undefined)
  return { description: code ?? "", advice: undefined, isLasting: false }
}
